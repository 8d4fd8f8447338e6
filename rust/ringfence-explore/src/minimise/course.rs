//! One execution, told by where it deviates.

use ringfence_base::{Action, ChoiceKind, Decide, End, System};
use rustc_hash::FxHashMap;

use super::deviation::{Chosen, Deviation, Intent};
use crate::execution::Limits;
use crate::run_to_completion::RunToCompletion;
use crate::strategy::Strategy;

/// A choice that was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) taken: u32,
    /// What run-to-completion would have taken.
    pub(super) usual: u32,
    pub(super) options: u32,
}

impl Point {
    /// What could have been taken besides the usual.
    pub(super) fn unusual(self) -> impl Iterator<Item = u32> {
        (0..self.options).filter(move |&option| option != self.usual)
    }
}

/// What is to be different from run-to-completion.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wish<'a> {
    /// Choices by their position, in its order.
    pub(super) at: &'a [(u32, u32)],
    /// Of the first so many choices, those that `at` says nothing of are usual.
    pub(super) placed: u32,
    /// Deviations, in order; each is made once, the first time that it can be.
    pub(super) intents: &'a [Intent],
    /// Its deviations are to be told.
    pub(super) told: bool,
}

impl Wish<'_> {
    /// Somebody asks what parties have done so far.
    fn counts(&self) -> bool {
        self.told || !self.intents.is_empty()
    }
}

/// The latest execution; its memory is kept from one to the next.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) points: Vec<Point>,
    pub(super) steps: u64,
    /// If they were asked for.
    pub(super) deviations: Vec<Deviation>,
    pub(super) intents: Vec<Intent>,
    actions: Vec<Action>,
    done: Vec<bool>,
    counts: FxHashMap<Action, Counts>,
}

/// What a party has done so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    steps: u32,
    answers: u32,
}

/// How an execution ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// What was looked for has shown: nobody looks any further.
    Shown,
    /// Nothing more can happen, and it has not shown.
    Over,
    /// After the most steps that it may take.
    Cut,
    /// It is not wanted any more.
    Interrupted,
}

impl Course {
    /// Runs one execution from the start until `shows` says so, which is asked after each step and at the end.
    pub(super) fn run<S: System>(
        &mut self,
        system: &mut S,
        wish: Wish<'_>,
        limits: Limits<'_>,
        shows: &mut impl FnMut(&mut S, Option<End>) -> bool,
    ) -> Ended {
        self.restart(wish);
        let mut actions = std::mem::take(&mut self.actions);
        let mut usual = RunToCompletion::new(0);
        system.restart();
        let ended = loop {
            system.enabled(&mut actions);
            if actions.is_empty() {
                let end = system.over();
                break if shows(system, Some(end)) { Ended::Shown } else { Ended::Over };
            }
            match limits.end(self.steps) {
                None => {}
                Some(End::Bound) => break Ended::Cut,
                Some(_) => break Ended::Interrupted,
            }
            let action = self.party(&mut usual, &actions, wish);
            system.step(action, &mut Answers { course: self, by: action, wish });
            self.steps += 1;
            if wish.counts() {
                self.counts.entry(action).or_default().steps += 1;
            }
            if shows(system, None) {
                break Ended::Shown;
            }
        };
        self.actions = actions;
        ended
    }

    fn restart(&mut self, wish: Wish<'_>) {
        self.points.clear();
        self.steps = 0;
        self.deviations.clear();
        self.intents.clear();
        self.done.clear();
        self.done.resize(wish.intents.len(), false);
        self.counts.clear();
    }

    /// How often it deviates.
    pub(super) fn deviates(&self) -> usize {
        self.points.iter().filter(|point| point.taken != point.usual).count()
    }

    /// Where it deviates, by position.
    pub(super) fn places(&self) -> Vec<(u32, u32)> {
        let numbered = (0..).zip(&self.points);
        numbered
            .filter(|(_, point)| point.taken != point.usual)
            .map(|(at, point)| (at, point.taken))
            .collect()
    }

    /// All its choices.
    pub(super) fn choices(&self) -> Vec<u32> {
        self.points.iter().map(|point| point.taken).collect()
    }

    fn party(&mut self, usual: &mut RunToCompletion, actions: &[Action], wish: Wish<'_>) -> Action {
        if let [only] = actions {
            usual.follow(*only);
            return *only;
        }
        let pick = usual.schedule(actions);
        let instead_of = actions[pick];
        let after = self.counts.get(&instead_of).map_or(0, |counts| counts.steps);
        let wanted = |what: Chosen| match what {
            Chosen::Party { taken, instead_of: known } if known == instead_of => {
                actions.iter().position(|action| *action == taken).map(|taken| taken as u32)
            }
            _ => None,
        };
        let taken = self.choose(pick as u32, actions.len(), wish, after, wanted);
        let action = actions[taken as usize];
        usual.follow(action);
        self.note(Chosen::Party { taken: action, instead_of }, taken != pick as u32, after, wish);
        action
    }

    /// Makes a choice: as is wished for its position, or by the first intent that it can fulfil.
    fn choose(
        &mut self,
        usual: u32,
        options: usize,
        wish: Wish<'_>,
        after: u32,
        wanted: impl Fn(Chosen) -> Option<u32>,
    ) -> u32 {
        let options = options as u32;
        let position = self.points.len() as u32;
        let placed =
            wish.at.binary_search_by_key(&position, |&(at, _)| at).ok().map(|index| wish.at[index].1);
        // A schedule of something else asks for what is not there.
        let placed = placed.filter(|&choice| choice < options);
        let by_place = placed.or((position < wish.placed).then_some(usual));
        let mut fits = wish.intents.iter().enumerate().filter_map(|(index, intent)| {
            let choice = wanted(intent.what).filter(|_| !self.done[index] && intent.after <= after)?;
            by_place.is_none_or(|placed| placed == choice && choice != usual).then_some((index, choice))
        });
        let fulfilled = fits.next();
        let taken = by_place.or(fulfilled.map(|(_, choice)| choice)).unwrap_or(usual);
        if let Some((index, _)) = fulfilled {
            self.done[index] = true;
        }
        self.points.push(Point { taken, usual, options });
        taken
    }

    fn note(&mut self, what: Chosen, deviates: bool, after: u32, wish: Wish<'_>) {
        if deviates && wish.told {
            self.deviations.push(Deviation { position: self.points.len() - 1, step: self.steps, what });
            self.intents.push(Intent { what, after });
        }
    }
}

/// Answers what a step asks.
struct Answers<'a, 'w> {
    course: &'a mut Course,
    by: Action,
    wish: Wish<'w>,
}

impl Decide for Answers<'_, '_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        if options < 2 {
            return 0;
        }
        let Self { course, by, wish } = self;
        let counts = course.counts.entry(*by).or_default();
        let after = counts.answers;
        counts.answers += 1;
        let wanted = |what: Chosen| match what {
            Chosen::Decision { by: known, kind: about, value } if known == *by && about == kind => {
                Some(value).filter(|&value| (value as usize) < options)
            }
            _ => None,
        };
        let taken = course.choose(0, options, *wish, after, wanted);
        course.note(Chosen::Decision { by: *by, kind, value: taken }, taken != 0, after, *wish);
        taken as usize
    }
}
