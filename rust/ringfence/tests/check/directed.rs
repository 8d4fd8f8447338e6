//! Directed search through the whole check: what ordered schedules only predict is confirmed by the first execution
//! towards it.

use std::slice::from_ref;

use ringfence::check::{
    Directed, End, Executor, First, Goal, Hunt, Hunted, Hunter, Leg, Limits, Options, Quarry, Then, check,
    goals, hunt,
};
use ringfence::model::Plan;
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
        op(Op::MutexLock, from_ref(&first)),
        op(Op::MutexLock, from_ref(&second)),
        op(Op::MutexUnlock, &[second]),
        op(Op::MutexUnlock, &[first]),
    ]
}

/// Something that takes so many steps.
fn busy(own: Arg, times: usize) -> Vec<Stmt> {
    let once = [op(Op::MutexLock, from_ref(&own)), op(Op::MutexUnlock, &[own])];
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

/// The place of an operation of a thread's program.
fn place(scenario: &Scenario, thread: usize, number: usize) -> SiteId {
    let body = &scenario.programs[scenario.threads[thread].program.index()].body;
    match &body[number] {
        Stmt::Op(operation) => operation.at,
        other => panic!("no operation: {other:?}"),
    }
}

#[test]
fn the_goal_of_a_circle_is_its_holds_and_its_waits() {
    let scenario = with_places(ring(2).scenario);
    let report = check(&scenario, &Options { executions: 0, ..Options::default() }, &|_| true);
    let report = report.expect("a valid scenario");
    let [finding] = report.findings.as_slice() else { panic!("one finding: {report:#?}") };
    let plan = Plan::new(&scenario).expect("a valid scenario");
    let leg = |thread: usize, hold: usize| Leg {
        hold: Some(place(&scenario, thread, hold)),
        then: Then::Takes(place(&scenario, thread, hold + 1)),
        context: Some(thread as u32),
    };
    let [first, ..] = &goals(&plan, finding)[..] else { panic!("no goal") };
    let mut legs = first.legs().to_vec();
    legs.sort_by_key(|leg| leg.context);
    assert_eq!(legs, [leg(0, 0), leg(1, 8)]);
}

#[test]
fn a_goal_by_hand_is_reached_at_once() {
    for size in [2, 3, 6] {
        let scenario = with_places(ring(size).scenario);
        let leg = |thread: usize| Leg {
            hold: Some(place(&scenario, thread, 8 * thread)),
            then: Then::Takes(place(&scenario, thread, 8 * thread + 1)),
            context: None,
        };
        let goal = Goal::new((0..size).map(leg).collect()).expect("legs");
        let plan = Plan::new(&scenario).expect("a valid scenario");
        let mut executor = Executor::new(&plan, Profile::default());
        let end = Directed::new(goal, 0).one(&mut executor, Limits::steps(5000));
        assert_eq!((end, executor.hangs().len()), (End::Hung, 1), "{size} locks");
    }
}

#[test]
fn a_lock_that_is_held_over_a_wait_and_needed_to_signal() {
    let mut build = Build::default();
    let (lock, own) = (obj(build.mutex("lock")), obj(build.mutex("own")));
    let fence = fence(&mut build);
    let waiter = vec![
        op(Op::MutexLock, from_ref(&lock)),
        op(Op::DmaFenceWait, &[obj(fence), Arg::Int(0)]),
        op(Op::MutexUnlock, from_ref(&lock)),
    ];
    let signaller = vec![
        op_out(Op::DmaFenceBeginSignalling, &[], 0),
        op(Op::MutexLock, from_ref(&lock)),
        op(Op::DmaFenceSignal, &[obj(fence)]),
        op(Op::MutexUnlock, &[lock]),
        op(Op::DmaFenceEndSignalling, &[Arg::Register(0)]),
    ];
    build.thread("signaller", &[Kind::Cookie], signaller);
    build.thread("waiter", &[], [busy(own, 6), waiter].concat());
    // To completion, the waiter hangs if it comes first; the goal leads there by itself, too.
    let scenario = with_places(build.scenario);
    let report = check(&scenario, &Options { executions: 0, ..Options::default() }, &|_| true);
    let report = report.expect("a valid scenario");
    let finding = report.findings.iter().find(|finding| finding.rule == "RF303").expect("it is found");
    let plan = Plan::new(&scenario).expect("a valid scenario");
    let first = goals(&plan, finding).swap_remove(0);
    assert_eq!(first.legs().len(), 2, "{first:?}");
    let mut executor = Executor::new(&plan, Profile::default());
    assert_eq!(Directed::new(first, 0).one(&mut executor, Limits::steps(5000)), End::Hung);
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
    let locked = |lock: &Arg| vec![op(Op::SpinLock, from_ref(lock)), op(Op::SpinUnlock, from_ref(lock))];
    let handler = Some(build.program("handler", &[], locked(&lock)));
    let irq = build.object("irq", ObjectKind::Irq { handler, thread: None });
    let own = obj(build.mutex("own"));
    build.thread("submit", &[], [busy(own, 3), locked(&lock)].concat());
    build.thread("device", &[], vec![op(Op::RaiseIrq, &[obj(irq)])]);
    assert_eq!(towards(build, "RF604"), Some(1));
}
