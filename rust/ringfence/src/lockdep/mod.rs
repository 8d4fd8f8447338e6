//! Deciding traces.

mod run;
mod verdict;

pub use run::{Batch, Decided, Describe, Item, Options, Refused, Run};
pub use verdict::{VerdictJson, agrees, verdict_json};
