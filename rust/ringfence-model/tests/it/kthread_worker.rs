//! Kthread workers: one thread each, works in order.

use ringfence_base::ProgramId;
use ringfence_base::scenario::{ObjectKind, Op, Stmt};

use crate::build::{obj, op};
use crate::later::{Story, always, hangs, if_op, nesting, never, on, once, sometimes};

fn kthread_work(function: ProgramId) -> ObjectKind {
    ObjectKind::KthreadWork { function }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

#[test]
fn works_run_in_order_one_at_a_time_once_per_queueing() {
    let mut story = Story::default();
    let worker = story.build.object("worker", ObjectKind::KthreadWorker);
    let works = NAMES.map(|name| story.with_function(name, kthread_work, Vec::new()));
    for thread in ["one", "two"] {
        let mut body = Vec::new();
        for (name, &id) in NAMES.iter().chain(&NAMES).zip(works.iter().chain(&works)) {
            let queued = story.mark(&format!("{name} queued"));
            body.extend(if_op(Op::KthreadQueueWork, &[obj(worker), obj(id)], vec![queued]));
        }
        story.thread(thread, body);
    }
    let plan = story.plan();
    always(&plan, |outcome| {
        nesting(&outcome.marks(), &NAMES) == (1, false)
            && NAMES
                .iter()
                .all(|name| outcome.count(&format!("{name} queued")) == outcome.count(&format!("{name}-")))
    });
    sometimes(&plan, |outcome| outcome.count("a-") > 1);
}

/// A worker with works `w` and `other`; a thread queues both and then does this with worker and `w`.
fn story(function: impl Fn(&mut Story) -> Vec<Stmt>, body: Vec<Stmt>) -> Story {
    let mut story = Story::default();
    let worker = story.build.object("worker", ObjectKind::KthreadWorker);
    assert_eq!(worker, WORKER);
    let function = function(&mut story);
    let other = story.with_function("other", kthread_work, Vec::new());
    assert_eq!(other, OTHER);
    let w = story.with_function("w", kthread_work, function);
    assert_eq!(w, W);
    let queue_it = |id| op(Op::KthreadQueueWork, &[obj(worker), obj(id)]);
    let mut all = vec![queue_it(other), queue_it(w)];
    all.extend(body);
    let after = story.mark("after");
    all.push(after);
    story.thread("thread", all);
    story
}

const WORKER: ringfence_base::ObjectId = ringfence_base::ObjectId::from_raw(0);
const OTHER: ringfence_base::ObjectId = ringfence_base::ObjectId::from_raw(3);
const W: ringfence_base::ObjectId = ringfence_base::ObjectId::from_raw(6);

fn nothing(_: &mut Story) -> Vec<Stmt> {
    Vec::new()
}

#[test]
fn flushes_wait() {
    for flush in [on(Op::KthreadFlushWork, W), on(Op::KthreadFlushWorker, WORKER)] {
        let plan = story(nothing, vec![flush]).plan();
        always(&plan, |outcome| outcome.in_order("w-", "after"));
    }
    let plan = story(nothing, Vec::new()).plan();
    sometimes(&plan, |outcome| outcome.in_order("after", "w+"));
    // The first one's flush is not for the second.
    let plan = story(nothing, vec![on(Op::KthreadFlushWork, OTHER)]).plan();
    always(&plan, |outcome| outcome.in_order("other-", "after"));
    sometimes(&plan, |outcome| outcome.in_order("after", "w-"));
}

#[test]
fn after_a_cancellation_the_work_does_not_run() {
    let again = |_: &mut Story| vec![op(Op::KthreadQueueWork, &[obj(WORKER), obj(W)])];
    let plan = story(again, vec![on(Op::KthreadCancelWorkSync, W)]).plan();
    always(&plan, |outcome| {
        let after = outcome.position("after").expect("marked");
        outcome.marks()[after..].iter().all(|mark| !mark.starts_with('w'))
    });
    sometimes(&plan, |outcome| outcome.count("w+") == 0);
    sometimes(&plan, |outcome| outcome.count("w+") > 1);
}

#[test]
fn waiting_for_oneself_hangs_and_is_found() {
    for wait in
        [on(Op::KthreadFlushWork, W), on(Op::KthreadCancelWorkSync, W), on(Op::KthreadFlushWorker, WORKER)]
    {
        let plan = story(|_| vec![wait.clone()], Vec::new()).plan();
        let outcome = once(&plan);
        assert!(hangs(&outcome));
        assert_eq!(outcome.broken(), ["RF615"]);
    }
}

#[test]
fn a_work_belongs_to_one_worker() {
    let mut story = story(nothing, Vec::new());
    let second = story.build.object("second", ObjectKind::KthreadWorker);
    story.thread("other", vec![op(Op::KthreadQueueWork, &[obj(second), obj(W)])]);
    // As long as it is pending it is not queued at all.
    let plan = story.plan();
    sometimes(&plan, |outcome| outcome.broken() == ["RF615"] && outcome.count("w-") == 2);
    sometimes(&plan, |outcome| outcome.broken().is_empty() && outcome.count("w-") == 1);
}

#[test]
fn a_worker_that_serves_an_interrupt_can_lose_its_work_and_get_it_back() {
    let mut story = Story::default();
    let worker = story.build.object("worker", ObjectKind::KthreadWorker);
    let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
    // With a spinlock left behind, the worker is one on which interrupts arrive.
    let leaks = story.with_function("leaks", kthread_work, vec![on(Op::SpinLock, lock)]);
    let id = story.with_function("w", kthread_work, Vec::new());
    let queue_it = |id| op(Op::KthreadQueueWork, &[obj(worker), obj(id)]);
    let handler = story.function("handler", vec![on(Op::KthreadCancelWorkSync, id), queue_it(id)]);
    let irq = story.build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
    let body = vec![queue_it(leaks), on(Op::KthreadFlushWork, leaks), queue_it(id), on(Op::RaiseIrq, irq)];
    story.thread("thread", body);
    let plan = story.plan();
    sometimes(&plan, |outcome| {
        let on_top = ("handler+".into(), "worker".into());
        outcome.marks_and_tasks().contains(&on_top) && outcome.in_order("handler-", "w+")
    });
    never(&plan, |outcome| outcome.count("w+") == 0 && !outcome.hangs());
}
