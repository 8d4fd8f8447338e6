//! Whole executions with all three judges, beside shuttle's random scheduler without any, on the same program.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::Instant;

use ringfence::check::{Executor, Random};
use ringfence::model::Plan;
use ringfence_bench::programs;
use ringfence_bench::table::{Table, median};
use ringfence_lockdep::annotations::Profile;
use shuttle::scheduler::RandomScheduler;
use shuttle::sync::{Arc, Mutex};
use shuttle::{Config, Runner, thread};

const THREADS: usize = 3;
/// Rounds in which both run in turn.
const ROUNDS: usize = 15;
const EXECUTIONS: u64 = 100_000;
const SHUTTLE_EXECUTIONS: usize = 10_000;
/// Steps per second that are required.
const STEPS: f64 = 8e6;
/// Executions per second that are required.
const REQUIRED: f64 = 600e3;

fn shuttle_program() {
    let locks = Arc::new((Mutex::new(()), Mutex::new(0u64)));
    let spawn = |_| {
        let locks = Arc::clone(&locks);
        thread::spawn(move || {
            let _a = locks.0.lock().expect("nobody panicked");
            *locks.1.lock().expect("nobody panicked") += 1;
        })
    };
    let threads: Vec<_> = (0..THREADS).map(spawn).collect();
    for thread in threads {
        thread.join().expect("nobody panicked");
    }
}

fn main() {
    let plan = Plan::new(&programs::ordered(THREADS)).expect("a valid scenario");
    let mut executor = Executor::new(&plan, Profile::default());
    let (mut executions, mut steps, mut rival) = (Vec::new(), Vec::new(), Vec::new());
    let mut seed = 0;
    // A number after `--`: so many executions and no table, for profilers.
    if let Some(count) = std::env::args().nth(1).and_then(|count| count.parse().ok()) {
        for seed in 0..count {
            executor.run(&mut Random::new(seed), 1_000);
        }
        return;
    }
    for _ in 0..ROUNDS {
        let (start, mut count) = (Instant::now(), 0);
        for _ in 0..EXECUTIONS {
            executor.run(&mut Random::new(seed), 1_000);
            seed += 1;
            count += executor.steps();
            assert!(executor.hangs().is_empty() && executor.problems().is_empty());
        }
        let seconds = start.elapsed().as_secs_f64();
        executions.push(EXECUTIONS as f64 / seconds);
        steps.push(count as f64 / seconds);
        let start = Instant::now();
        let scheduler = RandomScheduler::new_from_seed(seed, SHUTTLE_EXECUTIONS);
        Runner::new(scheduler, Config::new()).run(shuttle_program);
        rival.push(SHUTTLE_EXECUTIONS as f64 / start.elapsed().as_secs_f64());
    }
    let (executions, steps, rival) = (median(executions), median(steps), median(rival));
    let mut table = Table::new(
        "ordered(3), random schedules, one core, medians",
        &["program", "executions/s", "steps/s", "required"],
    );
    let met = |figure: f64, required: f64| if figure >= required { "met" } else { "MISSED" };
    table.row(vec![
        "ringfence, three judges".into(),
        format!("{executions:.0}"),
        format!("{steps:.0}"),
        format!("≥ {REQUIRED:.0}: {}; ≥ {STEPS:.0}: {}", met(executions, REQUIRED), met(steps, STEPS)),
    ]);
    table.row(vec!["shuttle, random".into(), format!("{rival:.0}"), String::new(), String::new()]);
    table.row(vec!["ratio".into(), format!("{:.1}", executions / rival), String::new(), String::new()]);
    println!("{table}");
}
