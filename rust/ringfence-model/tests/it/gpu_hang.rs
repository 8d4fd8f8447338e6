//! The GPU's part in hangs: rings are parties of the wait-for graph.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Arg, GpuHang, Kind, ObjectKind, Op, Stmt};
use ringfence_model::judge::{GpuWorkState, Hang, HangKind, Waker, hangs};
use ringfence_model::{Plan, Wait};

use crate::build::{obj, op};
use crate::gpu_support::{emit, engine, hanging, job, locking, ring, sleep, synced};
use crate::later::{Story, on, once};

fn fence(story: &mut Story) -> ObjectId {
    let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    let timeline = story.build.object("timeline", kind);
    story.build.object("fence", ObjectKind::Fence { timeline, seqno: None })
}

fn emit_for(ring: ObjectId, work: ObjectId, fence: ObjectId) -> Stmt {
    op(Op::RingEmit, &[obj(ring), obj(work), obj(fence)])
}

fn wait(fence: ObjectId) -> Stmt {
    op(Op::DmaFenceWait, &[obj(fence), Arg::Int(0)])
}

/// The hangs of one execution, and its plan.
fn hung(story: &Story) -> (Plan, Vec<Hang>) {
    let plan = story.plan();
    let world = once(&plan).world;
    let hangs = hangs(&plan, &world);
    (plan, hangs)
}

/// What each party of a hang waits for.
fn waits(hang: &Hang) -> Vec<Wait> {
    hang.links.iter().map(|link| link.wait).collect()
}

#[test]
fn who_waits_for_a_hung_ring_is_told_so() {
    let mut story = Story::default();
    let engine = engine(&mut story, "engine", None, false);
    let ring = ring(&mut story, "ring", engine);
    let fence = fence(&mut story);
    let work = story.build.object("work", hanging(1, GpuHang::Infinite));
    story.thread("thread", vec![emit_for(ring, work, fence), wait(fence)]);
    let (_, hangs) = hung(&story);
    assert_eq!(hangs.len(), 1);
    assert_eq!(hangs[0].kind, HangKind::LostWakeUp);
    assert_eq!(waits(&hangs[0]), [Wait::Fence(0), Wait::Recovery(0)]);
    assert_eq!(hangs[0].links[0].waker, Some(Waker::Executes(0)));
    assert_eq!((hangs[0].rule, hangs[0].guilty), ("RF703", 0));
}

#[test]
fn a_deadlock_on_the_gpu_alone_is_one() {
    let mut story = Story::default();
    let locks = ["first", "second"].map(|name| story.build.object(name, ObjectKind::GpuLock));
    let fence = fence(&mut story);
    let first = story.build.object("first", locking(10, &locks));
    let second = story.build.object("second", locking(10, &[locks[1], locks[0]]));
    let holder = story.build.object("holder", locking(5, &locks[1..]));
    let engines = ["x", "y"].map(|name| engine(&mut story, name, None, true));
    let (a, b) = (ring(&mut story, "a", engines[0]), ring(&mut story, "b", engines[1]));
    let c = ring(&mut story, "c", engines[1]);
    // While `holder` has the second lock, `second` waits for it, and `first` too, with the first one. It goes to
    // `second`, which then waits for the first one.
    let body = vec![
        emit(c, holder),
        emit_for(b, second, fence),
        on(Op::RingPreempt, c),
        emit(a, first),
        on(Op::RingClear, c),
        wait(fence),
    ];
    story.thread("thread", body);
    let (plan, hangs) = hung(&story);
    let world = once(&plan).world;
    let states: Vec<GpuWorkState> = world.gpu_works(&plan).map(|work| work.state).collect();
    assert_eq!(states, [GpuWorkState::AwaitsLock, GpuWorkState::AwaitsLock]);
    assert_eq!(hangs.len(), 1);
    assert_eq!(hangs[0].kind, HangKind::Deadlock);
    let rings: Vec<_> =
        hangs[0].links.iter().filter_map(|link| world.ring_of_party(&plan, link.task)).collect();
    assert!(rings.iter().all(|ring| ring.kind == Kind::Ring) && rings.len() == 2, "{rings:?}");
    assert!(waits(&hangs[0]).iter().all(|wait| matches!(wait, Wait::GpuLock(_))));
    assert_eq!(hangs[0].rule, "RF701");
}

#[test]
fn whoever_must_open_the_way_for_the_gpu_must_signal() {
    let mut story = Story::default();
    let lock = story.build.mutex("lock");
    let engine = engine(&mut story, "engine", None, false);
    let ring = ring(&mut story, "ring", engine);
    let fence = fence(&mut story);
    let gate = story.build.object("gate", ObjectKind::GpuSemaphore);
    let work = story.build.object("work", synced(1, &[(gate, 1)], &[]));
    story.thread("client", vec![on(Op::MutexLock, lock), emit_for(ring, work, fence), wait(fence)]);
    let opens = op(Op::GpuSemaphoreSignal, &[obj(gate), Arg::Int(1)]);
    story.thread("opener", vec![on(Op::MutexLock, lock), opens, on(Op::MutexUnlock, lock)]);
    let (_, hangs) = hung(&story);
    let (rule, guilty) = (hangs[0].rule, hangs[0].links[hangs[0].guilty].task);
    assert_eq!((rule, guilty), ("RF303", 1));
    assert_eq!(hangs[0].links.len(), 3);
}

#[test]
fn whoever_must_reset_the_gpu_must_signal() {
    let mut story = Story::default();
    let lock = story.build.mutex("lock");
    let engine = engine(&mut story, "engine", None, false);
    let (ring, other) = (ring(&mut story, "ring", engine), ring(&mut story, "other", engine));
    let fence = fence(&mut story);
    let hangs_there = story.build.object("hangs", hanging(1, GpuHang::Infinite));
    let work = story.build.object("work", job(1));
    let body =
        vec![on(Op::MutexLock, lock), emit(other, hangs_there), emit_for(ring, work, fence), wait(fence)];
    story.thread("client", body);
    let reset = op(Op::GpuEngineReset, &[obj(other), Arg::Null]);
    story.thread("watchdog", vec![sleep(5), on(Op::MutexLock, lock), reset, on(Op::MutexUnlock, lock)]);
    let (plan, hangs) = hung(&story);
    assert_eq!(plan.contexts()[hangs[0].links[hangs[0].guilty].task as usize].name, "watchdog");
    assert_eq!(hangs[0].rule, "RF303");
    let all = waits(&hangs[0]);
    assert!(all.contains(&Wait::Engine(0)) && all.contains(&Wait::Recovery(0)), "{all:?}");
}
