//! The model, concept by concept.

mod build;
mod locks;
mod run;
