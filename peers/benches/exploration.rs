//! Exploration in ringfence, loom, shuttle, stateright and interweave: the same programs, in turn, in one run.
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use ringfence::check::{End, Executor, Hunt, Hunter, Limits, Method, Options, Quarry, Random, StateExecutor};
use ringfence::check::{Trail, check, hunt};
use ringfence::model::Plan;
use ringfence::scenario::Scenario;
use ringfence::validator::annotations::Profile;
use ringfence_base::Dependent;
use ringfence_bench::programs;
use ringfence_bench::table::{Table, at_least, at_most, median};
use ringfence_explore::cells::Cells;
use ringfence_explore::{Bound, Budget, Dfs, Dpor, Fingerprints, Summary};
use ringfence_explore::{states_breadth_first, states_depth_first};
use ringfence_peers::contest::{Clock, Contest, Rate, Work};
#[cfg(feature = "interweave")]
use ringfence_peers::interweave;
use ringfence_peers::shuttle::How;
use ringfence_peers::{loom, shuttle, stateright};

/// Rounds of a contest.
const ROUNDS: u64 = 9;
/// Steps that no execution here comes near to.
const STEPS: u64 = 10_000;

fn main() {
    // A word after `--` selects.
    let word = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let benches: [(&str, fn()); 6] = [
        ("executions", executions),
        ("states", states),
        ("dpor", dpor),
        ("lastzero", lastzero),
        ("deadlock", deadlock),
        ("jobs", jobs),
    ];
    for (name, bench) in benches {
        if name.contains(&word) {
            bench();
        }
    }
}

fn plan(scenario: &Scenario) -> Plan {
    Plan::new(scenario).expect("a valid scenario")
}

/// A table of rates.
fn print(title: &str, units: &str, rates: &[Rate]) {
    let mut table = Table::new(title, &["", units, "steps/s"]);
    for rate in rates {
        let steps = if rate.steps == 0.0 { String::new() } else { format!("{:.0}", rate.steps) };
        table.row(vec![rate.name.clone(), format!("{:.0}", rate.units), steps]);
    }
    print!("{table}");
}

/// How many times as fast ours has to be as the other one.
fn print_ratios(rates: &[Rate], required: &[(&str, &str, f64)]) {
    let mut table = Table::new("As fast as", &["ringfence", "peer", "ratio", "required"]);
    let find = |name: &str| rates.iter().find(|rate| rate.name == name);
    for &(ours, theirs, factor) in required {
        let (Some(our_rate), Some(their_rate)) = (find(ours), find(theirs)) else { continue };
        let ratio = our_rate.units / their_rate.units;
        table.row(vec![ours.into(), theirs.into(), format!("{ratio:.1} ×"), at_least(ratio, factor, "×")]);
    }
    if !table.is_empty() {
        print!("{table}");
    }
}

/// Random executions with all judges.
fn random(executor: &mut Executor<'_>, first_seed: u64, executions: u64) -> Work {
    let mut steps = 0;
    for seed in first_seed..first_seed + executions {
        let end = executor.run(&mut Random::new(seed), STEPS);
        assert!(end == End::Finished && executor.problems().is_empty(), "nothing is wrong with it");
        steps += executor.steps();
    }
    Work { units: executions, steps }
}

/// Depth-first searches with all judges, one after the other, that have so many executions at least.
fn depth_first(executor: &mut Executor<'_>, executions: u64) -> Work {
    let mut work = Work::default();
    while work.units < executions {
        let budget = Budget::each(Limits::steps(STEPS));
        let mut search = Dfs::new(Bound::None);
        let summary = search.run(executor, budget, &mut |_: &mut Executor<'_>, _: &Trail, end| {
            assert_eq!(end, End::Finished, "nothing is wrong with it");
            true
        });
        assert!(summary.complete(), "all executions are seen");
        work.units += summary.executions;
        work.steps += summary.steps;
    }
    work
}

/// ordered(3): executions per second.
fn executions() {
    let plan = plan(&programs::ordered(3));
    let mut executor = Executor::new(&plan, Profile::default());
    let mut searched = Executor::new(&plan, Profile::default());
    let model = stateright::Locks::ordered(3);
    let mut contest = Contest::default();
    contest.add("random", |round| random(&mut executor, round * 200_000, 200_000));
    contest.add("dfs", |_| depth_first(&mut searched, 200_000));
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
    let rates = contest.rates(ROUNDS);
    print("ordered(3), one core, all judges of ringfence on", "executions/s", &rates);
    print_ratios(
        &rates,
        &[
            ("random", "shuttle, random", 10.0),
            ("random", "shuttle, dfs", 10.0),
            ("dfs", "shuttle, dfs", 10.0),
            ("random", "loom", 50.0),
            ("dfs", "loom", 50.0),
            ("random", "stateright, simulation", 3.0),
        ],
    );
}

/// Search that tells states apart: states per second.
fn states() {
    let programs = [
        ("own(12)", programs::own(12), stateright::Locks::own(12)),
        ("ordered(6)", programs::ordered(6), stateright::Locks::ordered(6)),
    ];
    for (name, scenario, model) in programs {
        let plan = plan(&scenario);
        let (mut broad, mut deep) =
            (StateExecutor::new(&plan, Profile::default()), StateExecutor::new(&plan, Profile::default()));
        let budget = Budget::each(Limits::steps(STEPS));
        let visit = &mut |_: &mut StateExecutor<'_>, _: &Trail, end: End| end == End::Finished;
        let mut found = [(0, 0); 3];
        let work = |summary: &Summary, found: &mut (u64, u64)| {
            assert!(summary.complete(), "all states are seen");
            *found = (summary.states.unwrap_or_default(), summary.steps);
            Work { units: found.0, steps: found.1 }
        };
        let [ours, depth, theirs] = &mut found;
        let (mut visit_deep, mut contest) = (*visit, Contest::default());
        contest.add("breadth first", |_| {
            work(&states_breadth_first(&mut broad, &mut Fingerprints::new(), budget, visit), ours)
        });
        contest.add("depth first", |_| {
            work(&states_depth_first(&mut deep, &mut Fingerprints::new(), budget, &mut visit_deep), depth)
        });
        contest.add("stateright, bfs", |_| {
            *theirs = stateright::breadth_first(&model);
            Work { units: theirs.0, steps: theirs.1 }
        });
        let rates = contest.rates(3);
        print(&format!("{name}, search over states, one core"), "different states/s", &rates);
        println!("\nDifferent states, and states made: ours {ours:?}, {depth:?}; stateright's {theirs:?}.");
        print_ratios(
            &rates,
            &[("breadth first", "stateright, bfs", 1.0), ("depth first", "stateright, bfs", 1.0)],
        );
    }
}

/// One execution of each trace, so many times over.
fn traces<S: Dependent>(search: &mut Dpor, system: &mut S, expected: u64, times: u64) -> Work {
    let mut work = Work::default();
    for _ in 0..times {
        let budget = Budget::each(Limits::steps(STEPS));
        let summary = search.explore(system, budget, &mut |_: &mut S, _: &Trail, _: End| true);
        assert!(summary.complete() && summary.executions == expected && summary.blocked == 0, "{summary:?}");
        work.units += summary.executions;
        work.steps += summary.steps;
    }
    work
}

/// Partial order reduction: executions per second, at the same optimal counts.
fn dpor() {
    for (threads, expected, times) in [(3, 6, 5_000), (6, 720, 50)] {
        let plan = plan(&programs::ordered(threads));
        let mut executor = Executor::new(&plan, Profile::default());
        let mut cells = Cells::ordered(threads as u32);
        let (mut first, mut second) = (Dpor::default(), Dpor::default());
        let mut contest = Contest::default();
        contest.add("all judges", |_| traces(&mut first, &mut executor, expected, times));
        contest.add("locks alone", |_| traces(&mut second, &mut cells, expected, times));
        #[cfg(feature = "interweave")]
        contest.add("interweave", |_| {
            let times = times / 10;
            let executions: u64 = (0..times).map(|_| interweave::ordered(threads)).sum();
            assert_eq!(executions, expected * times, "one execution of each trace");
            Work::of(executions)
        });
        let rates = contest.rates(ROUNDS);
        let title = format!("ordered({threads}), partial order reduction: {expected} executions, one core");
        print(&title, "executions/s", &rates);
        print_ratios(&rates, &[("all judges", "interweave", 5.0), ("locks alone", "interweave", 5.0)]);
    }
    println!("\nown(n), partial order reduction:");
    for threads in [2, 3, 10, 100] {
        let plan = plan(&programs::own(threads));
        let mut executor = Executor::new(&plan, Profile::default());
        let work = traces(&mut Dpor::default(), &mut executor, 1, 1);
        println!("n = {threads}: {} execution, {} steps", work.units, work.steps);
    }
    let dfs = shuttle::own_locks(How::Dfs, 3, 1_000_000);
    println!("shuttle, dfs, n = 3: {dfs} executions");
    #[cfg(feature = "interweave")]
    println!("interweave, n = 10: {} execution", interweave::own(10));
}

/// lastzero(15): seconds; lastzero(10) beside interweave.
fn lastzero() {
    let mut search = Dpor::default();
    let mut seconds = Vec::new();
    let mut work = Work::default();
    for _ in 0..3 {
        let run = || traces(&mut search, &mut Cells::lastzero(15), 147_456, 1);
        let (time, done) = Clock::Processor.seconds(run);
        seconds.push(time);
        work = done;
    }
    let seconds = median(seconds);
    println!(
        "\nlastzero(15), partial order reduction: {} executions, {} steps, {seconds:.2} s; {}",
        work.units,
        work.steps,
        at_most(seconds, 10.0, "s")
    );
    let mut cells = Cells::lastzero(10);
    let mut contest = Contest::default();
    contest.add("locks alone", |_| traces(&mut search, &mut cells, 3_328, 5));
    #[cfg(feature = "interweave")]
    contest.add("interweave", |_| {
        let executions = interweave::lastzero(10);
        assert_eq!(executions, 3_328, "one execution of each trace");
        Work::of(executions)
    });
    let rates = contest.rates(5);
    print("lastzero(10), partial order reduction: 3,328 executions, one core", "executions/s", &rates);
    print_ratios(&rates, &[("locks alone", "interweave", 5.0)]);
}

/// abba: how many executions until its deadlock is found.
fn deadlock() {
    const SEEDS: u64 = 20_000;
    // Those that report by panicking would fill the screen.
    std::panic::set_hook(Box::new(|_| {}));
    let scenario = programs::abba();
    let plan = plan(&scenario);
    let mut executor = Executor::new(&plan, Profile::default());
    let title = format!("abba: executions up to the deadlock, {SEEDS} seeds");
    let mut table = Table::new(&title, &["", "mean", "most", "required"]);
    let mut row = |name: &str, needed: &[u64], required: String| {
        let mean = needed.iter().sum::<u64>() as f64 / needed.len() as f64;
        let most = needed.iter().max().copied().unwrap_or_default();
        table.row(vec![name.into(), format!("{mean:.2}"), most.to_string(), required]);
        mean
    };
    let wanted = |seed| Hunt {
        profile: Profile::default(),
        // The deadlock confirms what the validator says of the order.
        quarry: Quarry::Rule("RF601"),
        seed: seed << 32,
        executions_max: 1_000,
        steps_max: STEPS,
    };
    let directed = |seed| {
        let first = hunt(&scenario, Hunter::Directed, &wanted(seed)).expect("a valid scenario");
        first.first.expect("it is found").execution
    };
    let directed: Vec<u64> = (0..SEEDS).map(directed).collect();
    let most = directed.iter().max().copied().unwrap_or_default();
    row("directed", &directed, at_most(most as f64, 4.0, "executions"));
    // From one deadlock to the next, in one row of seeds.
    let (mut seeds, mut found) = (0.., Vec::new());
    while (found.len() as u64) < SEEDS {
        let hangs = |seed: u64| executor.run(&mut Random::new(seed), STEPS) == End::Hung;
        found.push(seeds.by_ref().position(hangs).unwrap_or_default() as u64 + 1);
    }
    let theirs = |how| (0..SEEDS).filter_map(|seed| shuttle::abba(how, seed, 100_000)).collect::<Vec<_>>();
    let rivals = [("shuttle, random", How::Random), ("shuttle, pct", How::Pct), ("shuttle, urw", How::Urw)]
        .map(|(name, how)| (name, theirs(how)));
    // Equal means of so many seeds differ by chance: by more than two standard errors once in twenty times.
    let ((mean, error), (theirs, their_error)) = (estimate(&found), estimate(&rivals[0].1));
    let bound = ((theirs + 2.0 * error.hypot(their_error)) * 100.0).round() / 100.0;
    row("random", &found, at_most(mean, bound, "(shuttle, random, and two standard errors)"));
    for (name, needed) in &rivals {
        row(name, needed, String::new());
    }
    row("shuttle, dfs", &[shuttle::abba(How::Dfs, 0, 1_000_000).unwrap_or_default()], String::new());
    #[cfg(feature = "interweave")]
    row("interweave", &[interweave::abba().unwrap_or_default()], String::new());
    print!("{table}");
    drop(std::panic::take_hook());
}

/// The mean, and its standard error.
fn estimate(needed: &[u64]) -> (f64, f64) {
    let count = needed.len() as f64;
    let mean = needed.iter().sum::<u64>() as f64 / count;
    let squares: f64 = needed.iter().map(|&one| (one as f64 - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// A check of ordered(3) by random walks, on one core and on two.
fn jobs() {
    let scenario = programs::ordered(3);
    let run = |jobs| {
        let options = Options {
            method: Method::Random,
            executions: 400_000,
            jobs,
            minimise: false,
            ..Options::default()
        };
        let report = check(&scenario, &options, &|_| true).expect("a valid scenario");
        Work { units: report.executions, steps: report.steps }
    };
    let mut contest = Contest::by(Clock::Wall);
    contest.add("2 jobs", |_| run(2));
    contest.add("1 job", |_| run(1));
    let rates = contest.rates(ROUNDS);
    print("check() of ordered(3), random walks", "executions/s", &rates);
    print_ratios(&rates, &[("2 jobs", "1 job", 1.8)]);
}
