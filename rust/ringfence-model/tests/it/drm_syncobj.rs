//! `drm_syncobj`: binary and timeline, waiting for submission and for signalling.

use ringfence_base::errno::{EINVAL, ERESTARTSYS, ETIME};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, ObjectId, Published, SiteId};
use ringfence_model::{Plan, State, Value, Wait};

use crate::build::{Build, obj, op, op_out};
use crate::by_hand::{ByHand, FOREVER, OK, timeline};
use crate::ww::{BREAK, R, ends_well, expect_eq, forever, int, when_else};

const TIMELINE: usize = 1;
const SYNCOBJ: usize = 2;
const MUTEX: usize = 3;

const NO: Value = Value::bool(false);
const FOR_SUBMIT: Value = Value::bool(true);

fn by_hand() -> ByHand {
    let mut objects = timeline(0).to_vec();
    objects.extend([ObjectKind::Syncobj, ObjectKind::Mutex { class: None }]);
    ByHand::new(&objects, 3)
}

fn fence(k: &mut ByHand) -> Value {
    let timeline = k.object(TIMELINE);
    k.call(Op::DmaFenceInit, &[timeline])
}

fn point(point: i64) -> Value {
    Value::Int(point)
}

#[test]
fn binary() {
    let mut k = by_hand();
    let (syncobj, first, second) = (k.object(SYNCOBJ), fence(&mut k), fence(&mut k));
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, OK, NO]), -EINVAL);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, NO, OK]), -EINVAL);
    k.session.take_events();
    k.call(Op::SyncobjReplaceFence, &[syncobj, first]);
    let published = |kind: &EventKind| matches!(kind, EventKind::FencePublish(_, Published::Syncobj));
    assert_eq!(k.events().iter().filter(|kind| published(kind)).count(), 1);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, OK, NO]), 0);
    assert_eq!(k.call(Op::SyncobjFound, &[]), first);
    k.call(Op::DmaFencePut, &[first]);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, NO, OK]), -ETIME);
    assert_eq!(k.number(Op::SyncobjQuery, &[syncobj]), 0);

    k.call(Op::SyncobjReplaceFence, &[syncobj, second]);
    assert_eq!(k.call(Op::DmaFenceSignal, &[first]), OK);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, NO, OK]), -ETIME);
    assert_eq!(k.call(Op::DmaFenceSignal, &[second]), OK);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, NO, point(7)]), 7);

    k.call(Op::SyncobjReset, &[syncobj]);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, OK, NO]), -EINVAL);
    k.call(Op::SyncobjSignal, &[syncobj]);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, NO, OK]), 0);
    k.session.take_events();
    k.call(Op::DmaFencePut, &[first]);
    k.call(Op::DmaFencePut, &[second]);
    let freed = k.events().iter().filter(|kind| matches!(kind, EventKind::FenceFree(_))).count();
    assert_eq!(freed, 2);
    assert_eq!(k.broken(), [""; 0]);
}

/// Points 1 to 3; what is found, what has been reached.
#[test]
fn points_of_a_timeline() {
    let mut k = by_hand();
    let syncobj = k.object(SYNCOBJ);
    let fences: Vec<Value> = (0..3).map(|_| fence(&mut k)).collect();
    for (n, &fence) in fences.iter().enumerate() {
        k.call(Op::SyncobjAddPoint, &[syncobj, fence, point(int(n) + 1)]);
        k.call(Op::DmaFencePut, &[fence]);
    }
    // The fences, and the nodes.
    let published = |kind: &&EventKind| matches!(kind, EventKind::FencePublish(_, Published::Syncobj));
    assert_eq!(k.events().iter().filter(published).count(), 6);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, point(4), NO]), -EINVAL);
    assert_eq!(k.number(Op::SyncobjQuery, &[syncobj]), 0);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, point(2), NO]), 0);
    let second = k.call(Op::SyncobjFound, &[]);
    assert_eq!(k.number(Op::DmaFenceIsSignaled, &[second]), 0);

    assert_eq!(k.call(Op::DmaFenceSignal, &[fences[0]]), OK);
    assert_eq!(k.number(Op::SyncobjQuery, &[syncobj]), 1);
    assert_eq!(k.number(Op::DmaFenceIsSignaled, &[second]), 0);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, point(1), NO, OK]), 0);
    assert_eq!(k.call(Op::DmaFenceSignal, &[fences[1]]), OK);
    assert_eq!(k.number(Op::SyncobjQuery, &[syncobj]), 2);
    assert_eq!(k.number(Op::DmaFenceIsSignaled, &[second]), 1);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, point(3), NO, OK]), -ETIME);
    assert_eq!(k.call(Op::DmaFenceSignal, &[fences[2]]), OK);
    assert_eq!(k.number(Op::SyncobjQuery, &[syncobj]), 3);

    k.call(Op::DmaFencePut, &[second]);
    k.call(Op::SyncobjReset, &[syncobj]);
    // Three fences and three nodes of the chain.
    let freed = k.events().iter().filter(|kind| matches!(kind, EventKind::FenceFree(_))).count();
    assert_eq!(freed, 6);
    assert_eq!(k.broken(), [""; 0]);
}

/// A signaled point that a later one stands behind has no fence any more; the stub is found.
#[test]
fn a_point_that_was_dropped_is_signaled() {
    let mut k = by_hand();
    let syncobj = k.object(SYNCOBJ);
    let [first, second, third] = [(); 3].map(|()| fence(&mut k));
    k.call(Op::DmaFenceBeginSignalling, &[]);
    k.call(Op::SyncobjAddPoint, &[syncobj, first, point(1)]);
    k.call(Op::SyncobjAddPoint, &[syncobj, second, point(2)]);
    assert_eq!(k.call(Op::DmaFenceSignal, &[first]), OK);
    k.session.take_events();
    k.call(Op::SyncobjAddPoint, &[syncobj, third, point(3)]);
    // Adding a point drops what is signaled before the last one; the fence itself is the caller's.
    assert_eq!(k.events().iter().filter(|kind| matches!(kind, EventKind::FenceFree(_))).count(), 1);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, point(1), NO]), 0);
    let stub = k.call(Op::DmaFenceGetStub, &[]);
    assert_eq!(k.call(Op::SyncobjFound, &[]), stub);
    k.call(Op::DmaFenceSignal, &[second]);
    k.call(Op::DmaFenceSignal, &[third]);
    assert_eq!(k.broken(), [""; 0]);
}

/// Task 1 waits, then task 0 acts; what task 1 got.
fn waits_until(k: &mut ByHand, op: Op, args: &[Value], act: impl FnOnce(&mut ByHand)) -> Value {
    assert_eq!(k.session.call(1, op, args, &[]), None);
    act(k);
    k.session.result(1).expect("it has been woken")
}

#[test]
fn waits_for_submission_and_signalling() {
    let mut k = by_hand();
    let (syncobj, fence) = (k.object(SYNCOBJ), fence(&mut k));
    k.call(Op::DmaFenceBeginSignalling, &[]);
    let wait = [syncobj, point(3), FOR_SUBMIT, FOREVER];
    let left = waits_until(&mut k, Op::SyncobjWait, &wait, |k| {
        let state = |k: &ByHand| k.session.world().threads()[1].state();
        assert_eq!(state(k), State::Blocked(Wait::Syncobj(0)));
        k.call(Op::SyncobjAddPoint, &[syncobj, fence, point(1)]);
        assert_eq!(state(k), State::Blocked(Wait::Syncobj(0)));
        let next = self::fence(k);
        k.call(Op::SyncobjAddPoint, &[syncobj, next, point(3)]);
        assert!(matches!(state(k), State::Blocked(Wait::Fence(_))));
        assert_eq!(k.call(Op::DmaFenceSignal, &[fence]), OK);
        assert_eq!(k.session.result(1), None);
        assert_eq!(k.call(Op::DmaFenceSignal, &[next]), OK);
    });
    assert_eq!(left, FOREVER);
    k.call(Op::SyncobjReset, &[syncobj]);
    k.call(Op::DmaFencePut, &[fence]);
    // Of all four only the one is left that the test has not put.
    assert_eq!(k.events().iter().filter(|kind| matches!(kind, EventKind::FenceFree(_))).count(), 3);
    assert_eq!(k.broken(), [""; 0]);
}

/// Whoever waits longest need not be served first.
#[test]
fn each_waits_for_its_point() {
    let mut k = by_hand();
    let (syncobj, fence) = (k.object(SYNCOBJ), fence(&mut k));
    for (task, at) in [(1, 5), (2, 3)] {
        let args = [syncobj, point(at), FOR_SUBMIT, FOREVER];
        assert_eq!(k.session.call(task, Op::SyncobjWait, &args, &[]), None);
    }
    k.call(Op::SyncobjAddPoint, &[syncobj, fence, point(3)]);
    let states: Vec<State> = k.session.world().threads().iter().map(ringfence_model::Thread::state).collect();
    assert_eq!(states[1], State::Blocked(Wait::Syncobj(0)));
    assert!(matches!(states[2], State::Blocked(Wait::Fence(_))));
}

#[test]
fn interrupted() {
    let mut k = by_hand();
    let syncobj = k.object(SYNCOBJ);
    let wait = [syncobj, OK, FOR_SUBMIT, FOREVER];
    let interrupt = |k: &mut ByHand| {
        k.session.interrupt(1);
        k.session.settle();
    };
    assert_eq!(waits_until(&mut k, Op::SyncobjWait, &wait, interrupt), Value::errno(ERESTARTSYS));
    k.session.clear_signal(1);
    // Nothing is left of it: whoever submits now wakes nobody.
    let fence = fence(&mut k);
    k.call(Op::SyncobjReplaceFence, &[syncobj, fence]);
    let wait = [syncobj, OK, NO, FOREVER];
    assert_eq!(waits_until(&mut k, Op::SyncobjWait, &wait, interrupt), Value::errno(ERESTARTSYS));
    k.session.clear_signal(1);
    k.call(Op::SyncobjReset, &[syncobj]);
    k.call(Op::DmaFencePut, &[fence]);
    assert_eq!(k.broken(), [""; 0]);
}

/// Virtual time decides: 5 s for a fence to come, and whatever the caller says for it to be signaled.
#[test]
fn timeouts() {
    let mut k = by_hand();
    let syncobj = k.object(SYNCOBJ);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, OK, FOR_SUBMIT]), -ETIME);
    assert_eq!(k.session.world().now(), 5_000_000_000);
    assert_eq!(k.call(Op::SyncobjFound, &[]), Value::Null);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, FOR_SUBMIT, point(30)]), -ETIME);
    assert_eq!(k.session.world().now(), 5_000_000_030);
    let fence = fence(&mut k);
    k.call(Op::SyncobjReplaceFence, &[syncobj, fence]);
    assert_eq!(k.number(Op::SyncobjWait, &[syncobj, OK, NO, point(70)]), -ETIME);
    assert_eq!(k.session.world().now(), 5_000_000_100);
    assert_eq!(k.broken(), [""; 0]);
}

/// Waiting for user space with a lock held, or in a signalling section, is wrong even if nothing has to be waited
/// for.
#[test]
fn nothing_may_be_held() {
    let mut k = by_hand();
    let (syncobj, mutex, fence) = (k.object(SYNCOBJ), k.object(MUTEX), fence(&mut k));
    k.call(Op::SyncobjReplaceFence, &[syncobj, fence]);
    k.call(Op::MutexLock, &[mutex]);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, OK, NO]), 0);
    assert_eq!(k.broken(), [""; 0]);
    assert_eq!(k.number(Op::SyncobjFindFence, &[syncobj, OK, FOR_SUBMIT]), 0);
    assert_eq!(k.broken(), ["RF510"]);
    k.number(Op::SyncobjWait, &[syncobj, OK, FOR_SUBMIT, OK]);
    assert_eq!(k.broken(), ["RF510"]);
    k.call(Op::MutexUnlock, &[mutex]);
    k.call(Op::RcuReadLock, &[]);
    k.number(Op::SyncobjFindFence, &[syncobj, OK, FOR_SUBMIT]);
    assert_eq!(k.broken(), ["RF610", "RF510"]);
    k.call(Op::RcuReadUnlock, &[]);
    let ctx = k.call(Op::WwAcquireInit, &[Value::Null]);
    k.number(Op::SyncobjFindFence, &[syncobj, OK, FOR_SUBMIT]);
    assert_eq!(k.broken(), ["RF510"]);
    k.call(Op::WwAcquireFini, &[ctx]);
    k.number(Op::SyncobjFindFence, &[syncobj, OK, FOR_SUBMIT]);
    assert_eq!(k.broken(), [""; 0]);
}

/// Producers add points and signal them, consumers wait for each: nobody is forgotten under any schedule.
#[test]
fn nobody_misses_a_submission() {
    let mut build = Build::default();
    let lock = build.object("lock", ObjectKind::Spinlock { class: None });
    let timeline = ObjectKind::Timeline { lock: Some(lock), ops: None, first_seqno: 1, bound: None };
    let timeline = build.object("timeline", timeline);
    let syncobjs = ["a", "b"].map(|name| build.object(name, ObjectKind::Syncobj));
    let done = build.object("done", ObjectKind::Completion);
    let mut submit = vec![op_out(Op::DmaFenceBeginSignalling, &[], 1)];
    for point in 1..=3 {
        submit.push(op_out(Op::DmaFenceInit, &[obj(timeline)], 0));
        for syncobj in syncobjs {
            submit.push(op(Op::SyncobjAddPoint, &[obj(syncobj), R(0), Arg::Int(point)]));
        }
        submit.push(op(Op::DmaFenceSignal, &[R(0)]));
        submit.push(op(Op::DmaFencePut, &[R(0)]));
    }
    submit.push(op(Op::DmaFenceEndSignalling, &[R(1)]));
    build.thread("submitter", &[Kind::Fence, Kind::Cookie], submit);
    for (n, syncobj) in [syncobjs[0], syncobjs[1], syncobjs[0]].into_iter().enumerate() {
        let mut body = Vec::new();
        for point in 1..=3 {
            body.extend(wait_for(syncobj, point, n == 2));
        }
        body.push(op(Op::Complete, &[obj(done)]));
        build.thread("waiter", &[Kind::Int, Kind::Errno, Kind::Int, Kind::Fence], body);
    }
    let mut closing = vec![op(Op::WaitForCompletion, &[obj(done)]); 3];
    closing.extend(syncobjs.map(|syncobj| op(Op::SyncobjReset, &[obj(syncobj)])));
    build.thread("closing", &[], closing);
    nothing_is_left(&Plan::new(&build.scenario).expect("a valid scenario"));
}

/// Under many schedules all threads come to their end, nothing is broken, and all fences are freed.
fn nothing_is_left(plan: &Plan) {
    for seed in 0..300 {
        let events = ends_well(plan, seed);
        let count = |wanted: fn(&EventKind) -> bool| events.iter().filter(|e| wanted(&e.kind)).count();
        let made = count(|kind| matches!(kind, EventKind::FenceInit(_)));
        let freed = count(|kind| matches!(kind, EventKind::FenceFree(_)));
        assert_eq!(made, freed, "seed {seed}");
    }
}

/// Between a look without the lock and queueing, somebody else may have the lock and bring what is waited for. The
/// lock is held for long where a chain is gone through whose fences must be asked.
#[test]
fn what_comes_before_the_queueing_is_seen() {
    let mut build = Build::default();
    let lock = build.object("lock", ObjectKind::Spinlock { class: None });
    let cell = build.object("cell", ObjectKind::Cell { init: 0 });
    let mut poll = vec![op_out(Op::CellRead, &[obj(cell)], 1); 8];
    poll.push(Stmt::Return { value: Some(R(1)), at: SiteId::UNKNOWN });
    let signaled = build.handler("signaled", 1, &[Kind::Fence, Kind::Int], Some(Kind::Int), poll);
    let ops = ObjectKind::FenceOps {
        enable_signaling: None,
        signaled: Some(signaled),
        wait: None,
        release: None,
        set_deadline: None,
        use_64bit_seqno: false,
    };
    let ops = build.object("ops", ops);
    let timeline = ObjectKind::Timeline { lock: Some(lock), ops: Some(ops), first_seqno: 1, bound: None };
    let timelines: Vec<ObjectId> =
        (0..4).map(|n| build.object(&format!("timeline{n}"), timeline.clone())).collect();
    let syncobj = build.object("syncobj", ObjectKind::Syncobj);
    let done = build.object("done", ObjectKind::Completion);
    // Point 3 is there as soon as somebody else has the lock.
    let until_three = || {
        let find = op_out(Op::SyncobjFindFence, &[obj(syncobj), Arg::Int(3), Arg::Int(0)], 1);
        let found = vec![op_out(Op::SyncobjFound, &[], 3), op(Op::DmaFencePut, &[R(3)]), BREAK];
        forever(vec![find, when_else(R(1), Vec::new(), found)])
    };
    for point in [1, 9] {
        let mut body = if point == 9 { vec![until_three()] } else { Vec::new() };
        body.extend(wait_for(syncobj, point, true));
        body.push(op(Op::Complete, &[obj(done)]));
        build.thread("waiter", &[Kind::Int, Kind::Errno, Kind::Int, Kind::Fence], body);
    }
    let new = |n: usize| op_out(Op::DmaFenceInit, &[obj(timelines[n])], 0);
    // A chain of three at once, then point 9 by somebody else; then the fences say that they are signaled.
    let mut chain = vec![op_out(Op::Set, &[Arg::Null], 1)];
    for n in 1..=3 {
        let point = Arg::Int(int(n));
        chain.extend([new(n), op_out(Op::DmaFenceChainInit, &[R(1), R(0), point], 1)]);
    }
    chain.extend([op(Op::SyncobjReplaceFence, &[obj(syncobj), R(1)]), op(Op::DmaFencePut, &[R(1)])]);
    build.thread("chain", &[Kind::Fence, Kind::Fence], chain);
    let add = vec![
        until_three(),
        new(0),
        op(Op::SyncobjAddPoint, &[obj(syncobj), R(0), Arg::Int(9)]),
        op(Op::CellWrite, &[obj(cell), Arg::Int(1)]),
        op_out(Op::DmaFenceBeginSignalling, &[], 2),
        op(Op::DmaFenceSignal, &[R(0)]),
        op(Op::DmaFenceEndSignalling, &[R(2)]),
        op(Op::DmaFencePut, &[R(0)]),
    ];
    build.thread("adder", &[Kind::Fence, Kind::Errno, Kind::Cookie, Kind::Fence], add);
    let closing = vec![op(Op::WaitForCompletion, &[obj(done)]); 2];
    build.thread("closing", &[], closing);
    build.scenario.environment.fence_bound = i64::MAX;
    for seed in 0..600 {
        ends_well(&Plan::new(&build.scenario).expect("a valid scenario"), seed);
    }
}

fn wait_for(syncobj: ObjectId, point: i64, find: bool) -> Vec<Stmt> {
    if !find {
        let args = [obj(syncobj), Arg::Int(point), Arg::Int(1), Arg::Int(i64::MAX)];
        let mut body = vec![op_out(Op::SyncobjWait, &args, 0)];
        body.push(op_out(Op::Lt, &[R(0), Arg::Int(0)], 2));
        body.push(op(Op::WarnOn, &[R(2)]));
        return body;
    }
    let args = [obj(syncobj), Arg::Int(point), Arg::Int(1)];
    let mut body = vec![op_out(Op::SyncobjFindFence, &args, 1)];
    body.extend(expect_eq(2, R(1), 0));
    body.push(op_out(Op::SyncobjFound, &[], 3));
    body.push(op_out(Op::DmaFenceWait, &[R(3), Arg::Int(0)], 1));
    body.push(op(Op::DmaFencePut, &[R(3)]));
    body
}
