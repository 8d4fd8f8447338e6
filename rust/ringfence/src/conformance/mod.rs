//! The model against the real kernel: recordings of what Linux did are replayed on it, operation by operation,
//! through the operations that scenarios use.
//!
//! A recording is one line of JSON. What form it has is told by its fields; each form has its own module here.

mod args;
mod dma_buf;
mod dma_buf_ops;
mod drm_sched;
mod fields;
mod run;
mod ww_mutex;

use serde::Serialize;
use thiserror::Error;

use fields::Fields;

pub use run::{Batch, Decided, Item, Options, Run};

/// A recording, replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// Its name.
    pub id: String,
    /// What sort of recording it is, in its own words.
    pub family: String,
    /// How many operations were replayed: all of them, unless they made no sense after a difference.
    pub steps: usize,
    /// What the model did in each of them: JSON in the recording's own form.
    pub results: Vec<String>,
    /// The recording says of at least one operation what the kernel did.
    pub recorded: bool,
    /// Where the model first did something else; `None`: it never did.
    pub difference: Option<Difference>,
}

/// The model did something else than the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// 0-based number of the operation.
    pub step: usize,
    /// The operation, as the recording has it.
    pub op: String,
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
    #[error("{id}, {list}[{step}]: {what}")]
    Step {
        /// Name of the recording.
        id: String,
        /// Its field with the operations.
        list: &'static str,
        /// 0-based number of the operation.
        step: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// What a recording says that the kernel did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Recorded {
    /// It is compared, up to the first difference.
    Compared,
    /// It is not looked at.
    Ignored,
}

/// The forms of recordings that can be replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Calls of the dma-buf API: `ops` and `results`.
    DmaBuf,
    /// Threads that contend for `ww_mutex`es: `class` and `steps`.
    WwMutex,
    /// The DRM scheduler at work: `policy` and `steps`.
    DrmSched,
}

impl Form {
    /// What form a recording has, by its fields.
    fn of(fields: &Fields) -> Result<Self, RecordingError> {
        if fields.has("class") && fields.has("steps") {
            Ok(Self::WwMutex)
        } else if fields.has("policy") && fields.has("steps") {
            Ok(Self::DrmSched)
        } else if fields.has("ops") && !fields.has("verdict") && !fields.has("locks") {
            Ok(Self::DmaBuf)
        } else {
            Err(RecordingError::Json(
                "neither calls of the dma-buf API (`ops` and `results`) nor a contest for ww_mutexes (`class` \
                 and `steps`) nor the DRM scheduler at work (`policy` and `steps`); traces with a `verdict` are \
                 for `ringfence lockdep`"
                    .into(),
            ))
        }
    }
}

/// Replays a recording of any form, up to the first operation in which the model did something else.
///
/// # Errors
/// If the line is none, or one of its operations can't be done; says which and why.
pub fn replay_line(line: &str) -> Result<Replayed, RecordingError> {
    replay(&parse(line)?, Recorded::Compared)
}

/// Replays a recording of any form to its end, whatever it says that the kernel did; also the same recording with
/// what the model did in its place.
///
/// # Errors
/// As [`replay_line`].
pub fn answer_line(line: &str) -> Result<(Replayed, String), RecordingError> {
    let fields = parse(line)?;
    let replayed = replay(&fields, Recorded::Ignored)?;
    let text = match Form::of(&fields)? {
        Form::DmaBuf => dma_buf::with_results(&fields, &replayed.results),
        Form::WwMutex => ww_mutex::with_results(&fields, &replayed.results)?,
        Form::DrmSched => drm_sched::with_results(&fields, &replayed.results)?,
    };
    Ok((replayed, text))
}

fn parse(line: &str) -> Result<Fields, RecordingError> {
    serde_json::from_str(line).map_err(|error| RecordingError::Json(error.to_string()))
}

fn replay(fields: &Fields, recorded: Recorded) -> Result<Replayed, RecordingError> {
    match Form::of(fields)? {
        Form::DmaBuf => dma_buf::replay(fields, recorded),
        Form::WwMutex => ww_mutex::replay(fields, recorded),
        Form::DrmSched => drm_sched::replay(fields, recorded),
    }
}

/// A recording, understood.
struct Recording<Op, Outcome> {
    id: String,
    family: String,
    /// The field with the operations.
    list: &'static str,
    /// Each with its own text.
    ops: Vec<(Op, String)>,
    /// What the kernel did in each, as far as it is to be compared.
    recorded: Vec<Option<Outcome>>,
}

impl<Op, Outcome: PartialEq + Serialize> Recording<Op, Outcome> {
    /// Does one operation after the other, up to the first difference.
    fn drive(self, mut step: impl FnMut(&Op) -> Result<Outcome, String>) -> Result<Replayed, RecordingError> {
        let Self { id, family, list, ops, recorded } = self;
        let some_recorded = recorded.iter().any(Option::is_some);
        let (mut results, mut difference) = (Vec::with_capacity(ops.len()), None);
        for (number, (op, text)) in ops.iter().enumerate() {
            let complain = |what| RecordingError::Step { id: id.clone(), list, step: number, what };
            let modelled = step(op).map_err(complain)?;
            results.push(json(&modelled));
            let expected = recorded.get(number).and_then(Option::as_ref);
            if let Some(expected) = expected.filter(|expected| **expected != modelled) {
                let (op, recorded, modelled) = (text.clone(), json(expected), json(&modelled));
                difference = Some(Difference { step: number, op, recorded, modelled });
                break;
            }
        }
        let steps = results.len();
        Ok(Replayed { id, family, steps, results, recorded: some_recorded, difference })
    }
}

fn json(outcome: &impl Serialize) -> String {
    serde_json::to_string(outcome).expect("engine bug: numbers that are no JSON")
}
