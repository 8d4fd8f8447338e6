//! Interrupts: on whom they arrive and when, threaded handlers, disabling and waiting.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, ObjectId};

use crate::build::{obj, op};
use crate::later::{Outcome, Story, always, hangs, nesting, never, on, once, sometimes};

/// An interrupt line with these handlers; a handler's body ends by returning 1, which wakes the thread.
fn line(story: &mut Story, handler: Option<Vec<Stmt>>, thread: Option<Vec<Stmt>>) -> ObjectId {
    let handler = handler.map(|body| {
        let mut body = story.around("handler", body);
        body.push(Stmt::Return { value: Some(Arg::Int(1)), at: ringfence_base::SiteId::UNKNOWN });
        story.build.handler("handler", 0, &[Kind::Int], Some(Kind::Int), body)
    });
    let thread = thread.map(|body| story.function("thread_fn", body));
    story.build.object("irq", ObjectKind::Irq { handler, thread })
}

fn spinlock(story: &mut Story) -> ObjectId {
    story.build.object("lock", ObjectKind::Spinlock { class: None })
}

#[test]
fn a_handler_that_takes_a_lock_hangs_where_it_is_held_with_interrupts_on() {
    for (take, give, safe) in [
        (Op::SpinLock, Op::SpinUnlock, false),
        (Op::SpinLockBh, Op::SpinUnlockBh, false),
        (Op::SpinLockIrq, Op::SpinUnlockIrq, true),
    ] {
        let mut story = Story::default();
        let lock = spinlock(&mut story);
        let body = vec![on(Op::SpinLock, lock), on(Op::SpinUnlock, lock)];
        let irq = line(&mut story, Some(body), None);
        story.thread("holder", vec![on(Op::RaiseIrq, irq), on(take, lock), on(give, lock)]);
        let plan = story.plan();
        if safe {
            always(&plan, |outcome| outcome.count("handler-") == 1);
        } else {
            sometimes(&plan, hangs);
            sometimes(&plan, |outcome| !outcome.hangs());
        }
    }
}

/// Who has interrupts off or a handler on top is never interrupted: told from the events alone.
fn arrives_only_where_it_may(outcome: &Outcome<'_>) -> bool {
    let tasks = outcome.plan.contexts().len();
    let (mut off, mut hard, mut soft, mut bh_off) =
        (vec![false; tasks], vec![false; tasks], vec![false; tasks], vec![0; tasks]);
    outcome.events.iter().all(|event| {
        let Some(off) = off.get_mut(event.origin.task.index()) else { return true };
        let task = event.origin.task.index();
        match event.kind {
            EventKind::IrqOff => *off = true,
            EventKind::IrqOn => *off = false,
            EventKind::BhDisable => bh_off[task] += 1,
            EventKind::BhEnable => bh_off[task] -= 1,
            EventKind::HardirqEnter { .. } => return !*off && !std::mem::replace(&mut hard[task], true),
            EventKind::HardirqExit => hard[task] = false,
            EventKind::SoftirqEnter => {
                let open = !*off && !hard[task] && bh_off[task] == 0;
                return open && !std::mem::replace(&mut soft[task], true);
            }
            EventKind::SoftirqExit => soft[task] = false,
            _ => {}
        }
        true
    })
}

#[test]
fn interrupts_arrive_on_lock_holders_but_only_where_they_may() {
    let mut story = Story::default();
    let (lock, other) = (spinlock(&mut story), spinlock(&mut story));
    let irq = line(&mut story, Some(vec![on(Op::SpinLock, other), on(Op::SpinUnlock, other)]), None);
    let function = story.function("tasklet", Vec::new());
    let tasklet = story.build.object("tasklet", ObjectKind::Tasklet { function });
    for (name, take, give) in [
        ("plain", Op::SpinLock, Op::SpinUnlock),
        ("bh", Op::SpinLockBh, Op::SpinUnlockBh),
        ("irq", Op::SpinLockIrq, Op::SpinUnlockIrq),
    ] {
        let body = vec![
            on(Op::RaiseIrq, irq),
            on(Op::TaskletSchedule, tasklet),
            on(take, lock),
            on(Op::RaiseIrq, irq),
            on(give, lock),
        ];
        story.thread(name, body);
    }
    let plan = story.plan();
    always(&plan, arrives_only_where_it_may);
    let on_top = |outcome: &Outcome<'_>, mark: &str, task: &str| {
        outcome.marks_and_tasks().contains(&(mark.into(), task.into()))
    };
    sometimes(&plan, |outcome| on_top(outcome, "handler+", "plain"));
    sometimes(&plan, |outcome| on_top(outcome, "handler+", "bh"));
    never(&plan, |outcome| on_top(outcome, "handler+", "irq"));
    sometimes(&plan, |outcome| on_top(outcome, "tasklet+", "plain"));
    never(&plan, |outcome| on_top(outcome, "tasklet+", "bh"));
}

#[test]
fn raised_twice_before_it_arrives_is_once_and_never_twice_at_once() {
    let mut story = Story::default();
    let irq = line(&mut story, Some(Vec::new()), None);
    let lock = spinlock(&mut story);
    // A second host would be there.
    story.thread("holder", vec![on(Op::SpinLock, lock), on(Op::SpinUnlock, lock)]);
    story.thread("device", vec![on(Op::RaiseIrq, irq), on(Op::RaiseIrq, irq)]);
    let plan = story.plan();
    always(&plan, |outcome| {
        (1..=2).contains(&outcome.count("handler-")) && nesting(&outcome.marks(), &["handler"]) == (1, false)
    });
    sometimes(&plan, |outcome| outcome.count("handler-") == 1);
    sometimes(&plan, |outcome| outcome.count("handler-") == 2);
}

#[test]
fn the_handler_wakes_the_thread() {
    let mut story = Story::default();
    let irq = line(&mut story, Some(Vec::new()), Some(vec![op(Op::MightSleep, &[])]));
    story.thread("device", vec![on(Op::RaiseIrq, irq), on(Op::RaiseIrq, irq)]);
    let plan = story.plan();
    always(&plan, |outcome| {
        let (handled, threaded) = (outcome.count("handler-"), outcome.count("thread_fn-"));
        let last = |mark| outcome.marks().iter().rposition(|known| known == mark);
        threaded >= 1 && threaded <= handled && last("handler-") < last("thread_fn+")
    });
    sometimes(&plan, |outcome| outcome.count("thread_fn-") == 2);
    // While the thread runs, the hard handler can come again.
    sometimes(&plan, |outcome| {
        let marks = outcome.marks();
        marks.windows(2).any(|pair| pair == ["thread_fn+", "handler+"])
    });
    let outcome = once(&plan);
    let tasks = outcome.marks_and_tasks();
    assert!(tasks.contains(&("thread_fn+".into(), "irq/0-irq".into())), "{tasks:?}");
}

#[test]
fn a_handler_that_returns_0_wakes_nobody() {
    let mut story = Story::default();
    let handler = story.function("handler", Vec::new());
    let thread = story.function("thread_fn", Vec::new());
    let kind = ObjectKind::Irq { handler: Some(handler), thread: Some(thread) };
    let irq = story.build.object("irq", kind);
    story.thread("device", vec![on(Op::RaiseIrq, irq)]);
    assert_eq!(once(&story.plan()).marks(), ["handler+", "handler-"]);
}

#[test]
fn without_a_hard_handler_the_line_is_masked_until_the_thread_is_done() {
    let mut story = Story::default();
    let irq = line(&mut story, None, Some(Vec::new()));
    story.thread("device", vec![on(Op::RaiseIrq, irq), on(Op::RaiseIrq, irq), on(Op::RaiseIrq, irq)]);
    let plan = story.plan();
    always(&plan, |outcome| {
        // Enter and exit of the default handler, none between beginning and end of the thread.
        let mut inside = false;
        (1..=3).contains(&outcome.count("thread_fn-"))
            && outcome.events.iter().all(|event| match event.kind {
                EventKind::Acquire(lock, _) => {
                    let name = plan.lock_name(&outcome.world, lock.raw());
                    inside = name == "!thread_fn+" || (inside && name != "!thread_fn-");
                    true
                }
                EventKind::HardirqEnter { .. } => !inside,
                _ => true,
            })
    });
    sometimes(&plan, |outcome| outcome.count("thread_fn-") == 3);
}

#[test]
fn a_disabled_line_keeps_its_interrupt() {
    let mut story = Story::default();
    let irq = line(&mut story, Some(Vec::new()), None);
    let body = vec![
        on(Op::DisableIrqNosync, irq),
        on(Op::DisableIrq, irq),
        on(Op::RaiseIrq, irq),
        on(Op::EnableIrq, irq),
        story.mark("once enabled"),
        on(Op::EnableIrq, irq),
    ];
    story.thread("thread", body);
    let plan = story.plan();
    always(&plan, |outcome| outcome.count("handler-") == 1 && outcome.in_order("once enabled", "handler+"));
}

#[test]
fn enabling_too_often_is_found() {
    let mut story = Story::default();
    let irq = line(&mut story, Some(Vec::new()), None);
    story.thread("thread", vec![on(Op::EnableIrq, irq)]);
    assert_eq!(once(&story.plan()).broken(), ["RF614"]);
}

#[test]
fn disabling_and_synchronizing_wait_for_handlers_and_threads() {
    for wait in [Op::DisableIrq, Op::SynchronizeIrq, Op::DisableIrqNosync] {
        let mut story = Story::default();
        let irq = line(&mut story, Some(Vec::new()), Some(Vec::new()));
        story.thread("device", vec![on(Op::RaiseIrq, irq)]);
        let mut body = story.around("wait", vec![on(wait, irq)]);
        body.push(on(Op::EnableIrq, irq));
        story.thread("thread", body);
        let plan = story.plan();
        // Begun before the wait means ended before its end, the thread included.
        let waits = |outcome: &Outcome<'_>| {
            !outcome.in_order("handler+", "wait+") || outcome.in_order("thread_fn-", "wait-")
        };
        match wait {
            Op::DisableIrqNosync => sometimes(&plan, |outcome| !waits(outcome)),
            Op::DisableIrq => {
                always(&plan, waits);
                sometimes(&plan, |outcome| outcome.in_order("wait-", "handler+"));
            }
            // It leaves the line enabled: the enable_irq() is one too many.
            _ => never(&plan, |outcome| hangs(outcome) || !waits(outcome)),
        }
        sometimes(&plan, |outcome| outcome.in_order("handler+", "wait+"));
    }
}

#[test]
fn waiting_for_oneself_hangs_and_is_found() {
    let wait = |call, irq| vec![on(call, irq)];
    let irq = ObjectId::from_raw(4);
    // In its thread, sleeping is fine and waiting is not; in the hard handler neither is.
    for call in [Op::DisableIrq, Op::SynchronizeIrq] {
        let mut story = Story::default();
        assert_eq!(line(&mut story, Some(Vec::new()), Some(wait(call, irq))), irq);
        story.thread("device", vec![on(Op::RaiseIrq, irq)]);
        let plan = story.plan();
        let outcome = once(&plan);
        assert!(outcome.hangs());
        assert_eq!(outcome.broken(), ["RF615"]);
    }
    let irq = ObjectId::from_raw(2);
    let mut story = Story::default();
    assert_eq!(line(&mut story, Some(wait(Op::SynchronizeIrq, irq)), None), irq);
    story.thread("device", vec![on(Op::RaiseIrq, irq)]);
    let plan = story.plan();
    let outcome = once(&plan);
    assert!(outcome.hangs());
    assert_eq!(outcome.broken(), ["RF610", "RF615"]);
}

#[test]
fn a_lock_over_a_wait_that_the_handler_takes_hangs() {
    let mut story = Story::default();
    let lock = story.build.mutex("lock");
    let irq = line(&mut story, None, Some(vec![on(Op::MutexLock, lock), on(Op::MutexUnlock, lock)]));
    story.thread("device", vec![on(Op::RaiseIrq, irq)]);
    let body = vec![on(Op::MutexLock, lock), on(Op::SynchronizeIrq, irq), on(Op::MutexUnlock, lock)];
    story.thread("thread", body);
    let plan = story.plan();
    sometimes(&plan, hangs);
    never(&plan, |outcome| !outcome.broken().is_empty());
}

#[test]
fn what_a_handler_leaves_behind_is_found() {
    for (body, rule) in [
        (vec![op(Op::PreemptDisable, &[])], "RF614"),
        (vec![on(Op::SpinLock, ObjectId::from_raw(0))], "RF613"),
        (vec![op(Op::LocalIrqEnable, &[])], "RF614"),
    ] {
        let mut story = Story::default();
        spinlock(&mut story);
        let irq = line(&mut story, Some(body), None);
        story.thread("device", vec![op(Op::RaiseIrq, &[obj(irq)])]);
        assert_eq!(once(&story.plan()).broken(), [rule]);
    }
}
