//! Very many jobs in flight: what one costs as there are more and more, in time and memory.
//!
//! All of them are pushed to 64 entities, then all of them are put on the ring, then all complete.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark needs a clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::Instant;

use ringfence::check::{End, Executor, Limits, RunToCompletion, Watch};
use ringfence::model::{Action, Plan};
use ringfence_base::{Event, EventKind};
use ringfence_bench::jobs::in_flight;
use ringfence_bench::table::{Table, at_most};
use ringfence_lockdep::annotations::Profile;

const ENTITIES: usize = 64;
/// Jobs per entity.
const ROUNDS: [usize; 5] = [16, 50, 160, 500, 1_600];
/// Whatever else runs on the machine only adds, so the best of so many counts.
const TRIES: usize = 5;
/// How much more than at the smallest size one job may cost at the largest, where caches do less.
const GROWTH: f64 = 3.0;

/// Looks at memory when all jobs are on the ring: when time moves on for the first time.
struct Idle {
    empty: usize,
    found: Option<usize>,
}

impl<'p> Watch<Executor<'p>> for Idle {
    fn after(&mut self, executor: &Executor<'p>, _: Action) {
        let moves = |event: &Event| matches!(event.kind, EventKind::Time(_));
        if self.found.is_none() && executor.events().iter().any(moves) {
            self.found = Some(executor.world().memory_usage() - self.empty);
        }
    }
}

fn main() {
    let head = ["jobs in flight", "steps/job", "ns/job", "world, B/job", "required"];
    let mut table = Table::new("jobs in flight, 64 entities, one ring; one thread, all judges", &head);
    let mut first = None;
    for rounds in ROUNDS {
        let jobs = ENTITIES * rounds;
        let plan = Plan::new(&in_flight(ENTITIES, rounds)).expect("a valid scenario");
        let empty = plan.initial().memory_usage();
        let (mut best, mut steps, mut bytes) = (f64::INFINITY, 0, 0);
        for _ in 0..TRIES {
            let mut executor = Executor::new(&plan, Profile::default());
            let mut watch = Idle { empty, found: None };
            let start = Instant::now();
            let end = executor.run_within(&mut RunToCompletion::new(0), Limits::steps(u64::MAX), &mut watch);
            best = best.min(start.elapsed().as_nanos() as f64 / jobs as f64);
            assert_eq!(end, End::Finished);
            assert!(executor.monitor().breaches().is_empty(), "something is found");
            (steps, bytes) = (executor.steps(), watch.found.expect("jobs take time"));
        }
        let growth = best / *first.get_or_insert(best);
        table.row(vec![
            jobs.to_string(),
            format!("{:.1}", steps as f64 / jobs as f64),
            format!("{best:.0}"),
            format!("{:.0}", bytes as f64 / jobs as f64),
            at_most(growth, GROWTH, "x"),
        ]);
    }
    println!("{table}");
}
