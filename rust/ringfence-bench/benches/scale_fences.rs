//! Very many fences: what one costs as there are more and more, in time and memory.
//!
//! Memory is counted twice: what the world has reserved, and what the process has grown by between the first fence
//! and the last (`/proc/self/status`, on Linux only; elsewhere it is shown as 0). The latter has the judges in it.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark needs a clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::env;
use std::fs;
use std::process::Command;
use std::time::Instant;

use ringfence::check::{End, Executor, Limits, RunToCompletion, Watch};
use ringfence::model::{Action, Plan};
use ringfence_base::{Event, EventKind};
use ringfence_bench::buffers::{Origin, scenario};
use ringfence_bench::table::{Table, at_most, median};
use ringfence_lockdep::annotations::Profile;

const SIZES: [usize; 5] = [1_000, 3_000, 10_000, 30_000, 100_000];
const ORIGINS: [(&str, Origin); 2] = [("declared", Origin::Declared), ("made", Origin::Made)];
const ROUNDS: usize = 5;
/// Bytes that an idle fence may take.
const BYTES: f64 = 512.0;
/// How much more than at the smallest size one fence may cost at the largest, where caches do less.
const GROWTH: f64 = 3.0;
const CHILD: &str = "--child";

/// What one process measured.
struct Figures {
    /// Nanoseconds per fence: to make the plan, to run it.
    plan: f64,
    run: f64,
    /// Bytes per fence: of the world, of the process.
    world: f64,
    process: f64,
}

fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}

/// Looks at memory when all fences are there: just before the first is signaled.
struct Idle {
    empty: f64,
    before: f64,
    found: Option<(f64, f64)>,
}

impl<'p> Watch<Executor<'p>> for Idle {
    fn after(&mut self, executor: &Executor<'p>, _: Action) {
        let signals = |event: &Event| matches!(event.kind, EventKind::FenceSignal(_));
        if self.found.is_none() && executor.events().iter().any(signals) {
            let world = executor.world().memory_usage() as f64 - self.empty;
            self.found = Some((world, resident() - self.before));
        }
    }
}

/// Runs one scenario in this process.
fn measure(origin: Origin, fences: usize) -> Figures {
    let scenario = scenario(origin, fences);
    let per_fence = |figure: f64| figure / fences as f64;
    let start = Instant::now();
    let plan = Plan::new(&scenario).expect("a valid scenario");
    let plan_time = start.elapsed().as_nanos() as f64;
    let empty = Plan::new(&scenario_of_nothing()).expect("a valid scenario").initial().memory_usage() as f64;
    let before = resident();
    let mut executor = Executor::new(&plan, Profile::default());
    let mut watch = Idle { empty, before, found: None };
    let start = Instant::now();
    let end = executor.run_within(&mut RunToCompletion::new(0), Limits::steps(u64::MAX), &mut watch);
    let run_time = start.elapsed().as_nanos() as f64;
    assert_eq!(end, End::Finished);
    let (world, process) = watch.found.expect("fences are signaled");
    Figures {
        plan: per_fence(plan_time),
        run: per_fence(run_time),
        world: per_fence(world),
        process: per_fence(process),
    }
}

fn scenario_of_nothing() -> ringfence_base::scenario::Scenario {
    scenario(Origin::Declared, 0)
}

/// The same in a process of its own.
fn measured_apart(name: &str, fences: usize) -> Figures {
    let this = env::current_exe().expect("the benchmark has a file");
    let child = Command::new(this).args([CHILD, name, &fences.to_string()]).output().expect("it starts");
    let text = String::from_utf8_lossy(&child.stdout);
    let numbers: Vec<f64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [plan, run, world, process] = numbers[..] else {
        panic!("no figures from the child: {text}{}", String::from_utf8_lossy(&child.stderr));
    };
    Figures { plan, run, world, process }
}

fn child(arguments: &[String]) -> Option<()> {
    let [flag, name, fences] = arguments else { return None };
    let &(_, origin) = ORIGINS.iter().find(|(known, _)| flag == CHILD && known == name)?;
    let Figures { plan, run, world, process } = measure(origin, fences.parse().ok()?);
    println!("{plan} {run} {world} {process}");
    Some(())
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if child(&arguments).is_some() {
        return;
    }
    let head =
        ["fences", "plan, ns/fence", "run, ns/fence", "world, B/fence", "process, B/fence", "required"];
    for (name, _) in ORIGINS {
        let mut table = Table::new(&format!("fences in buffers, {name}; one thread, all judges"), &head);
        let mut first = None;
        for fences in SIZES {
            let rounds: Vec<Figures> = (0..ROUNDS).map(|_| measured_apart(name, fences)).collect();
            // Whatever else runs on the machine only adds.
            let least = |figure: fn(&Figures) -> f64| rounds.iter().map(figure).fold(f64::INFINITY, f64::min);
            let (plan, run) = (least(|figures| figures.plan), least(|figures| figures.run));
            let process = median(rounds.iter().map(|figures| figures.process).collect());
            let world = rounds[0].world;
            let (first_plan, first_run) = *first.get_or_insert((plan, run));
            let growth = (plan / first_plan).max(run / first_run);
            let required = format!("{}; {}", at_most(world, BYTES, "B"), at_most(growth, GROWTH, "x"));
            let figures = [plan, run, world, process].map(|figure| format!("{figure:.0}"));
            let mut row = vec![fences.to_string()];
            row.extend(figures);
            row.push(required);
            table.row(row);
        }
        println!("{table}");
    }
}
