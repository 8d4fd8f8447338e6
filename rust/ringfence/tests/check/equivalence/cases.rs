//! Smallest cases of what one of the searches has missed once, or seen twice.

use ringfence::model::Plan;
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Scenario, Stmt};
use ringfence_base::{Gfp, ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};

use super::compare::{Budgets, Compared, compare};

/// All searches get to their ends, and find the same.
fn same(scenario: &Scenario) -> Compared {
    let plan = Plan::new(scenario).expect("a valid scenario");
    let compared = compare(&plan, Budgets { executions: 100_000, steps: 100_000 }, true);
    assert_eq!(compared.differs, None);
    assert!(
        compared.dpor.complete() && compared.states.complete() && compared.dfs.complete(),
        "{compared:#?}"
    );
    compared
}

fn number(number: i64) -> Arg {
    Arg::Int(number)
}

fn timer(build: &mut Build, function: Vec<Stmt>) -> ObjectId {
    let function = build.program("timer_fn", &[], function);
    build.object("timer", ObjectKind::Timer { function, irqsafe: false })
}

fn cell(build: &mut Build) -> ObjectId {
    build.object("cell", ObjectKind::Cell { init: 0 })
}

fn locked(lock: ObjectId) -> Vec<Stmt> {
    vec![op(Op::SpinLock, &[obj(lock)]), op(Op::SpinUnlock, &[obj(lock)])]
}

/// The holder and whoever makes the interrupt pending touch nothing in common. Partial order reduction saw no reason to
/// have the interrupt pending while the lock is held, and took it for a fact that it never arrives there.
#[test]
fn an_interrupt_arrives_on_who_holds_the_lock() {
    for hard in [false, true] {
        let mut build = Build::default();
        let spin = build.object("spin", ObjectKind::Spinlock { class: None });
        let raise = if hard {
            let handler = Some(build.program("handler", &[], locked(spin)));
            op(Op::RaiseIrq, &[obj(build.object("irq", ObjectKind::Irq { handler, thread: None }))])
        } else {
            op(Op::ModTimer, &[obj(timer(&mut build, locked(spin))), number(0)])
        };
        build.thread("holder", &[], locked(spin));
        build.thread("device", &[], vec![raise]);
        assert!(same(&build.scenario).hung, "hard: {hard}");
    }
}

/// Locks that are private to their threads make no difference, interrupts or not.
#[test]
fn interrupts_do_not_order_those_they_could_arrive_on() {
    let mut build = Build::default();
    let touched = cell(&mut build);
    timer(&mut build, vec![op(Op::CellAdd, &[obj(touched), number(1)])]);
    for name in ["one", "two", "three"] {
        let spin = build.object(name, ObjectKind::Spinlock { class: None });
        build.thread(name, &[], locked(spin));
    }
    assert_eq!(same(&build.scenario).dpor.executions, 1);
}

/// The timer is due; then it is armed anew for later. That it expires at last, when nothing else can happen, is another
/// step than that it could have before it was armed anew.
#[test]
fn a_timer_that_is_due_is_armed_anew() {
    let mut build = Build::default();
    let touched = cell(&mut build);
    let timer = timer(&mut build, vec![op(Op::CellAdd, &[obj(touched), number(1)])]);
    build.thread("now", &[], vec![op(Op::ModTimer, &[obj(timer), number(0)])]);
    build.thread("later", &[], vec![op(Op::ModTimer, &[obj(timer), number(1000)])]);
    // It runs at once, later, or both.
    assert_eq!(same(&build.scenario).ends, 3);
}

/// Whoever is woken takes back its timeout. The interrupt of another timer has nothing to do with that; but between the
/// interrupt and the wake-up the timeout can run out.
#[test]
fn a_timeout_runs_out_behind_what_the_woken_has_no_part_in() {
    let mut build = Build::default();
    let done = build.object("done", ObjectKind::Completion);
    let timeline =
        build.object("ring", ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None });
    let fence = build.object("fence", ObjectKind::Fence { timeline, seqno: None });
    let timer = timer(&mut build, vec![op(Op::DmaFenceSignal, &[obj(fence)])]);
    build.thread("waits", &[], vec![op(Op::WaitForCompletionTimeout, &[obj(done), number(1000)])]);
    let completes = vec![op(Op::Complete, &[obj(done)]), op(Op::ModTimer, &[obj(timer), number(0)])];
    build.thread("completes", &[], completes);
    build.scenario.environment.early_timeouts = true;
    // The fence is signaled at one time or the other, and that is it or the timeout runs out.
    assert!(same(&build.scenario).ends > 2);
}

/// What one thread decides first, and what it does then, is another step each time. The other one decides something
/// too, behind the step that was moved: both outcomes there, not only the one of the execution that called for the
/// move.
#[test]
fn what_was_decided_elsewhere_can_be_decided_otherwise() {
    let mut build = Build::default();
    let lock = build.mutex("lock");
    let queue = build.object("queue", ObjectKind::WaitQueue);
    let touched = cell(&mut build);
    let allocate = |out| op_out(Op::Kmalloc, &[Arg::Gfp(Gfp::NOFS)], out);
    let choose = op_out(Op::Choose, &[Arg::Text("path".into()), number(2)], 0);
    let otherwise = vec![op(Op::CellAdd, &[obj(touched), number(1)])];
    let (cond, at) = (Arg::Register(0), SiteId::UNKNOWN);
    let branch = Stmt::If { cond, then: vec![allocate(1)], otherwise, at };
    build.thread("chooses", &[Kind::Int, Kind::Memory], vec![choose, branch]);
    let tries = vec![
        allocate(0),
        op_out(Op::MutexTrylock, &[obj(lock)], 1),
        op(Op::MutexLock, &[obj(lock)]),
        op(Op::WaitEventTimeout, &[obj(queue), obj(touched), number(1), number(1_000_000)]),
    ];
    build.thread("tries", &[Kind::Memory, Kind::Int], tries);
    build.scenario.environment.trylock_failure = true;
    // Of those that hang: one allocation, or two in two orders.
    let compared = same(&build.scenario);
    assert!(compared.hung && compared.ends == 6, "{compared:#?}");
}

/// Whether somebody had to wait is over once he has the lock: the results of calls that were taken are forgotten.
#[test]
fn having_waited_leaves_no_trace() {
    let mut build = Build::default();
    let lock = build.mutex("lock");
    for name in ["one", "two"] {
        let body = vec![op(Op::MutexLockInterruptible, &[obj(lock)]), op(Op::MutexUnlock, &[obj(lock)])];
        build.thread(name, &[], body);
    }
    assert_eq!(same(&build.scenario).ends, 1);
}

/// The spinlock is taken with interrupts on and in one, and somebody waits for a fence under it: in one order of
/// telling the validator has two things to say, in another, one.
#[test]
fn the_validator_says_what_it_has_met_first() {
    let mut build = Build::default();
    let spin = build.object("spin", ObjectKind::Spinlock { class: None });
    let done = build.object("done", ObjectKind::Completion);
    let timeline =
        build.object("ring", ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None });
    let fence = build.object("fence", ObjectKind::Fence { timeline, seqno: None });
    let timer = timer(&mut build, vec![op(Op::SpinLock, &[obj(spin)])]);
    let waits = vec![
        op(Op::WaitForCompletion, &[obj(done)]),
        op(Op::SpinLock, &[obj(spin)]),
        op(Op::DmaFenceWait, &[obj(fence), number(1)]),
    ];
    build.thread("waits", &[], waits);
    let arms = vec![
        op(Op::Complete, &[obj(done)]),
        op(Op::ModTimer, &[obj(timer), number(1_000_000)]),
        op(Op::SpinLock, &[obj(spin)]),
    ];
    build.thread("arms", &[], arms);
    assert!(same(&build.scenario).reordered);
}
