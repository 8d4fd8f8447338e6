//! What an execution did other than run to completion: noted, and followed again.
//!
//! On the ordinary course whoever took a step takes the next one too, if it can; whoever was interrupted goes on; else,
//! and after time has moved on, it is the first action's turn. Every decision is the most ordinary one. Replay strings
//! rely on just that, for good. Everything else is a [`Deviation`], at its step. Deviations by step and by name of what
//! was taken, rather than by position among the choices, still fit when an edit of the system adds a context or a
//! choice elsewhere.

use core::num::NonZeroU32;
use std::cell::RefCell;

use ringfence_base::{Action, ChoiceKind, Decide, Deviation, Deviations, Taken};

use crate::run_to_completion::goes_on;
use crate::strategy::{Misfit, Strategy};

/// The steps of an execution, as whoever watches it tells those who make its choices.
#[derive(Debug, Default)]
pub struct Steps(RefCell<Vec<Action>>);

impl Steps {
    /// A step begins.
    pub fn begin(&self, action: Action) {
        self.0.borrow_mut().push(action);
    }

    /// How many have begun, which is the number of the next one.
    fn begun(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    /// The one that decisions are made in.
    fn current(&self) -> u64 {
        self.begun().saturating_sub(1)
    }

    /// The next action on the ordinary course.
    fn usual(&self, actions: &[Action]) -> usize {
        let again = self.0.borrow().last().copied().and_then(goes_on);
        again.and_then(|again| actions.iter().position(|action| *action == again)).unwrap_or(0)
    }

    /// What this one was.
    fn get(&self, step: u64) -> Option<Action> {
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
    decisions: Decisions,
    deviations: Deviations,
}

impl<'a, S: Strategy> Recording<'a, S> {
    /// What this strategy does, in steps that somebody tells.
    pub fn new(strategy: S, steps: &'a Steps) -> Self {
        Self { strategy, steps, decisions: Decisions::default(), deviations: Deviations::default() }
    }

    /// The strategy, and what it did.
    pub fn finish(self) -> (S, Deviations) {
        (self.strategy, self.deviations)
    }
}

impl<S: Strategy> Decide for Recording<'_, S> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let step = self.steps.current();
        let number = self.decisions.next(step);
        let choice = self.strategy.decide(kind, options);
        if let Some(choice) = NonZeroU32::new(choice as u32) {
            self.deviations.push(Deviation { step, taken: Taken::Decision { number, kind, choice } });
        }
        choice
    }
}

impl<S: Strategy> Strategy for Recording<'_, S> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let pick = self.strategy.schedule(actions);
        if self.steps.usual(actions) != pick {
            let step = self.steps.begun();
            self.deviations.push(Deviation { step, taken: Taken::Action(actions[pick]) });
        }
        pick
    }

    fn follow(&mut self, action: Action) {
        self.strategy.follow(action);
    }

    fn misfit(&self) -> Option<Misfit> {
        self.strategy.misfit()
    }
}

/// Takes the ordinary course but for recorded deviations.
#[derive(Debug)]
pub struct Follow<'a> {
    deviations: &'a [Deviation],
    steps: &'a Steps,
    decisions: Decisions,
    lost: Option<Deviation>,
}

impl<'a> Follow<'a> {
    /// Follows those of the first `until` steps; somebody tells the steps.
    pub fn new(deviations: &'a Deviations, until: u64, steps: &'a Steps) -> Self {
        let all = deviations.as_slice();
        let count = all.partition_point(|deviation| deviation.step < until);
        Self { deviations: &all[..count], steps, decisions: Decisions::default(), lost: None }
    }

    /// The execution is over. The first deviation that was not possible.
    pub fn finish(mut self) -> Option<Deviation> {
        self.pass(self.steps.begun(), None);
        self.lost.or(self.deviations.first().copied())
    }

    /// Passes those that should have come before this decision of this step, or before its action.
    fn pass(&mut self, step: u64, number: Option<u32>) {
        while let Some((first, rest)) = self.deviations.split_first() {
            let came = match first.taken {
                Taken::Action(_) if first.step > step || (first.step == step && number.is_none()) => return,
                // Where nothing else was possible, nobody was asked.
                Taken::Action(wanted) => self.steps.get(first.step) == Some(wanted),
                Taken::Decision { .. } if first.step > step => return,
                Taken::Decision { number: wanted, .. }
                    if first.step == step && number.is_none_or(|number| wanted >= number) =>
                {
                    return;
                }
                Taken::Decision { .. } => false,
            };
            if !came {
                return self.lose(*first);
            }
            self.deviations = rest;
        }
    }

    /// Here the recording stops to fit; nothing is followed from there on.
    fn lose(&mut self, deviation: Deviation) {
        self.lost.get_or_insert(deviation);
        self.deviations = &[];
    }
}

impl Decide for Follow<'_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let step = self.steps.current();
        let number = self.decisions.next(step);
        self.pass(step, Some(number));
        let Some((&first, rest)) = self.deviations.split_first() else { return 0 };
        match first.taken {
            Taken::Decision { number: wanted, kind: of, choice }
                if first.step == step && wanted == number =>
            {
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
        let step = self.steps.begun();
        self.pass(step, None);
        let usual = self.steps.usual(actions);
        let Some((&first, rest)) = self.deviations.split_first() else { return usual };
        match first.taken {
            Taken::Action(wanted) if first.step == step => {
                let Some(pick) = actions.iter().position(|action| *action == wanted) else {
                    self.lose(first);
                    return usual;
                };
                self.deviations = rest;
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
        match self.steps.current() < self.until {
            true => self.first.decide(kind, options),
            false => self.then.decide(kind, options),
        }
    }
}

impl<A: Strategy, B: Strategy> Strategy for Until<'_, A, B> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        match self.steps.begun() < self.until {
            true => {
                let pick = self.first.schedule(actions);
                self.then.follow(actions[pick]);
                pick
            }
            false => self.then.schedule(actions),
        }
    }

    fn misfit(&self) -> Option<Misfit> {
        self.first.misfit().or_else(|| self.then.misfit())
    }

    fn follow(&mut self, action: Action) {
        self.first.follow(action);
        self.then.follow(action);
    }
}
