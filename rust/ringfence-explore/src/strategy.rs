//! What makes the choices of one execution, one at a time.

use ringfence_base::{Action, Decide};
use thiserror::Error;

/// Makes the choices of one execution.
pub trait Strategy: Decide {
    /// One of the enabled actions; at least two.
    fn schedule(&mut self, actions: &[Action]) -> usize;

    /// This action is taken without its choice: it is the only one, or somebody else has chosen.
    #[inline]
    fn follow(&mut self, _: Action) {}

    /// The first choice that it could not make as it was told to.
    fn misfit(&self) -> Option<Misfit> {
        None
    }
}

/// A recorded choice that was not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "choice {position} of the schedule is {choice}, but what is possible there is 0 to {most}: it is a schedule of \
     another scenario, profile or version"
)]
pub struct Misfit {
    /// 0-based number of the choice.
    pub position: usize,
    /// The choice.
    pub choice: u32,
    /// The highest choice that is possible.
    pub most: usize,
}
