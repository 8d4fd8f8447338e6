//! What the renderers print and what the registry holds.

mod builder;
mod findings;
mod minimised;
mod rules;
mod splat;
mod text;
