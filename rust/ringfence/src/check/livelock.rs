//! Livelocks: executions that go round for ever although everybody is let run.
//!
//! Worlds alone, without judges: whether they come back to where they were is all that matters.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_base::{Action, Decide, End, Event, Origin, Recurrent, SiteId, System, TaskId};
use ringfence_diag::{Finding, PlaceView, Witness};
use ringfence_explore::{Attempt, Lasso, Limits, Replay, Round, Strategy, go_round};
use ringfence_model::{Plan, State, Wait, World};

use super::assemble::blank;
use super::describe::Describe;
use super::inspect::Execution;
use super::options::Options;

/// Random ways to a round, besides going there straight.
const STRAYS: u64 = 24;
/// Steps of an execution within which a round is looked for.
const STEPS_MAX: u64 = 20_000;
/// Looks at whether a state was there before, in all of them.
const LOOKS: u64 = 10_000;

/// Livelocks of the scenario, each once: what fair executions come to that begin at once, or after a while at random.
/// `still_wanted` is asked now and then.
pub(super) fn livelocks(
    plan: &Plan,
    options: &Options,
    still_wanted: &(dyn Fn() -> bool + Sync),
) -> Vec<Finding> {
    let limits = Limits { steps_max: options.steps_max.min(STEPS_MAX), go_on: Some(still_wanted) };
    let mut rounds = Rounds::new(plan);
    let mut found: BTreeMap<Cause, Shown> = BTreeMap::new();
    let mut looks = LOOKS;
    for attempt in attempts(options.seed) {
        if looks == 0 {
            break;
        }
        match go_round(&mut rounds, attempt, limits, &mut looks) {
            Round::Ended(End::Interrupted) => break,
            Round::Fair(lasso) => {
                let Some((cause, mut shown)) = rounds.convict(lasso) else { continue };
                if let Some(known) = found.get_mut(&cause) {
                    known.count += 1;
                    if known.steps() <= shown.steps() {
                        continue;
                    }
                    shown.count = known.count;
                }
                found.insert(cause, shown);
            }
            Round::Ended(_) | Round::Unfair => {}
        }
    }
    found.into_values().map(|shown| shown.finding(plan, options)).collect()
}

/// Turns of different lengths, straight and astray.
fn attempts(seed: u64) -> impl Iterator<Item = Attempt> {
    let straight = (1..=3).map(move |turn| Attempt { turn, astray: 0, seed });
    let stray = (0..STRAYS).map(move |number| Attempt {
        turn: 1 + (number % 2) as u32,
        astray: 2 << (number % 6),
        seed: seed.wrapping_add(number),
    });
    straight.chain(stray)
}

/// What makes two livelocks the same: where those are that go round, and those that wait for them.
type Cause = (BTreeSet<SiteId>, BTreeSet<SiteId>);

/// A livelock.
struct Shown {
    lasso: Lasso,
    /// Who goes round, and where.
    at: PlaceView,
    summary: String,
    notes: Vec<String>,
    count: u64,
}

impl Shown {
    fn steps(&self) -> u64 {
        self.lasso.stem.steps + self.lasso.round.steps
    }

    fn finding(self, plan: &Plan, options: &Options) -> Finding {
        let steps = self.steps();
        let mut finding = blank("RF702", self.at, self.summary, self.count);
        finding.notes = self.notes;
        let choices = [self.lasso.stem.choices, self.lasso.round.choices].concat();
        let execution = Execution::replay(plan, options.profile, choices, steps);
        finding.needs = execution.needs().into_iter().collect();
        finding.needs.sort_unstable();
        finding.needs.dedup();
        let schedule = execution.recorded().to_string();
        finding.witness =
            Some(Witness { schedule, steps: execution.into_steps(), deviations: None, fewest: false });
        finding
    }
}

/// A world that runs.
struct Rounds<'p> {
    plan: &'p Plan,
    world: World,
    events: Vec<Event>,
    steps: u64,
}

impl<'p> Rounds<'p> {
    fn new(plan: &'p Plan) -> Self {
        Self { plan, world: plan.initial().clone(), events: Vec::new(), steps: 0 }
    }

    /// Whether the round is anybody's fault: somebody has not got done, and time can't help. The world is at its
    /// beginning.
    fn convict(&mut self, lasso: Lasso) -> Option<(Cause, Shown)> {
        let takes_time = lasso.parties.contains(&Action::Expire);
        if !self.world.is_unfinished() || (self.world.awaits_time() && !takes_time) {
            return None;
        }
        let moving = self.round(&lasso);
        let describe = Describe { plan: self.plan };
        let names: Vec<String> = moving.keys().map(|&task| describe.context(task)).collect();
        let (&first, sites) = moving.first_key_value()?;
        let site = sites.first().copied().unwrap_or(SiteId::UNKNOWN);
        let origin = Origin { op: lasso.stem.steps, task: TaskId::from_raw(first), site };
        let waiting = self.waiting(&moving);
        let verb = if names.len() == 1 { "goes" } else { "go" };
        let summary = match waiting.first() {
            None => format!("{} {verb} round for ever", names.join(", ")),
            Some((task, wait)) => {
                let what = describe.wait(&self.world, *wait);
                let waiter = describe.context(*task);
                format!("{} {verb} round for ever while {waiter} waits for {what}", names.join(", "))
            }
        };
        let mut notes = vec![format!(
            "the last {} of these steps repeat for ever; everybody who could go on meanwhile does so",
            lasso.round.steps
        )];
        notes.extend(waiting.iter().filter_map(|&(task, wait)| self.needs(&moving, task, wait)));
        let places = waiting.iter().map(|&(task, _)| self.world.site(self.plan, task)).collect();
        let cause = (moving.values().flatten().copied().collect(), places);
        Some((cause, Shown { at: describe.place(origin), lasso, summary, notes, count: 1 }))
    }

    /// Goes round once more: who takes a step, and at which places.
    fn round(&mut self, lasso: &Lasso) -> BTreeMap<u32, BTreeSet<SiteId>> {
        let mut replay = Replay::new(lasso.round.choices.clone());
        let mut actions = Vec::new();
        let mut moving: BTreeMap<u32, BTreeSet<SiteId>> = BTreeMap::new();
        for _ in 0..lasso.round.steps {
            self.enabled(&mut actions);
            let pick = if actions.len() == 1 { 0 } else { replay.schedule(&actions) };
            if let Action::Run(task) = actions[pick] {
                let sites = moving.entry(task).or_default();
                let site = self.world.next_site(self.plan, task);
                sites.extend((site != SiteId::UNKNOWN).then_some(site));
            }
            self.step(actions[pick], &mut replay);
        }
        moving
    }

    /// Who stands still meanwhile.
    fn waiting(&self, moving: &BTreeMap<u32, BTreeSet<SiteId>>) -> Vec<(u32, Wait)> {
        let blocked = |(task, state)| match state {
            State::Blocked(wait) if !moving.contains_key(&task) => Some((task, wait)),
            _ => None,
        };
        let states = self.world.threads().iter().map(ringfence_model::Thread::state);
        (0..).zip(states).filter_map(blocked).collect()
    }

    /// What one of those that wait needs of one of those that go round.
    fn needs(&self, moving: &BTreeMap<u32, BTreeSet<SiteId>>, task: u32, wait: Wait) -> Option<String> {
        let Wait::Lock { lock, .. } = wait else { return None };
        let holds =
            |&task: &u32| self.world.threads()[task as usize].held().iter().any(|held| held.lock == lock);
        let holder = moving.keys().copied().find(holds)?;
        let describe = Describe { plan: self.plan };
        let (holder, waiter) = (describe.context(holder), describe.context(task));
        Some(format!("{holder} holds {}, which {waiter} needs", describe.lock(&self.world, lock)))
    }
}

impl System for Rounds<'_> {
    fn restart(&mut self) {
        self.world.clone_from(self.plan.initial());
        self.steps = 0;
    }

    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.world.enabled(self.plan, actions);
    }

    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.events.clear();
        self.world.step(self.plan, action, self.steps, &mut self.events, decide);
        self.steps += 1;
    }

    fn over(&mut self) -> End {
        let blocked = |state| matches!(state, State::Blocked(_));
        let hung = self.world.threads().iter().any(|thread| blocked(thread.state()));
        if hung { End::Hung } else { End::Finished }
    }
}

impl Recurrent for Rounds<'_> {
    fn recurrence(&self) -> u64 {
        self.world.recurrence()
    }
}
