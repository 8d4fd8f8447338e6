//! Whether a smaller scenario shows the same.

use std::hash::{Hash, Hasher};

use ringfence_base::End;
use ringfence_base::scenario::Scenario;
use ringfence_explore::minimise::{Effort, Minimal, Spent, find, minimise};
use ringfence_explore::{Limits, Random, RoundRobin, RunToCompletion, Runner, Strategy};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;
use rustc_hash::{FxHashSet, FxHasher};

use super::afresh::Afresh;
use super::same::Same;
use super::translate::Parties;
use crate::check::execution::plan;

/// Nothing more is to be tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Enough;

/// For one smaller scenario: its schedules with few deviations.
const SEARCH: Effort = Effort { executions: 400, steps: 40_000 };
/// All schedules with fewer deviations than so many, if the effort suffices.
const DEVIATIONS_BELOW: usize = 3;
/// And so many at random.
const RANDOM: u64 = 64;
/// To make such a random schedule useful for the next one.
const ROUGHLY: Effort = Effort { executions: 60, steps: 10_000 };
/// An execution that is so many times as long as the one that is known is not worth while, nor one longer than this.
const LONGER: u64 = 4;
const LONG: u64 = 500;

/// The smallest scenario so far, and how it shows it.
pub(super) struct Trial<'a> {
    pub(super) same: &'a Same,
    profile: Profile,
    limits: Limits<'a>,
    pub(super) scenario: Scenario,
    parties: Parties,
    pub(super) minimal: Minimal,
    /// Fingerprints of what was tried in vain.
    refused: FxHashSet<u64>,
    pub(super) spent: Spent,
    /// What may be spent at most.
    pub(super) effort: Effort,
    /// It is that something does not happen, and on some schedules it does: that has to stay so.
    is_race: bool,
    /// Its ordinary execution has no end, as far as anybody has looked.
    is_endless: bool,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        same: &'a Same,
        profile: Profile,
        limits: Limits<'a>,
        scenario: Scenario,
        plan: &Plan,
        minimal: Minimal,
    ) -> Self {
        let mut trial = Self {
            same,
            profile,
            limits,
            scenario,
            parties: Parties::of(plan),
            minimal,
            refused: FxHashSet::default(),
            spent: Spent::default(),
            effort: Effort { executions: u64::MAX, steps: u64::MAX },
            is_race: false,
            is_endless: false,
        };
        trial.is_endless = trial.goes_on(plan);
        trial.is_race = same.is_absence() && trial.can_be_avoided(plan);
        trial
    }

    /// Whether a smaller scenario shows the same; then it is the smallest so far.
    pub(super) fn takes(&mut self, scenario: Option<Scenario>) -> Result<bool, Enough> {
        let Some(scenario) = scenario.filter(|scenario| *scenario != self.scenario) else { return Ok(false) };
        let Spent { executions, steps } = self.spent;
        let enough = executions >= self.effort.executions || steps >= self.effort.steps;
        if enough || self.limits.go_on.is_some_and(|go_on| !go_on()) {
            return Err(Enough);
        }
        let fingerprint = fingerprint(&scenario);
        if self.refused.contains(&fingerprint) {
            return Ok(false);
        }
        let Ok(plan) = plan(&scenario, self.profile) else { return Ok(false) };
        // What lets a loop end was left out: each of its executions would take as long as it may.
        let found = if !self.is_endless && self.goes_on(&plan) { None } else { self.search(&plan) };
        let Some(minimal) = found.filter(|_| !self.is_race || self.can_be_avoided(&plan)) else {
            self.refused.insert(fingerprint);
            return Ok(false);
        };
        self.parties = Parties::of(&plan);
        self.minimal = minimal;
        self.scenario = scenario;
        Ok(true)
    }

    /// The smallest scenario has this schedule, with which what was tried in vain may show it.
    pub(super) fn follow(&mut self, plan: &Plan, minimal: Minimal) {
        self.parties = Parties::of(plan);
        self.minimal = minimal;
        self.refused.clear();
    }

    /// With the schedule that is known, as far as it fits; then with others.
    fn search(&mut self, plan: &Plan) -> Option<Minimal> {
        let intents = self.parties.translate(&self.minimal.intents, &Parties::of(plan));
        let mut system = Afresh::new(plan, self.profile, self.same.is_of_validator());
        let (same, limits) = (self.same, self.within());
        let mut shows = |system: &mut Afresh<'_>, end| system.shows(same, end);
        let (found, spent) = find(&mut system, &intents, DEVIATIONS_BELOW, limits, SEARCH, &mut shows);
        self.add(spent);
        if found.is_some() {
            return found;
        }
        for seed in 0..RANDOM {
            let (mut runner, mut random) = (Runner::default(), Random::new(seed));
            let end = runner.run(&mut system, &mut random, limits, &mut ());
            self.add(Spent { executions: 1, steps: runner.trail().steps });
            if shows(&mut system, Some(end)) {
                let choices = &runner.trail().choices;
                let (found, spent) = minimise(&mut system, choices, limits, ROUGHLY, &mut shows);
                self.add(spent);
                return found;
            }
        }
        None
    }

    /// How long an execution is worth while.
    fn within(&self) -> Limits<'a> {
        let steps_max = self.limits.steps_max.min(LONG.max(LONGER * self.minimal.steps));
        Limits { steps_max, ..self.limits }
    }

    /// Whether the ordinary execution is longer than that.
    fn goes_on(&mut self, plan: &Plan) -> bool {
        let mut system = Afresh::new(plan, self.profile, false);
        let mut runner = Runner::default();
        let end = runner.run(&mut system, &mut RunToCompletion::new(0), self.within(), &mut ());
        self.add(Spent { executions: 1, steps: runner.trail().steps });
        end == End::Bound
    }

    /// Whether one of some schedules does not show it.
    fn can_be_avoided(&mut self, plan: &Plan) -> bool {
        let threads = plan.scenario().threads.len() as u32;
        let mut avoids = Avoiding { trial: self, plan };
        (0..threads).any(|first| avoids.with(&mut RunToCompletion::new(first)))
            || avoids.with(&mut RoundRobin::default())
            || (0..RANDOM).any(|seed| avoids.with(&mut Random::new(seed)))
    }

    pub(super) fn add(&mut self, spent: Spent) {
        self.spent.executions += spent.executions;
        self.spent.steps += spent.steps;
    }
}

/// Looks for an execution that does not show it.
struct Avoiding<'t, 'a, 'p> {
    trial: &'t mut Trial<'a>,
    plan: &'p Plan,
}

impl Avoiding<'_, '_, '_> {
    fn with(&mut self, strategy: &mut impl Strategy) -> bool {
        let (same, profile, limits) = (self.trial.same, self.trial.profile, self.trial.limits);
        let mut system = Afresh::new(self.plan, profile, same.is_of_validator());
        let mut runner = Runner::default();
        let end = runner.run(&mut system, strategy, limits, &mut ());
        self.trial.add(Spent { executions: 1, steps: runner.trail().steps });
        matches!(end, End::Finished | End::Hung) && !same.shows(self.plan, &system.executor, Some(end))
    }
}

fn fingerprint(scenario: &Scenario) -> u64 {
    let mut hasher = FxHasher::default();
    scenario.hash(&mut hasher);
    hasher.finish()
}
