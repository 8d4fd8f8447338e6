//! Rings: slots, order, what the GPU writes back, interrupts.

use ringfence_base::ObjectId;
use ringfence_base::errno::{ENODEV, ENOSPC};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op};
use ringfence_model::{Session, Value};

use crate::build::{Build, obj, op};
use crate::gpu_support::{emit, engine, interrupts, irq, job, ring, sleep, told};
use crate::later::{Always, Story, once, once_with};

/// A session with `timeline`, one engine, `slots` slots, and jobs that run for ever, and for 1.
struct ByHand(Session);

impl ByHand {
    fn new(slots: u32) -> Self {
        let mut build = Build::default();
        build.object("timeline", ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None });
        let engine = build.object("engine", ObjectKind::Engine { irq: None, gpu: None, preemption: false });
        build.object("ring", ObjectKind::Ring { engine, slots, irq: None });
        build.object("endless", job(i64::MAX));
        build.object("short", job(1));
        Self(Session::new(&build.scenario, 1).expect("a valid scenario"))
    }

    fn call(&mut self, op: Op, args: &[Value]) -> Value {
        self.0.call(0, op, args, &[]).expect("it does not block")
    }

    fn fence(&mut self) -> Value {
        self.call(Op::DmaFenceInit, &[Value::Object(Kind::Timeline, 0)])
    }

    fn emit(&mut self, work: Value, fence: Value) -> Value {
        self.call(Op::RingEmit, &[RING, work, fence])
    }

    fn ask(&mut self, op: Op) -> Value {
        self.call(op, &[RING])
    }
}

const RING: Value = Value::Object(Kind::Ring, 0);
const ENDLESS: Value = Value::Object(Kind::GpuJob, 0);
const SHORT: Value = Value::Object(Kind::GpuJob, 1);

#[test]
fn a_ring_has_so_many_slots() {
    let mut hand = ByHand::new(2);
    assert_eq!(hand.ask(Op::RingSpace), Value::Int(2));
    assert_eq!(hand.emit(ENDLESS, Value::Null), Value::Int(0));
    assert_eq!(hand.emit(SHORT, Value::Null), Value::Int(0));
    assert_eq!(hand.ask(Op::RingSpace), Value::Int(0));
    assert_eq!(hand.emit(SHORT, Value::Null), Value::errno(ENOSPC));
    assert_eq!((hand.ask(Op::RingEmitted), hand.ask(Op::RingSeqno)), (Value::Int(2), Value::Int(0)));
    assert_eq!(hand.ask(Op::RingIdle), Value::Int(0));
    hand.ask(Op::RingClear);
    assert_eq!((hand.ask(Op::RingSpace), hand.ask(Op::RingIdle)), (Value::Int(2), Value::Int(1)));
    assert_eq!((hand.ask(Op::RingEmitted), hand.ask(Op::RingSeqno)), (Value::Int(2), Value::Int(0)));
    // What is written back is the number of what is completed: what was lost is skipped.
    assert_eq!(hand.emit(SHORT, Value::Null), Value::Int(0));
    assert_eq!((hand.ask(Op::RingEmitted), hand.ask(Op::RingSeqno)), (Value::Int(3), Value::Int(3)));
}

#[test]
fn the_oldest_completed_fence_is_asked_for_first() {
    let mut hand = ByHand::new(8);
    let fences = [(); 4].map(|()| hand.fence());
    for (work, fence) in [(SHORT, fences[0]), (Value::Null, fences[1]), (ENDLESS, fences[2])] {
        hand.emit(work, fence);
    }
    hand.emit(SHORT, fences[3]);
    assert_eq!(hand.ask(Op::RingHead), fences[2]);
    assert_eq!(hand.ask(Op::RingSeqno), Value::Int(2));
    let done = fences.map(|fence| hand.call(Op::DmaFenceHwIsDone, &[fence]));
    assert_eq!(done, [1, 1, 0, 0].map(Value::Int));
    assert_eq!(hand.ask(Op::RingCompleted), fences[0]);
    assert_eq!(hand.ask(Op::RingCompleted), fences[1]);
    assert_eq!(hand.ask(Op::RingCompleted), Value::Null);
}

#[test]
fn the_oldest_lost_fence_is_asked_for_first() {
    let mut hand = ByHand::new(8);
    let fences = [(); 3].map(|()| hand.fence());
    assert_eq!(hand.ask(Op::RingLost), Value::Null);
    for (work, fence) in [(SHORT, fences[0]), (ENDLESS, fences[1]), (SHORT, Value::Null), (SHORT, fences[2])]
    {
        hand.emit(work, fence);
    }
    // Only the guilty work is lost with its engine's reset.
    assert_eq!(hand.call(Op::GpuEngineReset, &[RING, fences[2]]), Value::Int(0));
    assert_eq!(hand.ask(Op::RingLost), fences[2]);
    assert_eq!(hand.ask(Op::RingLost), Value::Null);
    // What has no fence can't be asked for; what is completed is not lost.
    hand.ask(Op::RingClear);
    assert_eq!(hand.ask(Op::RingLost), fences[1]);
    assert_eq!(hand.ask(Op::RingLost), Value::Null);
    assert_eq!(hand.ask(Op::RingCompleted), fences[0]);
}

#[test]
fn nothing_is_put_on_the_ring_of_a_wedged_gpu() {
    let mut hand = ByHand::new(1);
    assert_eq!(hand.ask(Op::GpuWedged), Value::Int(0));
    hand.emit(ENDLESS, Value::Null);
    hand.ask(Op::GpuWedge);
    assert_eq!(hand.ask(Op::GpuWedged), Value::Int(1));
    assert_eq!(hand.emit(SHORT, Value::Null), Value::errno(ENODEV));
    assert_eq!(hand.ask(Op::RingIdle), Value::Int(0));
    assert_eq!(hand.ask(Op::GpuReset), Value::errno(ENODEV));
    let engine_reset = hand.call(Op::GpuEngineReset, &[RING, Value::Null]);
    assert_eq!(engine_reset, Value::errno(ENODEV));
    hand.ask(Op::RingClear);
    assert_eq!(hand.ask(Op::RingIdle), Value::Int(1));
}

#[test]
fn engines_run_at_the_same_time_and_the_rings_of_one_in_turn() {
    let mut story = Story::default();
    let engines = ["render", "copy"].map(|name| engine(&mut story, name, None, false));
    let (a, b) = (ring(&mut story, "a", engines[0]), ring(&mut story, "b", engines[0]));
    let other = ring(&mut story, "c", engines[1]);
    let work = story.build.object("work", job(10));
    let order = [a, a, b, other, other];
    story.thread("thread", order.map(|ring| emit(ring, work)).into());
    let completed: Vec<String> = told(&story).into_iter().filter(|line| line.contains("complete")).collect();
    assert_eq!(
        completed,
        ["10 complete a", "10 complete c", "20 complete b", "20 complete c", "30 complete a"]
    );
}

#[test]
fn which_ring_is_next_is_a_choice() {
    let mut story = Story::default();
    let engine = engine(&mut story, "engine", None, false);
    let rings = ["a", "b", "c"].map(|name| ring(&mut story, name, engine));
    let work = story.build.object("work", job(10));
    let mut body = vec![emit(rings[0], work)];
    body.extend(rings.map(|ring| emit(ring, work)));
    story.thread("thread", body);
    let plan = story.plan();
    let completed = |choice| {
        let outcome = once_with(&plan, &mut Always(choice));
        let lines = crate::gpu_support::history(&outcome).into_iter();
        lines.filter_map(|line| line.split_once(" complete ").map(|(_, ring)| ring.to_owned())).collect()
    };
    let orders: [Vec<String>; 3] = [0, 1, 2].map(completed);
    assert_eq!(orders[0], ["a", "b", "c", "a"]);
    assert_eq!(orders[1], ["a", "c", "b", "a"]);
    assert_eq!(orders[2], ["a", "a", "c", "b"]);
}

/// An engine and two rings of it, of which the second has an interrupt of its own.
fn with_interrupts(story: &mut Story) -> [ObjectId; 3] {
    let (of_engine, of_ring) = (irq(story, "engine"), irq(story, "ring"));
    let kind = ObjectKind::Engine { irq: Some(of_engine), gpu: None, preemption: false };
    let engine = story.build.object("it", kind);
    let own = ObjectKind::Ring { engine, slots: 4, irq: Some(of_ring) };
    [engine, ring(story, "plain", engine), story.build.object("own", own)]
}

#[test]
fn each_completion_raises_the_interrupt_of_its_ring_or_engine() {
    let mut story = Story::default();
    let [_, plain, own] = with_interrupts(&mut story);
    let work = story.build.object("work", job(10));
    story.thread("thread", vec![emit(plain, work), emit(own, work), emit(plain, work)]);
    let plan = story.plan();
    let seen = interrupts(&plan, &once(&plan));
    let expected = [(10, "engine"), (20, "ring"), (30, "engine")];
    assert_eq!(seen, expected.map(|(time, name)| (time, name.to_owned())));
}

#[test]
fn interrupts_can_be_lost_or_late() {
    let mut story = Story::default();
    let [engine, plain, _] = with_interrupts(&mut story);
    let work = story.build.object("work", job(10));
    story.build.scenario.environment.irq_loss = true;
    let submit = op(Op::EngineSubmit, &[obj(engine), Arg::Null, Arg::Int(5)]);
    story.thread("thread", vec![emit(plain, work), submit]);
    let plan = story.plan();
    let times = |choice| {
        let outcome = once_with(&plan, &mut Always(choice));
        interrupts(&plan, &outcome).into_iter().map(|(time, _)| time).collect::<Vec<u64>>()
    };
    assert_eq!(times(0), [10, 15]);
    assert_eq!(times(1), [0; 0]);
    assert_eq!(times(2), [5_000_010, 5_000_015]);
}

#[test]
fn a_ring_is_cleared_under_the_engine() {
    let mut story = Story::default();
    let engine = engine(&mut story, "engine", None, false);
    let (a, b) = (ring(&mut story, "a", engine), ring(&mut story, "b", engine));
    let work = story.build.object("work", job(10));
    let clear = op(Op::RingClear, &[obj(a)]);
    story.thread("thread", vec![emit(a, work), emit(a, work), emit(b, work), sleep(3), clear]);
    assert_eq!(told(&story), ["0 begin a", "3 lost a", "3 lost a", "3 begin b", "13 complete b"]);
}
