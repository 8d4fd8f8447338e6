//! Whole executions with GPU schedulers and all three judges: four threads that submit through two entities to one
//! ring, with its interrupt and a timeout.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::Instant;

use ringfence::check::{End, Executor, Random};
use ringfence::model::Plan;
use ringfence_bench::jobs::submitters;
use ringfence_bench::table::{Table, median};
use ringfence_lockdep::annotations::Profile;

const ROUNDS: usize = 15;
const EXECUTIONS: u64 = 10_000;
/// Steps per second that are required.
const STEPS: f64 = 5e6;

fn main() {
    let plan = Plan::new(&submitters(4, 2)).expect("a valid scenario");
    let mut executor = Executor::new(&plan, Profile::default());
    let (mut executions, mut steps, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    let mut seed = 0;
    // A number after `--`: so many rounds, for profilers.
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    for _ in 0..rounds {
        let (start, mut count) = (Instant::now(), 0);
        for _ in 0..EXECUTIONS {
            let end = executor.run(&mut Random::new(seed), 10_000);
            assert!(end == End::Finished && executor.problems().is_empty(), "{end:?}");
            seed += 1;
            count += executor.steps();
        }
        let seconds = start.elapsed().as_secs_f64();
        executions.push(EXECUTIONS as f64 / seconds);
        steps.push(count as f64 / seconds);
        lengths.push(count as f64 / EXECUTIONS as f64);
    }
    let (executions, steps, length) = (median(executions), median(steps), median(lengths));
    let head = ["program", "steps/execution", "executions/s", "steps/s", "required"];
    let mut table = Table::new("4 threads, 2 entities, 1 ring; random schedules, one core, medians", &head);
    let met = if steps >= STEPS { "met" } else { "MISSED" };
    table.row(vec![
        "three judges".into(),
        format!("{length:.1}"),
        format!("{executions:.0}"),
        format!("{steps:.0}"),
        format!("≥ {STEPS:.0}: {met}"),
    ]);
    println!("{table}");
}
