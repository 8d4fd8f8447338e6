//! What a search has done, and why it ended: the same for all searches.

use crate::execution::Limits;

/// How far a search may go.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Of each execution. Whether the search is still wanted is asked at least every few thousand steps, however short
    /// its executions are.
    pub execution: Limits<'a>,
    /// At most so many executions, those that told nothing new not counted.
    pub executions_max: u64,
    /// At most about so many bytes of memory for what the search itself keeps.
    pub memory_max: u64,
}

impl<'a> Budget<'a> {
    /// Only executions are limited, each by itself.
    pub const fn each(execution: Limits<'a>) -> Self {
        Budget { execution, executions_max: u64::MAX, memory_max: u64::MAX }
    }
}

/// Why a search did not see everything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stop {
    /// Its visitor had seen enough.
    Visitor,
    /// It has run as many executions as it may.
    Executions,
    /// Whoever wanted it does not any more: time, or a person.
    Interrupted,
    /// It would need more memory than it may have.
    Memory,
    /// It went through everything there was, but for some outcomes of a choice between very many.
    Choices,
    /// It went through everything there was, but at least one execution met its bound on steps: what lies behind is
    /// unknown.
    Steps,
    /// It went through everything within its bound on preemptions or delays: what needs more of them is unknown.
    Deviations,
}

/// What a search has done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// Executions that its visitor was told of and that came to an end: their own or the bound on steps.
    pub executions: u64,
    /// Those of them that met the bound on steps.
    pub bounded: u64,
    /// Executions given up on the way, because everything they could still have led to was known.
    pub blocked: u64,
    /// Steps taken, those included that only led back to where something new begins.
    pub steps: u64,
    /// Different states seen, if the search tells states apart.
    pub states: Option<u64>,
    /// Estimate of the share of everything that was seen, from 0 to 1. Each search says how it estimates.
    pub share: f64,
    /// Bytes of memory that the search held at its end, besides the system's own.
    pub memory: u64,
    /// Why there may be something that it has not seen; none if it has seen everything.
    pub stopped: Option<Stop>,
}

impl Summary {
    /// Everything was seen.
    pub fn complete(&self) -> bool {
        self.stopped.is_none()
    }
}
