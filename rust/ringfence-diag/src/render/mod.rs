//! One renderer per format; each is a pure function of a finding.

mod clean;
mod json;
mod source;
mod splat;
mod text;

pub use json::json;
pub use splat::splat;
pub use text::{Again, Style, TextOptions, finding, finding_again, steps, text};
