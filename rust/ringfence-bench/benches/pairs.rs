//! A warm acquire and release, beside two other validators on the same sequence of locks.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group};
use ringfence_bench::edge_set::EdgeSet;
use ringfence_bench::estimates::Estimates;
use ringfence_bench::locks::Bench;
use ringfence_bench::race::{Contestant, race};
use ringfence_bench::table::{Table, at_most};
use ringfence_lockdep::Search;
use tracing_mutex::stdsync::tracing::Mutex;

const GROUP: &str = "pairs";
const DEPTHS: std::ops::RangeInclusive<u32> = 2..=5;
/// Nanoseconds per pair that ringfence may need.
const LIMIT: f64 = 25.0;
/// What lockdep needs on such a machine, compiled natively: the middle of 78–80 ns.
const KERNEL: f64 = 79.0;
const SEARCHES: [(&str, Search); 2] = [("kernel", Search::Kernel), ("exact", Search::Exact)];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/criterion-pairs"))
}

/// Nested locks of the crate `tracing-mutex`, really locked: `std::sync::Mutex` below it.
fn lock_all(mutexes: &[Mutex<()>]) {
    if let Some((first, rest)) = mutexes.split_first() {
        let _guard = first.lock().expect("nobody panicked");
        lock_all(rest);
    }
}

fn pairs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(GROUP);
    for depth in DEPTHS {
        for (name, search) in SEARCHES {
            let mut bench = Bench::new(search, depth as usize);
            group.bench_function(BenchmarkId::new(name, depth), |b| b.iter(|| bench.nest(depth)));
            assert_eq!(bench.validator.problem_count(), 0);
            let id = BenchmarkId::new(format!("{name}-oldest-first"), depth);
            group.bench_function(id, |b| b.iter(|| bench.nest_oldest_first(depth)));
            assert_eq!(bench.validator.problem_count(), 0);
        }
        let mutexes: Vec<Mutex<()>> = (0..depth).map(|_| Mutex::new(())).collect();
        group.bench_function(BenchmarkId::new("tracing-mutex", depth), |b| b.iter(|| lock_all(&mutexes)));
        let mut edges = EdgeSet::new(1);
        group.bench_function(BenchmarkId::new("edge-set", depth), |b| {
            b.iter(|| edge_set(&mut edges, depth));
        });
        assert_eq!(edges.circles, 0);
    }
    group.finish();
}

fn edge_set(edges: &mut EdgeSet, depth: u32) {
    (0..depth).for_each(|lock| edges.acquire(0, lock));
    (0..depth).rev().for_each(|lock| edges.release(0, lock));
}

/// One row: median nanoseconds per pair at one depth, all contestants in turn.
fn row(depth: u32) -> Vec<String> {
    let mut kernel = Bench::new(Search::Kernel, depth as usize);
    let mut exact = Bench::new(Search::Exact, depth as usize);
    let mutexes: Vec<Mutex<()>> = (0..depth).map(|_| Mutex::new(())).collect();
    let mut edges = EdgeSet::new(1);
    let mut contestants = [
        Contestant::new(|| kernel.nest(depth)),
        Contestant::new(|| exact.nest(depth)),
        Contestant::new(|| lock_all(&mutexes)),
        Contestant::new(|| edge_set(&mut edges, depth)),
    ];
    race(&mut contestants);
    let [kernel, exact, tracing_mutex, edge_set] =
        contestants.map(|contestant| contestant.median() / f64::from(depth));
    let rival = |nanos: f64| format!("{nanos:.1} = {:.1} ×", nanos / exact);
    vec![
        depth.to_string(),
        format!("{kernel:.1}"),
        format!("{exact:.1}"),
        at_most(kernel.max(exact), LIMIT, "ns"),
        rival(tracing_mutex),
        rival(edge_set),
        rival(KERNEL),
    ]
}

/// The same sequence of locks in all validators, in turn; and criterion's medians of the slow order.
fn summarise(estimates: &Estimates) {
    let head = ["depth", "kernel", "exact", "required", "tracing-mutex", "edge set + DFS", "Linux lockdep"];
    let mut table = Table::new("A warm acquire + release pair, latest lock first: median ns, × exact", &head);
    DEPTHS.for_each(|depth| table.row(row(depth)));
    println!("{table}");
    let mut other =
        Table::new("The same, oldest lock first (the rest is taken again)", &["depth", "kernel", "exact"]);
    for depth in DEPTHS {
        let pair = |name: &str| {
            estimates.median(GROUP, &format!("{name}/{depth}")).map(|nanos| nanos / f64::from(depth))
        };
        if let (Some(kernel), Some(exact)) = (pair("kernel-oldest-first"), pair("exact-oldest-first")) {
            other.row(vec![depth.to_string(), format!("{kernel:.1}"), format!("{exact:.1}")]);
        }
    }
    if !other.is_empty() {
        println!("{other}");
    }
}

fn configured() -> Criterion {
    Criterion::default()
        .output_directory(folder())
        .without_plots()
        .sample_size(60)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_millis(1500))
        .configure_from_args()
}

criterion_group! {
    name = all;
    config = configured();
    targets = pairs
}

fn main() {
    let estimates = Estimates::fresh(folder());
    all();
    summarise(&estimates);
}
