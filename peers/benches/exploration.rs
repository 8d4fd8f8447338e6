//! Exploration in ringfence, loom, shuttle, stateright and interweave: the same programs, in turn, in one run.
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use ringfence::check::{End, Executor, Random};
use ringfence::model::Plan;
use ringfence::validator::annotations::Profile;
use ringfence_bench::programs;
use ringfence_bench::table::{Table, at_least};
use ringfence_peers::contest::{Contest, Rate, Work};
use ringfence_peers::shuttle::How;
use ringfence_peers::{loom, shuttle, stateright};

/// Rounds of a contest.
const ROUNDS: u64 = 9;
/// Steps that no execution here comes near to.
const STEPS: u64 = 10_000;

fn main() {
    // A word after `--` selects.
    let word = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let benches: [(&str, fn()); 2] = [("executions", executions), ("deadlock", deadlock)];
    for (name, bench) in benches {
        if name.contains(&word) {
            bench();
        }
    }
}

/// Random executions with all judges; counts steps.
fn random(executor: &mut Executor<'_>, first_seed: u64, executions: u64) -> Work {
    let mut steps = 0;
    for seed in first_seed..first_seed + executions {
        let end = executor.run(&mut Random::new(seed), STEPS);
        assert!(end == End::Finished && executor.problems().is_empty(), "nothing is wrong with it");
        steps += executor.steps();
    }
    Work { units: executions, steps }
}

/// A table of rates; `first` is ours, and has to be so many times as fast as each of the others.
fn print(title: &str, units: &str, rates: &[Rate], required: &[(&str, f64)]) {
    let head = ["", units, "steps/s", "ringfence is faster", "required"];
    let mut table = Table::new(title, &head);
    let ours = rates[0].units;
    for rate in rates {
        let ratio = ours / rate.units;
        let known = required.iter().find(|(name, _)| *name == rate.name);
        let steps = if rate.steps == 0.0 { String::new() } else { format!("{:.0}", rate.steps) };
        table.row(vec![
            rate.name.clone(),
            format!("{:.0}", rate.units),
            steps,
            format!("{ratio:.1} ×"),
            known.map_or_else(String::new, |&(_, factor)| at_least(ratio, factor, "×")),
        ]);
    }
    println!("{table}");
}

/// ordered(3): executions per second.
fn executions() {
    let plan = Plan::new(&programs::ordered(3)).expect("a valid scenario");
    let mut executor = Executor::new(&plan, Profile::default());
    let model = stateright::Locks::ordered(3);
    let mut contest = Contest::default();
    contest.add("ringfence, random", |round| random(&mut executor, round * 200_000, 200_000));
    for (name, how) in [
        ("shuttle, random", How::Random),
        ("shuttle, pct", How::Pct),
        ("shuttle, urw", How::Urw),
        ("shuttle, dfs", How::Dfs),
    ] {
        contest.add(name, move |round| Work::of(shuttle::ordered(how, 3, round, 20_000)));
    }
    contest.add("loom", |_| Work::of((0..4).map(|_| loom::ordered()).sum()));
    contest.add("stateright, simulation", |round| {
        let (units, steps) = stateright::simulate(&model, round, 50_000);
        Work { units, steps }
    });
    let required =
        [("shuttle, random", 10.0), ("shuttle, dfs", 10.0), ("loom", 50.0), ("stateright, simulation", 3.0)];
    print("ordered(3), one core", "executions/s", &contest.rates(ROUNDS), &required);
}

/// abba: how many executions until its deadlock is found.
fn deadlock() {
    const SEEDS: u64 = 2_000;
    // Those that report by panicking would fill the screen.
    std::panic::set_hook(Box::new(|_| {}));
    let plan = Plan::new(&programs::abba()).expect("a valid scenario");
    let mut executor = Executor::new(&plan, Profile::default());
    let mut table = Table::new(
        "abba: probability that an execution deadlocks, and executions to the first deadlock",
        &["", "probability", "executions", "required"],
    );
    let hung = (0..SEEDS).filter(|&seed| executor.run(&mut Random::new(seed), STEPS) == End::Hung).count();
    let ours = hung as f64 / SEEDS as f64;
    let mean = |probability: f64| format!("{:.1} (mean)", 1.0 / probability);
    let hows = [("shuttle, random", How::Random), ("shuttle, pct", How::Pct), ("shuttle, urw", How::Urw)];
    let theirs = hows.map(|(name, how)| {
        let found = (0..SEEDS).filter(|&seed| shuttle::abba(how, seed, 1).is_some()).count();
        (name, found as f64 / SEEDS as f64)
    });
    table.row(vec![
        "ringfence, random".into(),
        format!("{ours:.3}"),
        mean(ours),
        at_least(ours, theirs[0].1, "(shuttle, random)"),
    ]);
    for (name, probability) in theirs {
        table.row(vec![name.into(), format!("{probability:.3}"), mean(probability), String::new()]);
    }
    let first =
        shuttle::abba(How::Dfs, 0, 1_000_000).map_or("none".into(), |executions| executions.to_string());
    table.row(vec!["shuttle, dfs".into(), String::new(), first, String::new()]);
    println!("{table}");
    drop(std::panic::take_hook());
}
