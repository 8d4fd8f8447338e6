//! Dynamic partial order reduction against all interleavings of random programs.

use std::collections::BTreeMap;

use ringfence_base::{Action, ChoiceKind, Decide, Dependent, End, Footprint, System};
use ringfence_explore::cells::{Cells, Clock};
use ringfence_explore::{Budget, Dpor, Limits, Summary, Trail};

use crate::naive::{Final, Naive, Programs, Trace, all_traces};
use crate::random_programs::{Menu, random_programs};

/// Programs with more interleavings are left out.
const INTERLEAVINGS: usize = 4_000;

/// Writes down what is done.
struct Recorded {
    cells: Cells,
    steps: Vec<(Action, Option<usize>)>,
    /// What was possible before the next step.
    enabled: Vec<Action>,
    /// Steps that only began to wait, though there were others.
    hasty: u64,
}

struct Recording<'a, D> {
    decide: &'a mut D,
    decided: Option<usize>,
}

impl<D: Decide> Decide for Recording<'_, D> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        assert!(self.decided.is_none(), "a step of cells decides once at most");
        let choice = self.decide.decide(kind, options);
        self.decided = Some(choice);
        choice
    }
}

impl System for Recorded {
    fn restart(&mut self) {
        self.steps.clear();
        self.cells.restart();
    }

    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.cells.enabled(actions);
        self.enabled.clone_from(actions);
    }

    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        if self.cells.only_waits(action) {
            let other = self.enabled.iter().any(|&other| !self.cells.only_waits(other));
            self.hasty += u64::from(other);
        }
        let mut recording = Recording { decide, decided: None };
        self.cells.step(action, &mut recording);
        let decided = recording.decided;
        self.steps.push((action, decided));
    }

    fn over(&mut self) -> End {
        self.cells.over()
    }
}

impl Dependent for Recorded {
    fn track(&mut self, on: bool) {
        self.cells.track(on);
    }

    fn footprint(&mut self, footprint: &mut Footprint) {
        self.cells.footprint(footprint);
    }

    fn only_waits(&mut self, action: Action) -> bool {
        self.cells.only_waits(action)
    }
}

/// Every trace that the search runs, how often, and where it ends.
fn explore(dpor: &mut Dpor, programs: &Programs) -> (BTreeMap<Trace, (u64, Final)>, Summary, u64) {
    let cells =
        Cells::new(vec![0; programs.cells], programs.locks, &programs.threads).with_clock(programs.clock);
    let mut system = Recorded { cells, steps: Vec::new(), enabled: Vec::new(), hasty: 0 };
    let mut traces = BTreeMap::new();
    let mut visit = |system: &mut Recorded, trail: &Trail, end: End| {
        assert_eq!(trail.steps, system.steps.len() as u64);
        let (trace, outcome) = Naive::new(programs).follow(&system.steps);
        assert_eq!(end, if outcome.3 { End::Hung } else { End::Finished });
        traces.entry(trace).or_insert((0, outcome)).0 += 1;
        true
    };
    let summary = dpor.explore(&mut system, Budget::each(Limits::steps(1_000)), &mut visit);
    assert!(summary.complete());
    (traces, summary, system.hasty)
}

/// Sums over many programs.
#[derive(Default, Debug)]
struct Tally {
    programs: u64,
    traces: u64,
    hung: u64,
    blocked: u64,
    again: u64,
    hasty: u64,
}

/// So many programs of this menu, from each seed on: the search runs every trace and ends where it ends.
fn judge(menu: Menu, seeds: u64) -> Tally {
    let mut dpor = Dpor::default();
    let mut tally = Tally::default();
    for seed in 0..seeds {
        let programs = random_programs(seed, menu);
        let Some(expected) = all_traces(&programs, INTERLEAVINGS) else { continue };
        let (found, summary, hasty) = explore(&mut dpor, &programs);
        for (trace, outcome) in &expected {
            let found = found.get(trace).map(|(_, outcome)| outcome);
            assert_eq!(found, Some(outcome), "seed {seed}, {menu:?}: {trace:?} of {programs:#?}");
        }
        assert_eq!(found.len(), expected.len(), "seed {seed}, {menu:?}: {programs:#?}");
        let again = summary.executions - found.len() as u64;
        let optimal = !menu.trylocks && !menu.choices && !menu.waits;
        assert!(
            !optimal || (again == 0 && summary.blocked == 0),
            "seed {seed}, {menu:?}: {} traces, but {summary:?}: {programs:#?}",
            expected.len()
        );
        assert!(
            hasty == 0 || menu.waits,
            "seed {seed}, {menu:?}: {hasty} steps wait too early: {programs:#?}"
        );
        tally.programs += 1;
        tally.hasty += hasty;
        tally.traces += expected.len() as u64;
        tally.hung += expected.values().filter(|outcome| outcome.3).count() as u64;
        tally.blocked += summary.blocked;
        tally.again += again;
    }
    tally
}

/// Seeds of each test: some hundreds, or as many as the environment says.
#[allow(clippy::disallowed_methods, reason = "how long a test runs is no result")]
fn seeds() -> u64 {
    std::env::var("RINGFENCE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(300)
}

/// The judge has seen enough for an opinion.
fn tell(what: &str, tally: &Tally) {
    assert!(tally.programs * 2 > seeds() && tally.traces > tally.programs * 3, "{what}: {tally:?}");
    assert!(tally.hung > tally.programs / 4, "{what}: {tally:?}");
    if seeds() > 1_000 {
        #[allow(clippy::print_stderr, reason = "figures for whoever asked for a long run")]
        {
            eprintln!("{what}: {tally:?}");
        }
    }
}

#[test]
fn plain_programs() {
    tell("plain", &judge(Menu::PLAIN, seeds()));
}

#[test]
fn programs_with_trylocks() {
    tell("trylocks", &judge(Menu { trylocks: true, ..Menu::PLAIN }, seeds()));
}

#[test]
fn programs_with_choices() {
    tell("choices", &judge(Menu { choices: true, ..Menu::PLAIN }, seeds()));
}

#[test]
fn programs_with_waits() {
    tell("waits", &judge(Menu { waits: true, ..Menu::PLAIN }, seeds()));
}

#[test]
fn programs_with_everything() {
    for clock in [Clock::Free, Clock::Patient] {
        let menu = Menu { trylocks: true, choices: true, waits: true, clock };
        tell(&format!("everything, {clock:?}"), &judge(menu, seeds()));
    }
}
