//! Timers: when their functions run and where, and waiting for them.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, ObjectId, ProgramId};
use ringfence_model::{Session, Value};

use crate::build::{Build, obj, op};
use crate::later::{Story, always, hangs, nesting, never, on, once, sometimes};

fn timer(function: ProgramId) -> ObjectKind {
    ObjectKind::Timer { function, irqsafe: false }
}

fn irqsafe(function: ProgramId) -> ObjectKind {
    ObjectKind::Timer { function, irqsafe: true }
}

fn arm(id: ObjectId, delay: i64) -> Stmt {
    op(Op::ModTimer, &[obj(id), Arg::Int(delay)])
}

#[test]
fn the_function_runs_in_a_soft_interrupt_under_the_map() {
    for (kind, irqs_off) in [(timer as fn(ProgramId) -> ObjectKind, false), (irqsafe, true)] {
        let mut story = Story::default();
        let id = story.with_function("t", kind, Vec::new());
        story.thread("thread", vec![arm(id, 30)]);
        let plan = story.plan();
        let outcome = once(&plan);
        assert_eq!(outcome.world.now(), 30);
        let mut seen: Vec<String> = Vec::new();
        for event in &outcome.events {
            seen.push(match event.kind {
                EventKind::Acquire(lock, _) => plan.lock_name(&outcome.world, lock.raw()),
                EventKind::Release(_) | EventKind::Exit => continue,
                kind => format!("{kind:?}"),
            });
        }
        let mut expected =
            vec!["Time(30)", "SoftirqEnter", "IrqOff", "(t)", "!t+", "!t-", "IrqOn", "SoftirqExit"];
        expected.retain(|event| irqs_off || !event.starts_with("Irq"));
        assert_eq!(seen, expected);
        assert_eq!(outcome.locks("(t)"), ["+(t)", "-(t)"]);
    }
}

#[test]
fn arming_and_deleting_say_whether_it_was_pending() {
    let mut build = Build::default();
    let function = build.program("f", &[], Vec::new());
    build.object("t", timer(function));
    let mut session = Session::new(&build.scenario, 2).expect("a valid scenario");
    let t = Value::Object(Kind::Timer, 0);
    let results = [(0, vec![t, Value::Int(5)]), (1, vec![t, Value::Int(7)])].map(|(task, args)| {
        session.issue(task, Op::ModTimer, &args, &[]);
        task
    });
    session.settle();
    assert_eq!(results.map(|task| session.result(task)), [Some(Value::Int(0)), Some(Value::Int(1))]);
    assert_eq!(session.world().now(), 7);
    assert_eq!(session.call(0, Op::TimerDelete, &[t], &[]), Some(Value::Int(0)));
    session.issue(0, Op::ModTimer, &[t, Value::Int(5)], &[]);
    session.issue(1, Op::TimerDeleteSync, &[t], &[]);
    session.settle();
    assert_eq!(session.result(1), Some(Value::Int(1)));
    assert_eq!(session.world().now(), 7, "it was deleted before it expired");
}

/// A timer `t`, armed with no delay, with this function; the thread then does `body`.
fn armed(function: Vec<Stmt>, body: Vec<Stmt>) -> Story {
    let mut story = Story::default();
    let id = story.with_function("t", timer, function);
    assert_eq!(id, T);
    let mut all = vec![arm(id, 0)];
    all.extend(body);
    let after = story.mark("after");
    all.push(after);
    story.thread("thread", all);
    story
}

const T: ObjectId = ObjectId::from_raw(2);

#[test]
fn a_synchronous_deletion_waits_for_the_function() {
    let not_after = |outcome: &crate::later::Outcome<'_>| {
        let after = outcome.position("after").expect("marked");
        outcome.marks()[after..] == ["after"]
    };
    let plan = armed(Vec::new(), vec![on(Op::TimerDeleteSync, T)]).plan();
    always(&plan, not_after);
    sometimes(&plan, |outcome| outcome.count("t+") == 0);
    sometimes(&plan, |outcome| outcome.count("t-") == 1);
    let plan = armed(Vec::new(), vec![on(Op::TimerDelete, T)]).plan();
    sometimes(&plan, |outcome| outcome.in_order("after", "t-"));
    // A timer that arms itself is deleted for good.
    let plan = armed(vec![arm(T, 0)], vec![on(Op::TimerDeleteSync, T)]).plan();
    always(&plan, not_after);
    sometimes(&plan, |outcome| outcome.count("t-") > 1);
}

#[test]
fn a_function_never_runs_twice_at_once() {
    let mut story = armed(Vec::new(), Vec::new());
    for thread in ["one", "two"] {
        story.thread(thread, vec![arm(T, 0), arm(T, 0)]);
    }
    let plan = story.plan();
    always(&plan, |outcome| nesting(&outcome.marks(), &["t"]) == (1, false) && outcome.count("t-") <= 5);
    sometimes(&plan, |outcome| outcome.count("t-") >= 3);
    sometimes(&plan, |outcome| outcome.count("t-") == 1);
}

#[test]
fn deleting_itself_synchronously_hangs_and_is_found() {
    let plan = armed(vec![on(Op::TimerDeleteSync, T)], Vec::new()).plan();
    let outcome = once(&plan);
    assert!(outcome.hangs());
    assert_eq!(outcome.broken(), ["RF615"]);
}

#[test]
fn a_hard_interrupt_may_delete_synchronously_only_what_is_irqsafe() {
    for (kind, broken) in [(timer as fn(ProgramId) -> ObjectKind, vec!["RF610"]), (irqsafe, vec![])] {
        let mut story = Story::default();
        let id = story.with_function("t", kind, Vec::new());
        let handler = story.function("handler", vec![on(Op::TimerDeleteSync, id)]);
        let irq = story.build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
        story.thread("thread", vec![on(Op::RaiseIrq, irq)]);
        assert_eq!(once(&story.plan()).broken(), broken);
    }
}

#[test]
fn a_lock_over_a_deletion_that_the_function_takes_hangs() {
    let mut story = Story::default();
    let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
    let take = vec![on(Op::SpinLock, lock), on(Op::SpinUnlock, lock)];
    let id = story.with_function("t", timer, take);
    let body =
        vec![arm(id, 0), on(Op::SpinLockBh, lock), on(Op::TimerDeleteSync, id), on(Op::SpinUnlockBh, lock)];
    story.thread("thread", body);
    let plan = story.plan();
    sometimes(&plan, hangs);
    never(&plan, |outcome| !outcome.broken().is_empty());
    // The validator is told of the wait while the lock is held.
    let seen = once(&plan).locks("");
    let held = seen.iter().position(|event| event == "+lock").expect("taken");
    assert_eq!(seen[held..held + 3], ["+lock", "+(t)", "-(t)"]);
}

#[test]
fn a_lock_that_the_function_takes_must_be_taken_with_bottom_halves_off() {
    for (take, give, safe) in [
        (Op::SpinLock, Op::SpinUnlock, false),
        (Op::SpinLockBh, Op::SpinUnlockBh, true),
        (Op::SpinLockIrq, Op::SpinUnlockIrq, true),
    ] {
        let mut story = Story::default();
        let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
        let id = story.with_function("t", timer, vec![on(Op::SpinLock, lock), on(Op::SpinUnlock, lock)]);
        story.thread("thread", vec![arm(id, 0), on(take, lock), on(give, lock)]);
        let plan = story.plan();
        if safe {
            always(&plan, |_| true);
        } else {
            sometimes(&plan, hangs);
        }
    }
}

#[test]
fn a_lock_over_a_deletion_that_an_interrupt_takes_hangs_when_it_comes_on_top_of_the_function() {
    // Neither the function nor the interrupt has anything to do with the other.
    for (irq_takes_it, safe) in [(true, false), (false, true)] {
        let mut story = Story::default();
        let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
        let take =
            if irq_takes_it { vec![on(Op::SpinLock, lock), on(Op::SpinUnlock, lock)] } else { Vec::new() };
        let handler = story.function("handler", take);
        let irq = story.build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
        let id = story.with_function("t", timer, Vec::new());
        let body = vec![
            arm(id, 0),
            on(Op::RaiseIrq, irq),
            on(Op::SpinLockIrq, lock),
            on(Op::TimerDeleteSync, id),
            on(Op::SpinUnlockIrq, lock),
        ];
        story.thread("thread", body);
        let plan = story.plan();
        if safe {
            always(&plan, |_| true);
        } else {
            sometimes(&plan, hangs);
        }
    }
}

#[test]
fn preemption_that_a_function_leaves_off_is_found_and_put_right() {
    let plan = armed(vec![op(Op::PreemptDisable, &[])], vec![op(Op::MightSleep, &[])]).plan();
    for seed in 0..200 {
        assert_eq!(crate::later::random(&plan, seed).broken(), ["RF614"], "seed {seed}");
    }
}

#[test]
fn what_a_function_leaves_behind_does_not_reach_its_host() {
    let mut story = Story::default();
    let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
    let leaks = vec![op(Op::PreemptDisable, &[]), op(Op::LocalBhDisable, &[])];
    let id = story.with_function("t", timer, leaks);
    let body = vec![arm(id, 0), on(Op::SpinLock, lock), on(Op::SpinUnlock, lock), op(Op::MightSleep, &[])];
    story.thread("host", body);
    let plan = story.plan();
    sometimes(&plan, |outcome| outcome.marks_and_tasks().contains(&("t+".into(), "host".into())));
    never(&plan, |outcome| outcome.broken() != ["RF614"]);
}
