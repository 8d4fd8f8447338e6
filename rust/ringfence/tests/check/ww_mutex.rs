//! `ww_mutex`es in two orders: nothing is wrong with that in a context that backs off, with all judges watching.

use ringfence::check::check;
use ringfence::diag::Verdict;
use ringfence_base::errno::EDEADLK;
use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Scenario, Stmt, WwAlgorithm};
use ringfence_base::{ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};

/// Two threads, two locks, opposite orders; without `back_off` they just keep what they have and give up.
fn opposite_orders(algorithm: WwAlgorithm, ctx: bool, back_off: bool) -> Scenario {
    let mut build = Build::default();
    let class = build.object("modeset", ObjectKind::WwClass { algorithm });
    let locks = ["a", "b"].map(|name| build.object(name, ObjectKind::WwMutex { class }));
    for (first, second) in [(0, 1), (1, 0)] {
        let (one, two): (ObjectId, ObjectId) = (locks[first], locks[second]);
        let ctx = if ctx { Arg::Register(0) } else { Arg::Null };
        let lock = |lock| op_out(Op::WwMutexLock, &[obj(lock), ctx.clone()], 1);
        let unlock = |lock| op(Op::WwMutexUnlock, &[obj(lock)]);
        let slow = op(Op::WwMutexLockSlow, &[obj(two), Arg::Register(0)]);
        let mut body = vec![op_out(Op::WwAcquireInit, &[obj(class)], 0), lock(one), lock(two)];
        body.push(op_out(Op::Eq, &[Arg::Register(1), Arg::Int(-EDEADLK)], 2));
        let then = match back_off {
            true => vec![unlock(one), slow, lock(one), unlock(one), unlock(two)],
            false => vec![unlock(one)],
        };
        let otherwise = vec![unlock(two), unlock(one)];
        body.push(Stmt::If { cond: Arg::Register(2), then, otherwise, at: SiteId::UNKNOWN });
        body.push(op(Op::WwAcquireFini, &[Arg::Register(0)]));
        build.thread("user", &[Kind::WwCtx, Kind::Errno, Kind::Int], body);
    }
    build.scenario
}

#[test]
fn backing_off_is_fine() {
    for algorithm in [WwAlgorithm::WaitDie, WwAlgorithm::WoundWait] {
        for back_off in [true, false] {
            let scenario = opposite_orders(algorithm, true, back_off);
            let report = check(&scenario, &crate::unminimised(), &|_| true).expect("a valid scenario");
            assert!(report.findings.is_empty(), "{report:#?}");
        }
    }
}

/// Without a context they are mutexes of one class: the validator objects to two of them, and they deadlock.
#[test]
fn without_a_context_it_is_a_deadlock() {
    let scenario = opposite_orders(WwAlgorithm::WaitDie, false, false);
    let report = check(&scenario, &crate::unminimised(), &|_| true).expect("a valid scenario");
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.rule, finding.verdict)).collect();
    assert_eq!(found, [("RF602", Verdict::Confirmed)], "{report:#?}");
}

/// Somebody who is alone never meets -EDEADLK, unless it is injected; then it shows that just trying again with the
/// first lock held is wrong.
#[test]
fn injection_finds_who_does_not_back_off() {
    let mut build = Build::default();
    let class = build.object("modeset", ObjectKind::WwClass { algorithm: WwAlgorithm::WaitDie });
    let [one, two] = ["a", "b"].map(|name| build.object(name, ObjectKind::WwMutex { class }));
    let lock = |lock| op_out(Op::WwMutexLock, &[obj(lock), Arg::Register(0)], 1);
    let unlock = |lock| op(Op::WwMutexUnlock, &[obj(lock)]);
    let again = Stmt::If {
        cond: Arg::Register(1),
        then: vec![lock(two)],
        otherwise: Vec::new(),
        at: SiteId::UNKNOWN,
    };
    let body = vec![
        op_out(Op::WwAcquireInit, &[obj(class)], 0),
        lock(one),
        lock(two),
        again,
        unlock(two),
        unlock(one),
        op(Op::WwAcquireFini, &[Arg::Register(0)]),
    ];
    build.thread("user", &[Kind::WwCtx, Kind::Errno], body);
    for (deadlock_injection, expected) in [(false, &[][..]), (true, &["RF611"])] {
        build.scenario.environment = Environment { deadlock_injection, ..Environment::quiet() };
        let report = check(&build.scenario, &crate::unminimised(), &|_| true).expect("a valid scenario");
        let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, expected, "{report:#?}");
    }
}
