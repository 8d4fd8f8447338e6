//! The programs as models for stateright: one action for each lock and unlock, counting done with the inner lock.

use stateright::{Checker, Model, Property, UniformChooser};

const FREE: u8 = u8::MAX;

/// Threads with programs of locks and unlocks.
#[derive(Clone, Debug)]
pub struct Locks {
    /// Of each thread: which lock it takes (true) or gives back, one after the other.
    programs: Vec<Vec<(bool, u8)>>,
    locks: usize,
}

/// A state of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    next: Vec<u8>,
    owners: Vec<u8>,
    count: u8,
}

impl Locks {
    /// ordered(n).
    pub fn ordered(threads: usize) -> Self {
        let program = vec![(true, 0), (true, 1), (false, 1), (false, 0)];
        Self { programs: vec![program; threads], locks: 2 }
    }

    /// own(n).
    pub fn own(threads: usize) -> Self {
        let program = |lock: usize| vec![(true, lock as u8), (false, lock as u8)];
        Self { programs: (0..threads).map(program).collect(), locks: threads }
    }

    /// Actions of an execution.
    fn length(&self) -> usize {
        self.programs.iter().map(Vec::len).sum()
    }
}

impl Model for Locks {
    type State = State;
    type Action = u8;

    fn init_states(&self) -> Vec<State> {
        vec![State { next: vec![0; self.programs.len()], owners: vec![FREE; self.locks], count: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<u8>) {
        for (thread, program) in self.programs.iter().enumerate() {
            if let Some(&(takes, lock)) = program.get(usize::from(state.next[thread]))
                && (!takes || state.owners[usize::from(lock)] == FREE)
            {
                actions.push(thread as u8);
            }
        }
    }

    fn next_state(&self, last: &State, thread: u8) -> Option<State> {
        let mut state = last.clone();
        let next = &mut state.next[usize::from(thread)];
        let (takes, lock) = self.programs[usize::from(thread)][usize::from(*next)];
        *next += 1;
        state.owners[usize::from(lock)] = if takes { thread } else { FREE };
        state.count += u8::from(takes && lock == 1);
        Some(state)
    }

    // Without a property that is still open, it would stop at once.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("counts each thread once", |model: &Self, state: &State| {
            usize::from(state.count) <= model.programs.len()
        })]
    }
}

/// So many random executions: how many, and their states.
pub fn simulate(model: &Locks, seed: u64, executions: u64) -> (u64, u64) {
    let states = model.length() as u64 + 1;
    let target = (executions * states) as usize;
    let checker = model.clone().checker().target_state_count(target);
    let checker = checker.spawn_simulation(seed, UniformChooser).join();
    checker.assert_properties();
    let made = checker.state_count() as u64;
    assert_eq!(made % states, 0, "executions of one length");
    (made / states, made)
}

/// Breadth first through everything: different states, and states made.
pub fn breadth_first(model: &Locks) -> (u64, u64) {
    let checker = model.clone().checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    (checker.unique_state_count() as u64, checker.state_count() as u64)
}
