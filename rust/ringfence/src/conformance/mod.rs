//! The model against the real kernel: recordings of what Linux did are replayed on it, operation by operation,
//! through the operations that scenarios use.
//!
//! A recording is one line of JSON. What form it has is told by its fields; each form has a file here.

pub mod dma_buf;
mod dma_buf_ops;
pub mod ww_mutex;

use serde_json::{Map, Value as Json};
use thiserror::Error;

/// A recording, replayed.
#[derive(Clone, PartialEq, Debug)]
pub struct Replayed {
    /// Its name.
    pub id: String,
    /// What sort of recording it is, in its own words.
    pub family: String,
    /// How many operations were replayed: all of them, unless they made no sense after a difference.
    pub steps: usize,
    /// What the model did in each of them, in the recording's own form.
    pub results: Vec<Json>,
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

/// The forms of recordings that can be replayed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Form {
    /// Calls of the dma-buf API: `ops` and `results`.
    DmaBuf,
    /// Threads that contend for `ww_mutex`es: `class` and `steps`.
    WwMutex,
}

impl Form {
    /// What form a recording has, by its fields.
    fn of(fields: &Map<String, Json>) -> Option<Self> {
        let has = |name| fields.contains_key(name);
        if has("ops") && has("results") {
            Some(Self::DmaBuf)
        } else if has("class") && has("steps") {
            Some(Self::WwMutex)
        } else {
            None
        }
    }
}

/// Replays a recording of any form.
///
/// # Errors
/// If the line is none, or one of its operations can't be done; says which and why.
pub fn replay_line(line: &str) -> Result<Replayed, RecordingError> {
    let fields: Map<String, Json> = serde_json::from_str(line).map_err(|error| json_error(&error))?;
    match Form::of(&fields) {
        Some(Form::DmaBuf) => dma_buf::replay_fields(fields),
        Some(Form::WwMutex) => ww_mutex::replay(line),
        None => Err(RecordingError::Json(
            "neither calls of the dma-buf API (`ops` and `results`) nor a contest for ww_mutexes (`class` and \
             `steps`); traces with a `verdict` are for `ringfence lockdep`"
                .into(),
        )),
    }
}

fn json_error(error: &serde_json::Error) -> RecordingError {
    RecordingError::Json(error.to_string())
}
