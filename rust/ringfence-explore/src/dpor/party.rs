//! Who takes steps.

use ringfence_base::Action;
use rustc_hash::FxHashMap;

/// Contexts with higher numbers are looked up in a table of their own.
const DIRECT_MAX: usize = 1 << 12;

/// A number for each party: the action that its next step would be. Dense, in the order of appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties {
    /// One more than the number of the party, by context; 0 if it has none yet.
    direct: Vec<u32>,
    others: FxHashMap<Action, u32>,
    actions: Vec<Action>,
}

impl Parties {
    pub(super) fn clear(&mut self) {
        self.direct.clear();
        self.others.clear();
        self.actions.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.actions.len()
    }

    /// The party whose steps are this action.
    #[inline]
    pub(super) fn of(&mut self, action: Action) -> u32 {
        if let Action::Run(context) = action
            && let Some(&party @ 1..) = self.direct.get(context as usize)
        {
            return party - 1;
        }
        self.look_up(action)
    }

    fn look_up(&mut self, action: Action) -> u32 {
        let next = self.actions.len() as u32;
        let party = match action {
            Action::Run(context) if (context as usize) < DIRECT_MAX => {
                let context = context as usize;
                if self.direct.len() <= context {
                    self.direct.resize(context + 1, 0);
                }
                self.direct[context] = next + 1;
                next
            }
            _ => *self.others.entry(action).or_insert(next),
        };
        if party == next {
            self.actions.push(action);
        }
        party
    }

    /// What its next step would be.
    pub(super) fn action(&self, party: u32) -> Action {
        self.actions[party as usize]
    }

    pub(super) fn memory(&self) -> usize {
        self.direct.capacity() * size_of::<u32>()
            + (self.actions.capacity() + self.others.capacity()) * size_of::<(Action, u32)>()
    }
}
