//! What makes a schedule special: where it is not the run-to-completion schedule.

use ringfence_base::{Action, ChoiceKind};

/// One choice that run-to-completion would have made otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Deviation {
    /// 0-based number of the choice in the schedule.
    pub position: usize,
    /// 0-based number of the step that the choice is about.
    pub step: u64,
    /// What was chosen.
    pub what: Chosen,
}

/// What was chosen, and what would have been.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Chosen {
    /// Another party came next.
    Party {
        /// The one that did.
        taken: Action,
        /// The one that would have.
        instead_of: Action,
    },
    /// A step asked, and was told something less ordinary than 0.
    Decision {
        /// Whose step.
        by: Action,
        /// What about.
        kind: ChoiceKind,
        /// The answer.
        value: u32,
    },
}

/// A deviation by what its party has done so far rather than by its position, so that it stays where it belongs when
/// others are left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Intent {
    /// What is to be chosen.
    pub what: Chosen,
    /// Another party: after so many steps of the one that would have come next. An answer: after so many answers to
    /// the party that asks.
    pub after: u32,
}

impl Intent {
    /// Whose steps or answers are counted.
    pub const fn party(&self) -> Action {
        match self.what {
            Chosen::Party { instead_of, .. } => instead_of,
            Chosen::Decision { by, .. } => by,
        }
    }
}
