//! Tasklets and `irq_work`: functions that run in interrupt context soon.

use ringfence_base::scenario::{ObjectKind, Op};
use ringfence_base::{EventKind, ObjectId, ProgramId};

use crate::later::{Outcome, Story, always, hangs, if_op, nesting, never, on, once, sometimes};

fn tasklet(function: ProgramId) -> ObjectKind {
    ObjectKind::Tasklet { function }
}

fn irq_work(function: ProgramId) -> ObjectKind {
    ObjectKind::IrqWork { function }
}

/// The first object after the marks of its function.
const F: ObjectId = ObjectId::from_raw(2);

#[test]
fn a_tasklet_runs_in_a_soft_and_irq_work_in_a_hard_interrupt() {
    let enter = |kind, call| {
        let mut story = Story::default();
        let id = story.with_function("f", kind, Vec::new());
        story.thread("thread", vec![on(call, id)]);
        let plan = story.plan();
        let outcome = once(&plan);
        assert_eq!(outcome.marks(), ["f+", "f-"]);
        let mut entries = outcome.events.iter().map(|event| event.kind);
        entries.find(|kind| matches!(kind, EventKind::HardirqEnter { .. } | EventKind::SoftirqEnter))
    };
    assert_eq!(enter(tasklet, Op::TaskletSchedule), Some(EventKind::SoftirqEnter));
    let hard = EventKind::HardirqEnter { threaded: true };
    assert_eq!(enter(irq_work, Op::IrqWorkQueue), Some(hard));
}

#[test]
fn scheduled_again_while_it_runs_it_runs_again_but_not_at_once() {
    for (kind, call) in
        [(tasklet as fn(ProgramId) -> ObjectKind, Op::TaskletSchedule), (irq_work, Op::IrqWorkQueue)]
    {
        let mut story = Story::default();
        let id = story.with_function("f", kind, Vec::new());
        story.thread("thread", vec![on(call, id), on(call, id)]);
        let plan = story.plan();
        always(&plan, |outcome| nesting(&outcome.marks(), &["f"]) == (1, false));
        sometimes(&plan, |outcome| outcome.count("f-") == 1);
        sometimes(&plan, |outcome| outcome.count("f-") == 2);
    }
}

#[test]
fn queueing_irq_work_says_whether_it_was_new() {
    let mut story = Story::default();
    let id = story.with_function("f", irq_work, Vec::new());
    let mut body = Vec::new();
    for _ in 0..2 {
        let queued = story.mark("queued");
        body.extend(if_op(Op::IrqWorkQueue, &[crate::build::obj(id)], vec![queued]));
    }
    story.thread("thread", body);
    always(&story.plan(), |outcome| outcome.count("queued") == outcome.count("f-"));
}

/// Nothing runs after the mark, and what was scheduled before has run.
fn all_before(outcome: &Outcome<'_>, mark: &str) -> bool {
    let at = outcome.position(mark).expect("marked");
    outcome.marks()[at + 1..].is_empty() && outcome.count("f-") >= 1
}

#[test]
fn killing_and_synchronizing_wait() {
    for (kind, call, wait) in [
        (tasklet as fn(ProgramId) -> ObjectKind, Op::TaskletSchedule, Some(Op::TaskletKill)),
        (irq_work, Op::IrqWorkQueue, Some(Op::IrqWorkSync)),
        (tasklet, Op::TaskletSchedule, None),
    ] {
        let mut story = Story::default();
        let id = story.with_function("f", kind, Vec::new());
        let after = story.mark("after");
        let mut body = vec![on(call, id)];
        body.extend(wait.map(|wait| on(wait, id)));
        body.push(after);
        story.thread("thread", body);
        let plan = story.plan();
        match wait {
            Some(_) => always(&plan, |outcome| all_before(outcome, "after")),
            None => sometimes(&plan, |outcome| !all_before(outcome, "after")),
        }
    }
}

#[test]
fn while_it_is_killed_a_tasklet_cannot_schedule_itself() {
    let mut story = Story::default();
    assert_eq!(story.with_function("f", tasklet, vec![on(Op::TaskletSchedule, F)]), F);
    let killed = story.mark("killed");
    story.thread("thread", vec![on(Op::TaskletSchedule, F), on(Op::TaskletKill, F), killed]);
    let plan = story.plan();
    always(&plan, |outcome| all_before(outcome, "killed"));
    sometimes(&plan, |outcome| outcome.count("f-") > 1);
}

#[test]
fn two_can_kill_one_tasklet() {
    let mut story = Story::default();
    assert_eq!(story.with_function("f", tasklet, Vec::new()), F);
    for name in ["one", "two"] {
        story.thread(name, vec![on(Op::TaskletSchedule, F), on(Op::TaskletKill, F)]);
    }
    always(&story.plan(), |outcome| outcome.count("f-") >= 1);
}

#[test]
fn waiting_for_oneself_hangs_and_is_found() {
    for (kind, call, wait, broken) in [
        (
            tasklet as fn(ProgramId) -> ObjectKind,
            Op::TaskletSchedule,
            Op::TaskletKill,
            vec!["RF610", "RF615"],
        ),
        (irq_work, Op::IrqWorkQueue, Op::IrqWorkSync, vec!["RF510", "RF610", "RF615"]),
    ] {
        let mut story = Story::default();
        assert_eq!(story.with_function("f", kind, vec![on(wait, F)]), F);
        story.thread("thread", vec![on(call, F)]);
        let plan = story.plan();
        let outcome = once(&plan);
        assert!(outcome.hangs());
        assert_eq!(outcome.broken(), broken);
    }
}

#[test]
fn a_lock_of_a_tasklet_hangs_under_a_hard_interrupt_that_takes_it() {
    for (take, give, safe) in
        [(Op::SpinLock, Op::SpinUnlock, false), (Op::SpinLockIrq, Op::SpinUnlockIrq, true)]
    {
        let mut story = Story::default();
        let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
        let id = story.with_function("f", tasklet, vec![on(take, lock), on(give, lock)]);
        let handler = vec![on(Op::SpinLock, lock), on(Op::SpinUnlock, lock)];
        let work = story.with_function("w", irq_work, handler);
        story.thread("thread", vec![on(Op::TaskletSchedule, id), on(Op::IrqWorkQueue, work)]);
        let plan = story.plan();
        if safe {
            always(&plan, |_| true);
        } else {
            // It arrives on top of the tasklet, which runs on a CPU that was idle.
            sometimes(&plan, hangs);
            never(&plan, |outcome| !outcome.broken().is_empty());
        }
    }
}
