//! The numbers of traces of the papers' programs, as published.

use ringfence_base::End;
use ringfence_explore::cells::Cells;
use ringfence_explore::{Budget, Dpor, Limits, Summary, Trail};

/// Far more steps than any of the programs takes.
const STEPS: u64 = 10_000;

/// Explores all of it: the summary, and how many deadlocks there were.
fn explore(mut cells: Cells) -> (Summary, u64) {
    let mut deadlocks = 0;
    let mut visit = |_: &mut Cells, _: &Trail, end: End| {
        deadlocks += u64::from(end == End::Hung);
        true
    };
    let summary = Dpor::default().explore(&mut cells, Budget::each(Limits::steps(STEPS)), &mut visit);
    (summary, deadlocks)
}

/// Explores all of it; there must be so many traces, and so many deadlocks among them.
fn expect(what: &str, cells: Cells, traces: u64, deadlocks: u64) {
    let (summary, hung) = explore(cells);
    assert_eq!((summary.executions, hung), (traces, deadlocks), "{what}: {summary:?}");
    assert_eq!(summary.blocked, 0, "{what}: {summary:?}");
    assert!(summary.complete() && summary.bounded == 0, "{what}: {summary:?}");
    assert!((summary.share - 1.0).abs() < f64::EPSILON, "{what}: {summary:?}");
}

#[test]
fn readers() {
    for (n, traces) in [(2, 4), (8, 256), (13, 8_192)] {
        expect(&format!("readers({n})"), Cells::readers(n), traces, 0);
    }
}

#[test]
fn lastzero() {
    for (n, traces) in [(2, 5), (5, 64), (10, 3_328), (15, 147_456)] {
        expect(&format!("lastzero({n})"), Cells::lastzero(n), traces, 0);
    }
}

#[test]
fn indexer() {
    for (n, traces) in [(11, 1), (12, 8), (15, 4_096)] {
        expect(&format!("indexer({n})"), Cells::indexer(n), traces, 0);
    }
}

#[test]
fn filesystem() {
    for (n, traces) in [(13, 1), (14, 2), (16, 8), (18, 32), (19, 64)] {
        expect(&format!("filesystem({n})"), Cells::filesystem(n), traces, 0);
    }
}

#[test]
fn locks() {
    for n in 1..=8 {
        expect(&format!("own({n})"), Cells::own(n), 1, 0);
    }
    for (n, traces) in [(1, 1), (2, 2), (3, 6), (4, 24), (5, 120)] {
        expect(&format!("ordered({n})"), Cells::ordered(n), traces, 0);
    }
    expect("abba", Cells::abba(), 3, 1);
    expect("fence", Cells::fence(), 2, 1);
}
