//! What an execution did other than run to completion: noted, and followed again.
//!
//! The ordinary course is that of [`RunToCompletion`], which here goes on with whoever was chosen last. Everything else
//! is a [`Deviation`], at its step. Deviations by step and by name of what was taken, rather than by position among the
//! choices, still fit when an edit of the system adds a context or a choice elsewhere.

use std::cell::RefCell;

use ringfence_base::{Action, ChoiceKind, Decide, Deviation, Deviations, Taken};

use crate::run_to_completion::RunToCompletion;
use crate::strategy::Strategy;

/// The steps that an execution has taken, as whoever watches it tells those who make its choices.
#[derive(Debug, Default)]
pub struct Steps(RefCell<Vec<Action>>);

impl Steps {
    /// A step was taken.
    pub fn push(&self, action: Action) {
        self.0.borrow_mut().push(action);
    }

    /// How many were taken.
    pub fn count(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    /// What this one was.
    pub fn get(&self, step: u64) -> Option<Action> {
        usize::try_from(step).ok().and_then(|step| self.0.borrow().get(step).copied())
    }
}

/// Counts the decisions of each step.
#[derive(Clone, Copy, Debug, Default)]
struct Decisions {
    step: u64,
    count: u32,
}

impl Decisions {
    /// The number of the next decision of this step.
    fn next(&mut self, step: u64) -> u32 {
        if self.step != step {
            *self = Self { step, count: 0 };
        }
        self.count += 1;
        self.count - 1
    }
}

/// Notes where a strategy deviates from the ordinary course.
#[derive(Debug)]
pub struct Recording<'a, S> {
    strategy: S,
    steps: &'a Steps,
    usual: RunToCompletion,
    decisions: Decisions,
    deviations: Deviations,
}

impl<'a, S: Strategy> Recording<'a, S> {
    /// The execution of this strategy, whose steps are told by somebody.
    pub fn new(strategy: S, steps: &'a Steps) -> Self {
        let (usual, decisions) = (RunToCompletion::new(0), Decisions::default());
        Self { strategy, steps, usual, decisions, deviations: Deviations::default() }
    }

    /// The strategy, and what it did.
    pub fn finish(self) -> (S, Deviations) {
        (self.strategy, self.deviations)
    }
}

impl<S: Strategy> Decide for Recording<'_, S> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let step = self.steps.count();
        let number = self.decisions.next(step);
        let choice = self.strategy.decide(kind, options);
        if let Some(choice) = core::num::NonZeroU32::new(choice as u32) {
            self.deviations.push(Deviation { step, taken: Taken::Decision { number, kind, choice } });
        }
        choice
    }
}

impl<S: Strategy> Strategy for Recording<'_, S> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let pick = self.strategy.schedule(actions);
        if self.usual.schedule(actions) != pick {
            let step = self.steps.count();
            self.deviations.push(Deviation { step, taken: Taken::Action(actions[pick]) });
            self.usual.took(actions[pick]);
        }
        pick
    }

    fn misfit(&self) -> Option<crate::strategy::Misfit> {
        self.strategy.misfit()
    }
}

/// Takes the ordinary course but for recorded deviations.
#[derive(Debug)]
pub struct Follow<'a> {
    deviations: &'a [Deviation],
    steps: &'a Steps,
    usual: RunToCompletion,
    decisions: Decisions,
    lost: Option<Deviation>,
}

impl<'a> Follow<'a> {
    /// Follows these, in the steps that somebody tells.
    pub fn new(deviations: &'a Deviations, steps: &'a Steps) -> Self {
        let (usual, decisions) = (RunToCompletion::new(0), Decisions::default());
        Self { deviations: deviations.as_slice(), steps, usual, decisions, lost: None }
    }

    /// The execution is over: the first deviation that was not possible, if it was to come in its first `until` steps.
    pub fn finish(mut self, until: u64) -> Option<Deviation> {
        self.pass(self.steps.count(), None);
        let left = self.deviations.first().filter(|deviation| deviation.step < until);
        self.lost.or(left.copied())
    }

    /// Passes those that should have come by now. Where only one step was possible, nobody was asked.
    fn pass(&mut self, step: u64, number: Option<u32>) {
        while let Some((first, rest)) = self.deviations.split_first() {
            let is_past = match first.taken {
                Taken::Action(_) => first.step < step || (first.step == step && number.is_some()),
                Taken::Decision { number: wanted, .. } => {
                    first.step < step || (first.step == step && number.is_some_and(|number| wanted < number))
                }
            };
            if !is_past {
                return;
            }
            self.deviations = rest;
            // Within the step itself its action is not told yet.
            let only_one = first.step == step || self.steps.get(first.step).map(Taken::Action) == Some(first.taken);
            let came = matches!(first.taken, Taken::Action(_)) && only_one;
            if !came {
                self.lose(*first);
            }
        }
    }

    /// The first one says where the recording stops to fit; nothing is followed from there on.
    fn lose(&mut self, deviation: Deviation) {
        self.lost.get_or_insert(deviation);
        self.deviations = &[];
    }
}

impl Decide for Follow<'_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let step = self.steps.count();
        let number = self.decisions.next(step);
        self.pass(step, Some(number));
        let Some((&first, rest)) = self.deviations.split_first() else { return 0 };
        match first.taken {
            Taken::Decision { number: wanted, kind: of, choice } if first.step == step && wanted == number => {
                if of == kind && (choice.get() as usize) < options {
                    self.deviations = rest;
                    return choice.get() as usize;
                }
                self.lose(first);
                0
            }
            _ => 0,
        }
    }
}

impl Strategy for Follow<'_> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let step = self.steps.count();
        self.pass(step, None);
        let usual = self.usual.schedule(actions);
        let Some((&first, rest)) = self.deviations.split_first() else { return usual };
        match first.taken {
            Taken::Action(wanted) if first.step == step => {
                let Some(pick) = actions.iter().position(|action| *action == wanted) else {
                    self.lose(first);
                    return usual;
                };
                self.deviations = rest;
                self.usual.took(wanted);
                pick
            }
            _ => usual,
        }
    }
}

/// One strategy for the first steps, another one for the rest.
#[derive(Debug)]
pub struct Until<'a, A, B> {
    /// Makes the choices of the first steps.
    pub first: A,
    /// How many those are.
    pub until: u64,
    /// Makes the others.
    pub then: B,
    /// The steps, as somebody tells them.
    pub steps: &'a Steps,
}

impl<A: Strategy, B: Strategy> Decide for Until<'_, A, B> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        match self.steps.count() < self.until {
            true => self.first.decide(kind, options),
            false => self.then.decide(kind, options),
        }
    }
}

impl<A: Strategy, B: Strategy> Strategy for Until<'_, A, B> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        match self.steps.count() < self.until {
            true => self.first.schedule(actions),
            false => self.then.schedule(actions),
        }
    }
}
