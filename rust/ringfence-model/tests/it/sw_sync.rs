//! `sw_sync`: what the kernel's self-tests of it check, and a race in it.

use ringfence_base::EventKind;
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op};
use ringfence_model::{Plan, Value};

use crate::build::{Build, obj, op, op_out};
use crate::by_hand::{ByHand, rules};
use crate::run::run_with;
use crate::ww::{Lcg, R, all_done, always_ends_well};

fn by_hand() -> ByHand {
    ByHand::new(&[ObjectKind::SwSync, ObjectKind::SwSync, ObjectKind::SwSync], 1)
}

fn fence(k: &mut ByHand, timeline: usize, value: i64) -> Value {
    let timeline = k.object(timeline);
    k.call(Op::SwSyncCreateFence, &[timeline, Value::Int(value)])
}

fn inc(k: &mut ByHand, timeline: usize, by: i64) {
    let timeline = k.object(timeline);
    k.call(Op::SwSyncInc, &[timeline, Value::Int(by)]);
}

fn status(k: &mut ByHand, fence: Value) -> i64 {
    k.number(Op::DmaFenceGetStatus, &[fence])
}

#[test]
fn one_timeline_wait() {
    let mut k = by_hand();
    let fence = fence(&mut k, 0, 5);
    let mut statuses = Vec::new();
    for by in [0, 1, 4, 10] {
        inc(&mut k, 0, by);
        statuses.push(status(&mut k, fence));
    }
    assert_eq!(statuses, [0, 0, 1, 1]);
    assert_eq!(k.broken(), [""; 0]);
}

#[test]
fn a_fence_of_the_past_is_signaled() {
    let mut k = by_hand();
    inc(&mut k, 0, 5);
    let past = fence(&mut k, 0, 5);
    let future = fence(&mut k, 0, 6);
    assert_eq!((status(&mut k, past), status(&mut k, future)), (1, 0));
}

#[test]
fn one_timeline_merge() {
    let mut k = by_hand();
    let fences = [1, 2, 3].map(|value| fence(&mut k, 0, value));
    let files = fences.map(|fence| k.call(Op::SyncFileCreate, &[fence]));
    let some = k.call(Op::SyncFileMerge, &[files[1], files[0]]);
    let all = k.call(Op::SyncFileMerge, &[files[2], some]);
    let all = k.call(Op::SyncFileGetFence, &[all]);
    assert_eq!(all, fences[2]);
    for (by, expected) in [(1, [1, 0, 0]), (1, [1, 1, 0]), (1, [1, 1, 1])] {
        inc(&mut k, 0, by);
        assert_eq!(fences.map(|fence| status(&mut k, fence)), expected);
    }
}

#[test]
fn multiple_timelines_merge() {
    let mut k = by_hand();
    let fences = [0, 1, 2].map(|timeline| fence(&mut k, timeline, 5));
    let files = fences.map(|fence| k.call(Op::SyncFileCreate, &[fence]));
    let some = k.call(Op::SyncFileMerge, &[files[1], files[0]]);
    let all = k.call(Op::SyncFileMerge, &[files[2], some]);
    let all = k.call(Op::SyncFileGetFence, &[all]);
    for (timeline, expected) in [(0, 0), (2, 0), (1, 1)] {
        inc(&mut k, timeline, 5);
        assert_eq!(status(&mut k, all), expected);
    }
    assert_eq!(k.broken(), [""; 0]);
}

/// The kernel has one fence per value, as long as anybody has it.
#[test]
fn the_same_value_is_the_same_fence() {
    let mut k = by_hand();
    let (a, b) = (fence(&mut k, 0, 5), fence(&mut k, 0, 3));
    assert_eq!(fence(&mut k, 0, 5), a);
    assert_ne!(fence(&mut k, 1, 5), a);
    k.call(Op::DmaFencePut, &[a]);
    k.call(Op::DmaFencePut, &[a]);
    assert_ne!(fence(&mut k, 0, 5), a);
    k.events();
    inc(&mut k, 0, 9);
    let signals = k.events();
    let signals: Vec<u32> = signals
        .iter()
        .filter_map(|kind| if let EventKind::FenceSignal(fence) = kind { Some(*fence) } else { None })
        .collect();
    // Those that are left, in the order of their values.
    assert_eq!(Value::fence(signals[0]), b);
    assert_eq!(signals.len(), 2);
    assert_eq!(k.broken(), [""; 0]);
}

/// Numbers have 32 bits, and a step of more than half of them is taken in two.
#[test]
fn numbers_wrap() {
    let mut k = by_hand();
    let passed = fence(&mut k, 0, 1_000);
    inc(&mut k, 0, i64::from(u32::MAX));
    assert_eq!(status(&mut k, passed), 1);
    let next = fence(&mut k, 0, 0);
    assert_eq!(status(&mut k, next), 0);
    inc(&mut k, 0, 1);
    assert_eq!(status(&mut k, next), 1);
}

/// Two threads that wait for each other's values, in turn.
#[test]
fn consumers_and_producers() {
    let mut build = Build::default();
    let timelines = ["a", "b"].map(|name| build.object(name, ObjectKind::SwSync));
    for (mine, other) in [(0, 1), (1, 0)] {
        let mut body = Vec::new();
        for value in 1..=4 {
            body.push(op(Op::SwSyncInc, &[obj(timelines[mine]), Arg::Int(1)]));
            body.push(op_out(Op::SwSyncCreateFence, &[obj(timelines[other]), Arg::Int(value)], 0));
            body.push(op_out(Op::DmaFenceWait, &[R(0), Arg::Int(0)], 1));
            body.push(op(Op::DmaFencePut, &[R(0)]));
        }
        build.thread("worker", &[Kind::Fence, Kind::Errno], body);
    }
    always_ends_well(&Plan::new(&build.scenario).expect("a valid scenario"), 300);
}

/// The timeline's list has no reference. In Linux 6.12 whoever moves the timeline on takes one without asking
/// whether there is any left: it may come while the last one has been dropped but the fence is still on the list.
#[test]
fn the_last_reference_races_with_the_timeline() {
    let mut build = Build::default();
    let timeline = build.object("timeline", ObjectKind::SwSync);
    let keep =
        vec![op_out(Op::SwSyncCreateFence, &[obj(timeline), Arg::Int(1)], 0), op(Op::DmaFencePut, &[R(0)])];
    build.thread("keeper", &[Kind::Fence], keep);
    build.thread("mover", &[], vec![op(Op::SwSyncInc, &[obj(timeline), Arg::Int(1)])]);
    // Somebody who makes the keeper wait for the lock of the timeline, between the two.
    let other = vec![
        op_out(Op::SwSyncCreateFence, &[obj(timeline), Arg::Int(2)], 0),
        op_out(Op::DmaFenceLock, &[R(0)], 1),
        op(Op::DmaFenceUnlock, &[R(0), R(1)]),
    ];
    build.thread("other", &[Kind::Fence, Kind::Cookie], other);
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    let mut found = 0;
    for seed in 0..500 {
        let mut schedule = Lcg(seed);
        let (world, events) = run_with(&plan, &mut Lcg(!seed), |actions| schedule.below(actions.len()));
        assert!(all_done(&world), "seed {seed}");
        let rules = rules(&events);
        assert!(rules.iter().all(|&rule| rule == "RF513"), "seed {seed}: {rules:?}");
        found += usize::from(!rules.is_empty());
    }
    assert!(found > 0 && found < 250, "{found}");
}
