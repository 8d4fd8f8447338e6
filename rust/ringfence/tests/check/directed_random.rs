//! Directed search on random scenarios of locks and fences, judged by exhaustive search: where that finds a hang, it
//! finds one, too; where there is none, it finds none.

use std::ops::Range;
use std::slice::from_ref;

use ringfence::check::{Hunter, Quarry};
use ringfence_base::rng::Rng;
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Scenario, Stmt};

use crate::build::{Build, obj, op, op_out};
use crate::directed::{hunted, with_places};
use crate::random::{asked_for, tell};

/// Three or four threads that take up to three of a few locks inside each other; some wait for a fence there, one
/// signals it.
fn scenario(seed: u64) -> Scenario {
    let mut rng = Rng::new(seed);
    let mut build = Build::default();
    let locks: Vec<Arg> = (0..4).map(|n| obj(build.mutex(&format!("lock {n}")))).collect();
    let timeline =
        build.object("ring", ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None });
    let fence = obj(build.object("fence", ObjectKind::Fence { timeline, seqno: None }));
    let cell = obj(build.object("cell", ObjectKind::Cell { init: 0 }));
    let threads = 3 + rng.below(2);
    let signaller = rng.below(2 * threads);
    for n in 0..threads {
        let mut body = Vec::new();
        for _ in 0..=rng.below(2) {
            let inner = if rng.percent(15) && n != signaller && signaller < threads {
                op(Op::DmaFenceWait, &[fence.clone(), Arg::Int(0)])
            } else {
                op(Op::CellAdd, &[cell.clone(), Arg::Int(1)])
            };
            let nest = nest(&mut rng, &locks, inner);
            if rng.percent(20) {
                // Only if others have come first.
                let wanted = 1 + rng.below(2) as i64;
                body.push(op_out(Op::CellRead, from_ref(&cell), 1));
                body.push(op_out(Op::Eq, &[Arg::Register(1), Arg::Int(wanted)], 1));
                let at = ringfence_base::SiteId::UNKNOWN;
                body.push(Stmt::If { cond: Arg::Register(1), then: nest, otherwise: Vec::new(), at });
            } else {
                body.extend(nest);
            }
        }
        if n == signaller {
            body.push(op_out(Op::DmaFenceBeginSignalling, &[], 0));
            body.extend(nest(&mut rng, &locks, op(Op::DmaFenceSignal, from_ref(&fence))));
            body.push(op(Op::DmaFenceEndSignalling, &[Arg::Register(0)]));
        }
        build.thread(&format!("thread {n}"), &[Kind::Cookie, Kind::Int], body);
    }
    with_places(build.scenario)
}

fn nest(rng: &mut Rng, locks: &[Arg], inner: Stmt) -> Vec<Stmt> {
    let mut held = Vec::new();
    for _ in 0..=rng.below(3) {
        let lock = rng.pick(locks).clone();
        if !held.contains(&lock) {
            held.push(lock);
        }
    }
    let mut body: Vec<Stmt> = held.iter().map(|lock| op(Op::MutexLock, from_ref(lock))).collect();
    body.push(inner);
    body.extend(held.iter().rev().map(|lock| op(Op::MutexUnlock, from_ref(lock))));
    body
}

/// What was found in many of them.
#[derive(Debug, Default)]
struct Outcome {
    /// Exhaustive search finds a hang.
    hang: Vec<u64>,
    /// It finds none, and has seen everything.
    clean: u64,
    /// Of those that hang: directed search does not say so.
    missed: Vec<u64>,
    /// Random search does not say so in as many executions.
    missed_at_random: Vec<u64>,
    /// Executions until it was confirmed.
    executions: Vec<u64>,
}

/// Executions that exhaustive search may need.
const EXHAUSTIVE: u64 = 20_000;
/// Executions of the others.
const DIRECTED: u64 = 1000;

fn outcome(seeds: Range<u64>) -> Outcome {
    let mut outcome = Outcome::default();
    for seed in seeds {
        let scenario = scenario(seed);
        let all = hunted(&scenario, Hunter::Dpor, Quarry::Hang, EXHAUSTIVE);
        if all.first.is_none() && !all.complete {
            continue;
        }
        let directed = hunted(&scenario, Hunter::Directed, Quarry::Hang, DIRECTED);
        if all.first.is_none() {
            outcome.clean += 1;
            assert_eq!(directed.first, None, "seed {seed} can't hang");
            continue;
        }
        outcome.hang.push(seed);
        match directed.first {
            Some(first) => outcome.executions.push(first.execution),
            None => outcome.missed.push(seed),
        }
        if hunted(&scenario, Hunter::Random, Quarry::Hang, DIRECTED).first.is_none() {
            outcome.missed_at_random.push(seed);
        }
    }
    outcome.executions.sort_unstable();
    outcome
}

#[test]
fn it_confirms_what_exhaustive_search_finds_and_nothing_else() {
    if let Some(seeds) = asked_for("RINGFENCE_DIRECTED_SEEDS") {
        return tell(&format!("{:?}", outcome(seeds)));
    }
    let outcome = outcome(0..40);
    assert!(outcome.hang.len() >= 10 && outcome.clean >= 5, "the scenarios say nothing: {outcome:?}");
    assert!(outcome.missed.is_empty(), "{outcome:?}");
}
