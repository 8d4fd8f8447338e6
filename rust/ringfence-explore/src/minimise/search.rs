//! The best schedule so far, and what was spent on it.

use ringfence_base::{End, System};

use super::course::{Course, Ended, Wish};
use super::deviation::Intent;
use super::{Effort, Minimal, Minimality, Spent};
use crate::execution::Limits;

/// A schedule that shows what is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Best {
    pub(super) deviations: usize,
    pub(super) steps: u64,
    /// Where it deviates, by position: all that it takes to have it again.
    pub(super) places: Vec<(u32, u32)>,
}

impl Best {
    fn size(&self) -> (usize, u64) {
        (self.deviations, self.steps)
    }
}

/// Nothing more is to be run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Enough;

/// A search for smaller schedules.
pub(super) struct Search<'a, S, F> {
    system: &'a mut S,
    shows: F,
    pub(super) limits: Limits<'a>,
    effort: Effort,
    pub(super) spent: Spent,
    pub(super) course: Course,
    pub(super) best: Option<Best>,
    /// All schedules with fewer deviations than so many were looked at, up to where the best one ends.
    pub(super) levels: usize,
    /// The best one need not be good.
    pub(super) first_will_do: bool,
}

impl<'a, S: System, F: FnMut(&mut S, Option<End>) -> bool> Search<'a, S, F> {
    pub(super) fn new(system: &'a mut S, shows: F, limits: Limits<'a>, effort: Effort) -> Self {
        Self {
            system,
            shows,
            limits,
            effort,
            spent: Spent::default(),
            course: Course::default(),
            best: None,
            levels: 0,
            first_will_do: false,
        }
    }

    /// What may still be spent.
    pub(super) fn left(&self) -> Effort {
        Effort {
            executions: self.effort.executions.saturating_sub(self.spent.executions),
            steps: self.effort.steps.saturating_sub(self.spent.steps),
        }
    }

    /// Runs one execution of at most so many steps; whether it shows what is looked for.
    pub(super) fn run(&mut self, wish: Wish<'_>, steps_max: u64) -> Result<Ended, Enough> {
        let left = self.left();
        let found = self.first_will_do && self.best.is_some();
        if found || left.executions == 0 || left.steps == 0 || self.limits.go_on.is_some_and(|go_on| !go_on())
        {
            return Err(Enough);
        }
        let limits = Limits { steps_max, ..self.limits };
        let ended = self.course.run(self.system, wish, limits, &mut self.shows);
        self.spent.executions += 1;
        self.spent.steps += self.course.steps;
        match ended {
            Ended::Interrupted => return Err(Enough),
            Ended::Shown => self.offer(),
            Ended::Over | Ended::Cut => {}
        }
        Ok(ended)
    }

    /// The latest execution shows it: it may be the best one.
    fn offer(&mut self) {
        let (deviations, steps) = (self.course.deviates(), self.course.steps);
        if self.best.as_ref().is_none_or(|best| (deviations, steps) < best.size()) {
            self.best = Some(Best { deviations, steps, places: self.course.places() });
        }
    }

    /// The deviations of the best schedule, by what parties have done.
    pub(super) fn intents(&mut self) -> Result<Vec<Intent>, Enough> {
        let Some(best) = self.best.clone() else { return Ok(Vec::new()) };
        self.run(Wish { at: &best.places, placed: u32::MAX, told: true, ..Wish::default() }, best.steps)?;
        Ok(self.course.intents.clone())
    }

    /// The best schedule with all that is known of it.
    pub(super) fn told(&mut self) -> Option<Minimal> {
        let Best { deviations, steps, places } = self.best.clone()?;
        let wish = Wish { at: &places, placed: u32::MAX, told: true, ..Wish::default() };
        // It is run once more, wanted or not: so much must be.
        let ended = self.course.run(self.system, wish, Limits::steps(steps), &mut self.shows);
        assert_eq!(ended, Ended::Shown, "engine bug: a schedule shows something once and then no more");
        self.spent.executions += 1;
        self.spent.steps += steps;
        let minimality = match self.levels {
            levels if levels > deviations => Minimality::Shortest,
            levels if levels == deviations => Minimality::Fewest,
            _ => Minimality::Unproved,
        };
        let Course { deviations, intents, .. } = &self.course;
        let (deviations, intents) = (deviations.clone(), intents.clone());
        Some(Minimal { choices: self.course.choices(), steps, deviations, intents, minimality })
    }

    /// So many deviations, and steps, has the best schedule.
    pub(super) fn size(&self) -> (usize, u64) {
        self.best.as_ref().map_or((usize::MAX, u64::MAX), Best::size)
    }
}
