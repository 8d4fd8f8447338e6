//! Directed search through the whole check: what ordered schedules only predict is confirmed by the first execution
//! towards it.

use ringfence::check::{First, Hunt, Hunted, Hunter, Quarry, hunt};
use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Scenario, Stmt};
use ringfence_base::{Gfp, ObjectId, SiteId, SourceLocation};
use ringfence_lockdep::annotations::Profile;

use crate::build::{Build, obj, op, op_out};

/// Each operation of a program gets a line of its own.
pub(crate) fn with_places(mut scenario: Scenario) -> Scenario {
    let Scenario { programs, sites, .. } = &mut scenario;
    for program in programs {
        give_places(&mut program.body, &program.name, sites);
    }
    scenario
}

fn give_places(body: &mut [Stmt], function: &str, sites: &mut Vec<SourceLocation>) {
    for stmt in body {
        match stmt {
            Stmt::Op(operation) => {
                let line = sites.len() as u32 + 1;
                sites.push(SourceLocation { file: "x.py".into(), line, function: function.into() });
                operation.at = SiteId::new(sites.len());
            }
            Stmt::If { then, otherwise, .. } => {
                give_places(then, function, sites);
                give_places(otherwise, function, sites);
            }
            Stmt::Loop { body, .. } => give_places(body, function, sites),
            Stmt::Break { .. } | Stmt::Continue { .. } | Stmt::Return { .. } => {}
        }
    }
}

/// What comes of it within so many executions.
pub(crate) fn hunted(scenario: &Scenario, hunter: Hunter, quarry: Quarry<'_>, executions_max: u64) -> Hunted {
    let wanted = Hunt { profile: Profile::default(), quarry, seed: 0, executions_max, steps_max: 5000 };
    hunt(scenario, hunter, &wanted).expect("a valid scenario")
}

/// So many executions towards its goal confirm it.
fn towards(build: Build, rule: &str) -> Option<u64> {
    let scenario = with_places(build.scenario);
    let Hunted { first, .. } = hunted(&scenario, Hunter::Directed, Quarry::Rule(rule), 100);
    let First { towards, hangs, .. } = first.expect("it hangs");
    assert!(hangs);
    towards
}

fn gfp(mask: Gfp) -> Arg {
    Arg::Gfp(mask)
}

fn fence(build: &mut Build) -> ObjectId {
    let timeline =
        build.object("ring", ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None });
    build.object("fence", ObjectKind::Fence { timeline, seqno: None })
}

/// One lock inside another.
fn nested(first: Arg, second: Arg) -> Vec<Stmt> {
    vec![
        op(Op::MutexLock, &[first.clone()]),
        op(Op::MutexLock, &[second.clone()]),
        op(Op::MutexUnlock, &[second]),
        op(Op::MutexUnlock, &[first]),
    ]
}

/// Something that takes so many steps.
fn busy(own: Arg, times: usize) -> Vec<Stmt> {
    let once = [op(Op::MutexLock, &[own.clone()]), op(Op::MutexUnlock, &[own])];
    (0..times).flat_map(|_| once.clone()).collect()
}

/// Threads with different ways to go: in turn, they do not meet.
fn ring(size: usize) -> Build {
    let mut build = Build::default();
    let locks: Vec<Arg> = (0..size).map(|n| obj(build.mutex(&format!("lock {n}")))).collect();
    for n in 0..size {
        let own = obj(build.mutex(&format!("own {n}")));
        let (first, second) = (locks[n].clone(), locks[(n + 1) % size].clone());
        build.thread(&format!("thread {n}"), &[], [busy(own, 4 * n), nested(first, second)].concat());
    }
    build
}

#[test]
fn circles_of_locks() {
    for size in [2, 3, 6] {
        assert_eq!(towards(ring(size), "RF601"), Some(1), "{size} locks");
    }
}

#[test]
fn a_lock_that_is_held_over_a_wait_and_needed_to_signal() {
    let mut build = Build::default();
    let (lock, own) = (obj(build.mutex("lock")), obj(build.mutex("own")));
    let fence = fence(&mut build);
    let waiter = vec![
        op(Op::MutexLock, &[lock.clone()]),
        op(Op::DmaFenceWait, &[obj(fence), Arg::Int(0)]),
        op(Op::MutexUnlock, &[lock.clone()]),
    ];
    let signaller = vec![
        op_out(Op::DmaFenceBeginSignalling, &[], 0),
        op(Op::MutexLock, &[lock.clone()]),
        op(Op::DmaFenceSignal, &[obj(fence)]),
        op(Op::MutexUnlock, &[lock]),
        op(Op::DmaFenceEndSignalling, &[Arg::Register(0)]),
    ];
    build.thread("signaller", &[Kind::Cookie], signaller);
    build.thread("waiter", &[], [busy(own, 6), waiter].concat());
    // To completion, the waiter hangs if it comes first; the prediction is known before from the other order.
    assert!(towards(build, "RF303").is_none_or(|towards| towards == 1));
}

#[test]
fn an_allocation_in_a_section_against_the_contract() {
    let mut build = Build::default();
    build.scenario.environment = Environment { allocation_failure: false, ..Environment::contract() };
    let fence = fence(&mut build);
    let body = vec![
        op_out(Op::DmaFenceBeginSignalling, &[], 0),
        op(Op::DmaFencePublish, &[obj(fence)]),
        op_out(Op::Kmalloc, &[gfp(Gfp::KERNEL)], 1),
        op(Op::DmaFenceSignal, &[obj(fence)]),
        op(Op::Kfree, &[Arg::Register(1)]),
        op(Op::DmaFenceEndSignalling, &[Arg::Register(0)]),
    ];
    build.thread("driver", &[Kind::Cookie, Kind::Memory], body);
    assert_eq!(towards(build, "RF401"), Some(1));
}

#[test]
fn an_interrupt_on_a_spinlock() {
    let mut build = Build::default();
    let lock = obj(build.object("lock", ObjectKind::Spinlock { class: None }));
    let locked = |lock: &Arg| vec![op(Op::SpinLock, &[lock.clone()]), op(Op::SpinUnlock, &[lock.clone()])];
    let handler = Some(build.program("handler", &[], locked(&lock)));
    let irq = build.object("irq", ObjectKind::Irq { handler, thread: None });
    let own = obj(build.mutex("own"));
    build.thread("submit", &[], [busy(own, 3), locked(&lock)].concat());
    build.thread("device", &[], vec![op(Op::RaiseIrq, &[obj(irq)])]);
    assert_eq!(towards(build, "RF604"), Some(1));
}
