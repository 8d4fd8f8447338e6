//! Sensible scenarios with GPU schedulers, hangs and resets on random schedules: whatever goes wrong in them, the
//! engine keeps its promises.

use std::collections::BTreeSet;

use ringfence::check::{End, Executor, Limits, Random, Watch};
use ringfence::model::{Action, Plan};
use ringfence_lockdep::annotations::Profile;

use crate::random::{asked_for, tell};
use crate::sched_history::History;
use crate::sched_scenario::{Made, made};

/// Random schedules per scenario.
const SCHEDULES: u64 = 4;
/// Steps per execution at most.
const BOUND: u64 = 400;
/// So many scenarios that go wrong are enough.
const ENOUGH: usize = 40;

/// Looks after every step.
struct Observer<'p> {
    plan: &'p Plan,
    history: History,
}

impl<'p> Watch<Executor<'p>> for Observer<'_> {
    fn after(&mut self, executor: &Executor<'p>, action: Action) {
        let step = executor.steps() - 1;
        let holds = executor.world().check_invariants(self.plan);
        let holds = holds.and_then(|()| self.history.take(executor.world(), executor.events()));
        if let Err(what) = holds {
            panic!("after step {step}, {action:?}: {what}");
        }
    }
}

/// What happened in many executions.
#[derive(Default, Debug)]
struct Tally {
    executions: u64,
    steps: u64,
    finished: u64,
    hung: u64,
    bound: u64,
    pushed: u64,
    freed: u64,
    timed_out: u64,
    cancelled: u64,
    /// Executions at whose end all references to jobs' fences were accounted for, one by one.
    counted: u64,
    rules: BTreeSet<&'static str>,
}

impl Tally {
    fn run(&mut self, seed: u64) {
        let Made { scenario, version, strict } = made(seed);
        let plan = Plan::new(&scenario).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        let mut plan = plan.with_version(version);
        if !strict {
            plan = plan.without_strict_mode();
        }
        let meddled = scenario.threads.iter().any(|thread| thread.name == "meddler");
        let mut executor = Executor::new(&plan, Profile::default());
        for number in 0..SCHEDULES {
            let mut observer = Observer { plan: &plan, history: History::new(meddled) };
            let mut strategy = Random::new(seed.wrapping_mul(SCHEDULES).wrapping_add(number));
            let end = executor.run_within(&mut strategy, Limits::steps(BOUND), &mut observer);
            self.add(end, &executor, &observer.history);
        }
    }

    fn add(&mut self, end: End, executor: &Executor<'_>, history: &History) {
        self.executions += 1;
        self.steps += executor.steps();
        match end {
            End::Finished => {
                self.finished += 1;
                match history.end(executor.world()) {
                    Ok(counted) => self.counted += u64::from(counted),
                    Err(what) => panic!("at the end: {what}"),
                }
            }
            End::Hung => {
                self.hung += 1;
                assert!(!executor.hangs().is_empty(), "somebody waits for ever, and no hang is reported");
            }
            End::Bound | End::Interrupted => self.bound += 1,
        }
        self.pushed += history.pushed;
        self.freed += history.freed;
        self.timed_out += history.timed_out;
        self.cancelled += history.cancelled;
        self.rules.extend(history.broken.iter());
    }
}

/// Runs the scenarios of these seeds; a panic names the seeds that went wrong.
fn tally(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for seed in seeds {
        let run = std::panic::AssertUnwindSafe(|| tally.run(seed));
        if let Err(cause) = std::panic::catch_unwind(run) {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let what = text.or(cause.downcast_ref::<&str>().copied()).unwrap_or("?");
            wrong.push(format!("seed {seed}: {what}"));
        }
        assert!(wrong.len() < ENOUGH, "{}", wrong.join("\n"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    tally
}

#[test]
fn scenarios_with_schedulers_go_through() {
    if let Some(seeds) = asked_for("RINGFENCE_SCHED_SEEDS") {
        return tell(&format!("{:?}", tally(seeds)));
    }
    let tally = tally(0..1_000);
    assert_eq!(tally.executions, 1_000 * SCHEDULES);
    // It is worth something only if all sorts of things happen.
    assert!(tally.finished > 2_000 && tally.hung > 200, "{tally:?}");
    assert!(tally.pushed > 10_000 && tally.freed > 5_000 && tally.timed_out > 500, "{tally:?}");
    assert!(tally.counted > 500 && tally.cancelled > 50, "{tally:?}");
    let expected = ["RF502", "RF507", "RF509", "RF514", "RF515", "RF516"];
    assert!(expected.iter().all(|rule| tally.rules.contains(rule)), "{tally:?}");
}
