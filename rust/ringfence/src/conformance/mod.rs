//! The model against the real kernel: recordings of what Linux did are replayed on it, operation by operation.

pub mod ww_mutex;

use thiserror::Error;

/// A recording, replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// Its name.
    pub id: String,
    /// How many operations were replayed.
    pub steps: usize,
    /// Where the model first did something else; `None`: it never did.
    pub difference: Option<Difference>,
}

/// The model did something else than the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// 0-based number of the operation.
    pub step: usize,
    /// What the kernel did.
    pub recorded: String,
    /// What the model did.
    pub modelled: String,
}

/// A line is no recording.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RecordingError {
    /// It can't be read.
    #[error("not a recording: {0}")]
    Json(String),
    /// It can be read, but one of its operations can't be done.
    #[error("{id}, steps[{step}]: {what}")]
    Step {
        /// Name of the recording.
        id: String,
        /// 0-based number of the operation.
        step: usize,
        /// What is wrong with it.
        what: String,
    },
}
