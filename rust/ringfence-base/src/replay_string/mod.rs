//! Replay strings: one execution as a word that can be copied.
//!
//! `rf1:` and then letters and digits only, so that no shell needs quotes and a double click takes it whole. It says
//! which execution it is (the scenario, the profile, what the execution did other than run to completion), how long it
//! was, and what happened, as a digest. `layout.rs` has the form, which stays as it is for good: another one would be
//! `rf2:`.

mod bits;
mod deviations;
mod error;
mod layout;
mod repair;
mod text;

pub use deviations::{Deviation, Deviations, Taken};
pub use error::NotAReplayString;

use crate::scenario::Identity;
use crate::{Digest, End};

/// How a recorded execution ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RecordedEnd {
    /// Everything has returned.
    Finished,
    /// Somebody waits, and nothing can happen any more.
    Hung,
    /// It would have gone on.
    CutOff,
}

impl From<End> for RecordedEnd {
    fn from(end: End) -> Self {
        match end {
            End::Finished => Self::Finished,
            End::Hung => Self::Hung,
            End::Bound | End::Interrupted => Self::CutOff,
        }
    }
}

/// What made the choices.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Course {
    /// Each context as long as it can run, everything as ordinary as can be; except for these.
    Except(Deviations),
    /// One step of each context in turn.
    RoundRobin,
    /// Every choice at random, from this seed.
    Random(u64),
}

/// One execution: what it takes to have it again, and to know that it is the same.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Recorded {
    /// The version of the model that it was run on.
    pub model: u32,
    /// Switches of the profile, a bit each, as their owner counts them; 0 for the most usual profile.
    pub profile: u32,
    /// The scenario.
    pub scenario: Identity,
    /// How it ended.
    pub end: RecordedEnd,
    /// How many steps it had.
    pub steps: u64,
    /// Of its events.
    pub events: Digest,
    /// What made the choices.
    pub course: Course,
}
