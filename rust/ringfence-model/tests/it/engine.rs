//! The device: completes in order after the time it takes, raises its interrupt, hangs, is reset.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, ObjectId};
use ringfence_model::{Session, Value};

use crate::build::{Build, obj, op, op_out};
use crate::later::{Story, always, if_op, on, once};

fn submit(engine: ObjectId, fence: Arg, run_time: i64) -> Stmt {
    op(Op::EngineSubmit, &[obj(engine), fence, Arg::Int(run_time)])
}

/// An engine whose interrupt leaves the mark `irq`.
fn engine_with_irq(story: &mut Story) -> ObjectId {
    let mark = story.mark("irq");
    let handler = story.build.program("handler", &[], vec![mark]);
    let irq = story.build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
    story.build.object("engine", ObjectKind::Engine { irq: Some(irq), gpu: None, preemption: false })
}

/// Times at which the interrupt's handler ran.
fn interrupts(story: &Story) -> Vec<u64> {
    let plan = story.plan();
    let outcome = once(&plan);
    let (mut now, mut times) = (0, Vec::new());
    for event in &outcome.events {
        match event.kind {
            EventKind::Time(time) => now = time,
            EventKind::HardirqEnter { .. } => times.push(now),
            _ => {}
        }
    }
    times
}

#[test]
fn work_takes_its_time_one_after_the_other() {
    let mut story = Story::default();
    let engine = engine_with_irq(&mut story);
    let jobs = [30, 5, 0].map(|run_time| submit(engine, Arg::Null, run_time));
    story.thread("thread", jobs.into());
    assert_eq!(interrupts(&story), [30, 35, 35]);
}

#[test]
fn a_hang_completes_nothing_until_the_reset() {
    let mut story = Story::default();
    let engine = engine_with_irq(&mut story);
    let body = vec![
        submit(engine, Arg::Null, 30),
        op(Op::Msleep, &[Arg::Int(10)]),
        on(Op::EngineHang, engine),
        submit(engine, Arg::Null, 1),
        op(Op::Msleep, &[Arg::Int(100)]),
        on(Op::EngineReset, engine),
        submit(engine, Arg::Null, 7),
    ];
    story.thread("thread", body);
    assert_eq!(interrupts(&story), [117]);
}

#[test]
fn work_that_never_ends_blocks_what_is_behind_it() {
    let mut story = Story::default();
    let engine = engine_with_irq(&mut story);
    story.thread("thread", vec![submit(engine, Arg::Null, i64::MAX), submit(engine, Arg::Null, 1)]);
    assert_eq!(interrupts(&story), [0; 0]);
}

#[test]
fn the_oldest_completed_fence_is_asked_for_first() {
    let mut build = Build::default();
    let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    build.object("timeline", kind);
    build.object("engine", ObjectKind::Engine { irq: None, gpu: None, preemption: false });
    let mut session = Session::new(&build.scenario, 1).expect("a valid scenario");
    let (timeline, engine) = (Value::Object(Kind::Timeline, 0), Value::Object(Kind::Engine, 0));
    let mut call = |op, args: &[Value]| session.call(0, op, args, &[]).expect("it does not block");
    let fences = [(); 3].map(|()| call(Op::DmaFenceInit, &[timeline]));
    let idle = |call: &mut dyn FnMut(Op, &[Value]) -> Value| call(Op::EngineIdle, &[engine]);
    assert_eq!(idle(&mut call), Value::Int(1));
    // By hand, time moves on whenever nothing else can happen: each is completed at once.
    for (fence, run_time) in [(fences[0], 10), (fences[1], 20), (fences[2], i64::MAX)] {
        assert_eq!(call(Op::DmaFenceHwIsDone, &[fence]), Value::Int(0));
        call(Op::EngineSubmit, &[engine, fence, Value::Int(run_time)]);
    }
    assert_eq!(idle(&mut call), Value::Int(0));
    let done = fences.map(|fence| call(Op::DmaFenceHwIsDone, &[fence]));
    assert_eq!(done, [1, 1, 0].map(Value::Int));
    assert_eq!(call(Op::EngineCompleted, &[engine]), fences[0]);
    assert_eq!(call(Op::EngineCompleted, &[engine]), fences[1]);
    assert_eq!(call(Op::EngineCompleted, &[engine]), Value::Null);
    call(Op::EngineReset, &[engine]);
    assert_eq!(idle(&mut call), Value::Int(1));
    assert_eq!(call(Op::EngineCompleted, &[engine]), Value::Null);
    assert_eq!(call(Op::DmaFenceHwIsDone, &[fences[2]]), Value::Int(0));
}

#[test]
fn a_driver_signals_from_its_interrupt_what_it_waits_for() {
    let mut story = Story::default();
    let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    let timeline = story.build.object("timeline", kind);
    let engine = ObjectId::from_raw(2);
    let signal = vec![op(Op::DmaFenceSignal, &[Arg::Register(0)])];
    let handler = if_op(Op::EngineCompleted, &[obj(engine)], signal);
    let handler = story.build.program("handler", &[Kind::Fence], handler);
    let irq = story.build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
    assert_eq!(
        story.build.object("engine", ObjectKind::Engine { irq: Some(irq), gpu: None, preemption: false }),
        engine
    );
    let mut body = Vec::new();
    for run_time in [10, 20] {
        body.push(op_out(Op::DmaFenceInit, &[obj(timeline)], 2));
        body.push(submit(engine, Arg::Register(2), run_time));
        body.push(op(Op::DmaFenceWait, &[Arg::Register(2), Arg::Int(0)]));
        body.push(op(Op::DmaFencePut, &[Arg::Register(2)]));
    }
    let waited = story.mark("waited");
    body.push(waited);
    story.thread("thread", body);
    let plan = story.plan();
    always(&plan, |outcome| outcome.count("waited") == 1 && outcome.world.now() == 30);
}
