//! The most ordinary schedule, which others are told by their deviations from.

use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::Strategy;

/// Where the ordinary course goes on behind a step: whoever took it takes the next one too, and whoever was
/// interrupted goes on. Behind time nobody does.
pub(crate) fn goes_on(step: Action) -> Option<Action> {
    match step {
        Action::Run(_) => Some(step),
        Action::Interrupt { host, .. } => Some(Action::Run(host)),
        Action::Expire => None,
    }
}

/// One context as long as it can run, then the next one; which comes first is turned by `first`. Everything else is
/// as ordinary as can be.
#[derive(Clone, Debug)]
pub struct RunToCompletion {
    first: u32,
    current: Option<Action>,
}

impl RunToCompletion {
    /// Begins with the context of this task id, as far as it is there.
    pub fn new(first: u32) -> Self {
        Self { first, current: None }
    }
}

impl Decide for RunToCompletion {
    fn decide(&mut self, _: ChoiceKind, _: usize) -> usize {
        0
    }
}

impl Strategy for RunToCompletion {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let again = self.current.and_then(|current| actions.iter().position(|action| *action == current));
        let pick = again.unwrap_or_else(|| {
            let from_first = actions.iter().position(|action| match action {
                Action::Run(task) => *task >= self.first,
                _ => false,
            });
            from_first.unwrap_or(0)
        });
        self.follow(actions[pick]);
        pick
    }

    #[inline]
    fn follow(&mut self, action: Action) {
        self.current = goes_on(action);
    }
}
