//! What explorers drive.

use core::hash::Hash;

use crate::{Action, Decide, Footprint, SiteId};

/// How an execution ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// Every thread has returned, and everything that was set off has run.
    Finished,
    /// Nothing can happen any more, but somebody still waits.
    Hung,
    /// The bound on steps was reached: says nothing about the system.
    Bound,
    /// Whoever wanted it does not any more.
    Interrupted,
}

/// A closed system in the middle of an execution. The same actions and decisions from the start lead to the same state.
pub trait System {
    /// Back to the first step.
    fn restart(&mut self);

    /// Everything that can happen next, in a fixed order without repetition; empty if the execution is over.
    fn enabled(&mut self, actions: &mut Vec<Action>);

    /// The same after a step; `actions` is what was enabled before it. Systems in which that seldom changes can tell
    /// so at less cost.
    #[inline]
    fn enabled_again(&mut self, actions: &mut Vec<Action>) {
        self.enabled(actions);
    }

    /// Takes one step. `action` is one of [`System::enabled`], asked for since the step before.
    fn step(&mut self, action: Action, decide: &mut impl Decide);

    /// Nothing can happen any more: judges the end.
    fn over(&mut self) -> End;
}

/// A system that can tell what its steps touch.
pub trait Dependent: System {
    /// From now on [`Dependent::footprint`] is asked for, or is not: not asking is faster.
    fn track(&mut self, on: bool);

    /// What the latest step has touched of what parties share.
    fn footprint(&mut self, footprint: &mut Footprint);

    /// The step would do nothing but begin to wait for an exclusive lock. Explorers put such steps off: whoever
    /// waits is not seen by others, and taking the lock once it is free comes to the same.
    fn only_waits(&mut self, action: Action) -> bool;
}

/// A system whose state can be told from others, kept, and gone back to.
pub trait Stateful: System {
    /// A state. Equal states go on equally.
    type State: Clone + Eq + Hash;

    /// Keeps the present state, in memory that is there.
    fn save(&self, state: &mut Self::State);

    /// A copy of the present state.
    fn state(&self) -> Self::State;

    /// Goes on from a state, which was saved from this system. Whatever was enabled there can be taken without being
    /// asked for again.
    fn load(&mut self, state: &Self::State);

    /// Bytes of memory that a kept state takes, about, with what it holds besides itself.
    fn state_bytes(state: &Self::State) -> usize {
        size_of_val(state)
    }

    /// A number that equal states share and different states, but for bad luck, do not; the same in every process.
    fn fingerprint(&self) -> u64;
}

/// A system that can tell that it goes round.
pub trait Recurrent: System {
    /// A number that equal states share, and those that differ only in what time it is: they go on equally too, later.
    /// Others, but for bad luck, do not.
    fn recurrence(&self) -> u64;
}

/// A system whose next steps are at places that can be named.
pub trait Located: System {
    /// The operation that the action would do next, or go on with.
    fn site(&mut self, action: Action) -> SiteId;
}

/// A system that knows who is inside of what.
pub trait Holding: Located {
    /// Whether the context has come past this place and is still inside of what began there: it holds a lock that it
    /// took there, is in a section that began there, or runs what an operation there has called.
    fn holds(&mut self, context: u32, site: SiteId) -> bool;
}
