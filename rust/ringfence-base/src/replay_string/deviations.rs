//! Where an execution leaves the ordinary course.

use core::num::NonZeroU32;

use crate::{Action, ChoiceKind};

/// Something that was not the ordinary choice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Deviation {
    /// 0-based number of the step.
    pub step: u64,
    /// What was taken.
    pub taken: Taken,
}

/// What was taken instead of the ordinary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Taken {
    /// The step is this one.
    Action(Action),
    /// A decision within the step.
    Decision {
        /// 0-based, among the step's decisions.
        number: u32,
        /// What it is about.
        kind: ChoiceKind,
        /// What was decided.
        choice: NonZeroU32,
    },
}

/// Deviations in the order in which they come: by step; within a step the action first, then its decisions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Deviations(Vec<Deviation>);

impl Deviations {
    /// Adds one behind all others.
    ///
    /// # Panics
    /// It comes before one that is there: an engine bug.
    pub fn push(&mut self, deviation: Deviation) {
        let place = |Deviation { step, taken }: Deviation| match taken {
            Taken::Action(_) => (step, None),
            Taken::Decision { number, .. } => (step, Some(number)),
        };
        let last = self.0.last().copied();
        assert!(
            last.is_none_or(|last| place(last) < place(deviation)),
            "engine bug: {deviation:?} behind {last:?}"
        );
        self.0.push(deviation);
    }

    /// One after the other.
    pub fn as_slice(&self) -> &[Deviation] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
