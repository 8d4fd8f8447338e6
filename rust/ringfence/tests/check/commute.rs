//! Steps whose footprints do not conflict can be swapped, and nobody sees a difference: tried on random scenarios at
//! random states, with both orders.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ringfence::check::{StateExecutor, WorldState};
use ringfence::model::judge::Breach;
use ringfence::model::{Action, Plan};
use ringfence_base::rng::Rng;
use ringfence_base::scenario::Scenario;
use ringfence_base::{Access, ChoiceKind, Decide, Dependent, Event, Footprint, Stateful, System, Use};
use ringfence_lockdep::annotations::Profile;

use crate::contended::{Size, contended};
use crate::random::{asked_for, tell};
use crate::sched_scenario::made;
use crate::survey::{scenario, twisted};

/// Steps per walk at most, walks per scenario, and steps that are tried at each state.
const STEPS: u64 = 150;
const WALKS: u64 = 2;
const TRIED: usize = 2;

/// The same step decides the same, whatever came before it.
struct Fixed(Rng);

impl Fixed {
    fn new(seed: u64, action: Action) -> Self {
        let number = match action {
            Action::Run(task) => u64::from(task),
            Action::Interrupt { source, host } => (u64::from(source) << 20) | (u64::from(host) + 1) << 40,
            Action::Expire => u64::MAX,
        };
        Self(Rng::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

impl Decide for Fixed {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        // Mostly ordinary, as otherwise everything fails at once.
        if self.0.percent(70) { 0 } else { self.0.below(options) }
    }
}

/// What somebody who watches sees of a step.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    footprint: Footprint,
    events: Vec<Event>,
    breaches: BTreeSet<String>,
}

fn seen(executor: &mut StateExecutor<'_>) -> Seen {
    let mut footprint = Footprint::default();
    executor.footprint(&mut footprint);
    footprint.uses.sort_unstable_by_key(|one| (one.resource, one.access));
    let mut events = executor.events().to_vec();
    for event in &mut events {
        event.origin.op = 0;
    }
    let breaches = executor.monitor().breaches().iter().map(told).collect();
    Seen { footprint, events, breaches }
}

fn told(breach: &Breach) -> String {
    let mut breach = *breach;
    breach.origin.op = 0;
    format!("{breach:?}")
}

/// Lines of the one that the other does not have.
fn difference(a: &WorldState, b: &WorldState) -> String {
    let (a, b) = (format!("{a:#?}"), format!("{b:#?}"));
    let mut text = String::new();
    for (number, (a, b)) in a.lines().zip(b.lines()).enumerate().filter(|(_, (a, b))| a != b).take(12) {
        writeln!(text, "{number}: {} | {}", a.trim(), b.trim()).expect("a string takes everything");
    }
    text
}

#[derive(Default, Debug)]
struct Tally {
    pairs: u64,
    swapped: u64,
    waits: u64,
    disabled: u64,
    enabled: u64,
}

struct Tester<'p> {
    executor: StateExecutor<'p>,
    seed: u64,
    before: WorldState,
    after: WorldState,
    swapped: WorldState,
    enabled: Vec<Action>,
}

impl<'p> Tester<'p> {
    fn new(plan: &'p Plan, seed: u64) -> Self {
        let mut executor = StateExecutor::new(plan, Profile::default());
        executor.track(true);
        let state = executor.state();
        Self {
            executor,
            seed,
            before: state.clone(),
            after: state.clone(),
            swapped: state,
            enabled: Vec::new(),
        }
    }

    fn enabled(&mut self) -> Vec<Action> {
        self.executor.enabled(&mut self.enabled);
        self.enabled.clone()
    }

    fn step(&mut self, action: Action) -> Seen {
        self.executor.step(action, &mut Fixed::new(self.seed, action));
        seen(&mut self.executor)
    }

    /// A random walk; at each state some steps are tried.
    fn walk(&mut self, rng: &mut Rng, tally: &mut Tally) -> Result<(), String> {
        self.executor.restart();
        for step in 0..STEPS {
            self.seed = rng.next_u64();
            let enabled = self.enabled();
            if enabled.is_empty() {
                break;
            }
            self.executor.save(&mut self.before);
            for _ in 0..TRIED.min(enabled.len()) {
                let first = enabled[rng.below(enabled.len())];
                self.first(first, &enabled, rng, tally).map_err(|what| format!("step {step}: {what}"))?;
            }
            let before = self.before.clone();
            self.executor.load(&before);
            let action = enabled[rng.below(enabled.len())];
            self.step(action);
        }
        Ok(())
    }

    /// Takes a step, and then one of those that can come next.
    fn first(
        &mut self,
        first: Action,
        enabled: &[Action],
        rng: &mut Rng,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let before = self.before.clone();
        self.executor.load(&before);
        if self.executor.state() != before {
            return Err(format!("loading: {}", difference(&self.executor.state(), &before)));
        }
        let waits = self.executor.only_waits(first);
        let one = self.step(first);
        let between = self.executor.state();
        let next = self.enabled();
        if waits {
            tally.waits += 1;
            let left: Vec<_> = enabled.iter().copied().filter(|&action| action != first).collect();
            // Time moves on once nobody can run, and everything before that stays before it.
            if next != left && !(left.is_empty() && next == [Action::Expire]) {
                return Err(format!("{first:?} only waits, but then there is {next:?} instead of {left:?}"));
            }
            let only = |one: &Use| matches!(one.access, Access::Wait | Access::Write);
            if one.footprint.uses.len() > 3 || !one.footprint.uses.iter().all(only) {
                return Err(format!("{first:?} only waits, but uses {:?}", one.footprint));
            }
        }
        // What it makes impossible conflicts with it.
        for &other in enabled.iter().filter(|&&other| other != first && !next.contains(&other)) {
            tally.disabled += 1;
            self.executor.load(&before);
            let two = self.step(other);
            if !one.footprint.conflicts(&two.footprint) {
                return Err(format!(
                    "{first:?} disables {other:?}: {:?}, {:?}",
                    one.footprint, two.footprint
                ));
            }
        }
        let others: Vec<_> = next.iter().copied().filter(|&other| other != first).collect();
        for _ in 0..TRIED.min(others.len()) {
            let second = others[rng.below(others.len())];
            self.executor.load(&between);
            tally.pairs += 1;
            self.swap((first, &one, waits), second, enabled, tally)
                .map_err(|what| format!("{first:?}, {second:?}: {what}"))?;
        }
        Ok(())
    }

    fn swap(
        &mut self,
        (first, one, waits): (Action, &Seen, bool),
        second: Action,
        enabled: &[Action],
        tally: &mut Tally,
    ) -> Result<(), String> {
        let both_wait = waits && self.executor.only_waits(second);
        let two = self.step(second);
        if one.footprint.conflicts(&two.footprint) {
            return Ok(());
        }
        self.executor.save(&mut self.after);
        let next = self.enabled();
        if !enabled.contains(&second) {
            tally.enabled += 1;
            return Err(format!("the first enables the second: {:?} {:?}", one.footprint, two.footprint));
        }
        // In which order contexts begin to wait for a lock is nobody's business while nothing else can happen.
        if both_wait {
            return Ok(());
        }
        tally.swapped += 1;
        let before = self.before.clone();
        self.executor.load(&before);
        let two_first = self.step(second);
        if two_first != two {
            return Err(format!("the second is another step when it comes first: {two:?}\n{two_first:?}"));
        }
        if !self.enabled().contains(&first) {
            return Err("the second disables the first".into());
        }
        // The breaches of both are told at once.
        let one_second = self.step(first);
        let all: BTreeSet<_> = one.breaches.union(&two.breaches).cloned().collect();
        if (&one_second.footprint, &one_second.events) != (&one.footprint, &one.events)
            || one_second.breaches != all
        {
            return Err(format!("the first is another step when it comes second: {one:?}\n{one_second:?}"));
        }
        self.executor.save(&mut self.swapped);
        if self.enabled() != next {
            return Err(format!("other steps can come next: {:?} instead of {next:?}", self.enabled));
        }
        if self.after != self.swapped {
            let what = difference(&self.after, &self.swapped);
            return Err(format!("another world, {:?} {:?}:\n{what}", one.footprint.uses, two.footprint.uses));
        }
        Ok(())
    }
}

/// Scenarios of which few steps are independent.
const CROWD: Size = Size { threads: 2..6, things: 2..9 };

fn test(plan: &Plan, seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut tester = Tester::new(plan, seed);
    (0..WALKS).try_for_each(|_| tester.walk(&mut rng, tally))
}

/// Runs the scenarios of these seeds; names those that went wrong.
fn tally(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for seed in seeds {
        let plan = match seed % 4 {
            0 if seed % 8 == 0 => Plan::new(&contended(seed, &CROWD)).ok(),
            0 => Plan::new(&scenario(seed)).ok(),
            1 => Some(twisted(seed))
                .filter(|twisted| twisted.validate().is_ok())
                .and_then(|it| Plan::new(&it).ok()),
            _ => {
                let made = made(seed);
                Plan::new(&made.scenario).ok().map(|plan| plan.with_version(made.version))
            }
        };
        let Some(plan) = plan else { continue };
        let run = std::panic::AssertUnwindSafe(|| test(&plan, seed, &mut tally));
        match std::panic::catch_unwind(run) {
            Ok(Ok(())) => {}
            Ok(Err(what)) => wrong.push(format!("seed {seed}: {what}")),
            Err(_) => wrong.push(format!("seed {seed}: a panic")),
        }
        assert!(wrong.len() < 25, "{tally:?}\n{}", wrong.join("\n"));
    }
    assert!(wrong.is_empty(), "{tally:?}\n{}", wrong.join("\n"));
    tally
}

#[test]
fn independent_steps_can_be_swapped() {
    if let Some(seeds) = asked_for("RINGFENCE_COMMUTE_SEEDS") {
        return tell(&format!("{:?}", tally(seeds)));
    }
    let tally = tally(0..160);
    assert!(tally.swapped > 5_000 && tally.waits > 20 && tally.disabled > 20, "{tally:?}");
}

#[test]
fn scenarios_of_the_log_commute() {
    let mut tally = Tally::default();
    for (seed, line) in include_str!("determinism.jsonl").lines().enumerate() {
        let scenario = Scenario::from_json(line).expect("a valid scenario");
        let plan = Plan::new(&scenario).expect("a valid scenario");
        if let Err(what) = test(&plan, seed as u64, &mut tally) {
            panic!("{}: {what}", scenario.name);
        }
    }
    assert!(tally.swapped > 500, "{tally:?}");
}
