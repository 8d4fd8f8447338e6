//! RCU: grace periods wait for the readers that were inside, callbacks come after them, barriers after callbacks.

use ringfence_base::scenario::{Arg, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, ObjectId, ProgramId, SiteId};
use ringfence_model::{State, Wait};

use crate::build::{obj, op, op_out};
use crate::later::{Outcome, Story, always, on, once, sometimes};

fn head(function: ProgramId) -> ObjectKind {
    ObjectKind::RcuHead { function }
}

fn reader(story: &mut Story, name: &str) {
    let body = story.around(name, Vec::new());
    let mut all = vec![op(Op::RcuReadLock, &[])];
    all.extend(body);
    all.push(op(Op::RcuReadUnlock, &[]));
    story.thread(name, all);
}

/// Readers that were inside before `begin` were outside before `end`; marks are inside the sections, so a reader
/// whose mark comes before `begin` was inside or had left.
fn waits_for_readers(outcome: &Outcome<'_>, begin: &str, end: &str) -> bool {
    ["r1", "r2"].iter().all(|reader| {
        let (enter, leave) = (format!("{reader}+"), format!("{reader}-"));
        !outcome.in_order(&enter, begin) || outcome.in_order(&leave, end)
    })
}

#[test]
fn a_grace_period_waits_for_readers_that_are_inside() {
    let mut story = Story::default();
    reader(&mut story, "r1");
    reader(&mut story, "r2");
    let body = vec![op(Op::SynchronizeRcu, &[])];
    let body = story.around("sync", body);
    story.thread("updater", body);
    let plan = story.plan();
    always(&plan, |outcome| waits_for_readers(outcome, "sync+", "sync-"));
    sometimes(&plan, |outcome| outcome.in_order("r1+", "sync+") && outcome.in_order("sync+", "r1-"));
    // Those that come later are not waited for.
    sometimes(&plan, |outcome| outcome.in_order("r1+", "sync-") && outcome.in_order("sync-", "r1-"));
}

#[test]
fn callbacks_run_in_a_soft_interrupt_after_a_grace_period_in_order() {
    let mut story = Story::default();
    reader(&mut story, "r1");
    reader(&mut story, "r2");
    let heads = ["first", "second"].map(|name| story.with_function(name, head, Vec::new()));
    let (before, after) = (story.mark("call"), story.mark("barrier"));
    let body =
        vec![before, on(Op::CallRcu, heads[0]), on(Op::CallRcu, heads[1]), op(Op::RcuBarrier, &[]), after];
    story.thread("updater", body);
    let plan = story.plan();
    always(&plan, |outcome| {
        waits_for_readers(outcome, "call", "first+")
            && outcome.in_order("first-", "second+")
            && outcome.in_order("second-", "barrier")
            && outcome.count("first+") == 1
    });
    sometimes(&plan, |outcome| outcome.in_order("first-", "r1-"));
    let outcome = once(&plan);
    assert!(outcome.events.iter().any(|event| event.kind == EventKind::SoftirqEnter));
}

#[test]
fn without_a_barrier_callbacks_come_when_they_come() {
    let mut story = Story::default();
    let id = story.with_function("f", head, Vec::new());
    let after = story.mark("after");
    story.thread("updater", vec![on(Op::CallRcu, id), after]);
    let plan = story.plan();
    always(&plan, |outcome| outcome.count("f-") == 1);
    sometimes(&plan, |outcome| outcome.in_order("after", "f+"));
    sometimes(&plan, |outcome| outcome.in_order("f-", "after"));
}

#[test]
fn a_callback_can_queue_itself_and_a_barrier_does_not_wait_for_that() {
    let mut story = Story::default();
    let cell = story.build.object("runs", ObjectKind::Cell { init: 0 });
    let id = ObjectId::from_raw(3);
    let first = op_out(Op::CellCmpxchg, &[obj(cell), Arg::Int(0), Arg::Int(1)], 0);
    let queue = vec![on(Op::CallRcu, id)];
    let cond = Arg::Register(0);
    let again = vec![first, Stmt::If { cond, then: Vec::new(), otherwise: queue, at: SiteId::UNKNOWN }];
    assert_eq!(story.with_function("f", head, again), id);
    let passed = story.mark("passed");
    story.thread("updater", vec![on(Op::CallRcu, id), op(Op::RcuBarrier, &[]), passed]);
    let plan = story.plan();
    sometimes(&plan, |outcome| outcome.count("f-") == 2 && outcome.in_order("f-", "passed"));
}

#[test]
fn waiting_inside_a_section_hangs_and_is_found() {
    let mut story = Story::default();
    story.thread("thread", vec![op(Op::RcuReadLock, &[]), op(Op::SynchronizeRcu, &[])]);
    let plan = story.plan();
    let outcome = once(&plan);
    assert_eq!(outcome.state("thread"), State::Blocked(Wait::Rcu));
    assert_eq!(outcome.broken(), ["RF610"]);
}

#[test]
fn nested_sections_end_with_the_outermost() {
    let mut story = Story::default();
    let (lock, unlock) = (op(Op::RcuReadLock, &[]), op(Op::RcuReadUnlock, &[]));
    let (enter, leave) = (story.mark("r1+"), story.mark("r1-"));
    let body = vec![lock.clone(), enter, lock, unlock.clone(), leave, unlock];
    story.thread("reader", body);
    let sync = story.around("sync", vec![op(Op::SynchronizeRcu, &[])]);
    story.thread("updater", sync);
    let plan = story.plan();
    always(&plan, |outcome| waits_for_readers(outcome, "sync+", "sync-"));
}

#[test]
fn queueing_a_callback_twice_is_found() {
    let mut story = Story::default();
    let id = story.with_function("f", head, Vec::new());
    story.thread("updater", vec![on(Op::CallRcu, id), on(Op::CallRcu, id)]);
    let plan = story.plan();
    let outcome = once(&plan);
    assert_eq!(outcome.broken(), ["RF502"]);
    assert_eq!(outcome.count("f-"), 1);
}

#[test]
fn the_validator_sees_readers() {
    let mut story = Story::default();
    story.thread("reader", vec![op(Op::RcuReadLock, &[]), op(Op::RcuReadUnlock, &[])]);
    assert_eq!(once(&story.plan()).locks("rcu"), ["+rcu_read_lock", "-rcu_read_lock"]);
}
