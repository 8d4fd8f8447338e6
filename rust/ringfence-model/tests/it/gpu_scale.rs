//! Very much work in flight.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, GpuEvent, ObjectId, SiteId};
use ringfence_model::Plan;

use crate::build::{Build, obj, op, op_out};
use crate::gpu_support::{locking, synced};
use crate::later::Story;

/// So many rings on ten engines, each with 100 works, every second of which waits for a gate; they are let go when
/// all are there.
fn crowded(rings: usize) -> Plan {
    let mut story = Story::default();
    let gate = story.build.object("gate", ObjectKind::GpuSemaphore);
    let lock = story.build.object("lock", ObjectKind::GpuLock);
    let gated = story.build.object("gated", synced(3, &[(gate, 1)], &[(gate, 2)]));
    let locked = story.build.object("locked", locking(2, &[lock]));
    let engines: Vec<ObjectId> = (0..10)
        .map(|number| crate::gpu_support::engine(&mut story, &format!("e{number}"), None, true))
        .collect();
    let declare = |build: &mut Build, number: usize| {
        let kind = ObjectKind::Ring { engine: engines[number % 10], slots: 100, irq: None };
        build.object(&format!("r{number}"), kind)
    };
    let rings: Vec<ObjectId> = (0..rings).map(|number| declare(&mut story.build, number)).collect();
    let emit = |ring: &ObjectId, work| op(Op::RingEmit, &[obj(*ring), obj(work), Arg::Null]);
    let mut turn: Vec<Stmt> = rings.iter().flat_map(|ring| [emit(ring, gated), emit(ring, locked)]).collect();
    turn.push(op_out(Op::Add, &[Arg::Register(0), Arg::Int(1)], 0));
    turn.push(op_out(Op::Eq, &[Arg::Register(0), Arg::Int(50)], 1));
    let at = SiteId::UNKNOWN;
    let end = Stmt::If { cond: Arg::Register(1), then: vec![Stmt::Break { at }], otherwise: Vec::new(), at };
    turn.push(end);
    let body = vec![
        op_out(Op::Set, &[Arg::Int(0)], 0),
        Stmt::Loop { body: turn, at },
        op(Op::GpuSemaphoreSignal, &[obj(gate), Arg::Int(1)]),
    ];
    story.build.thread("thread", &[Kind::Int, Kind::Int], body);
    story.plan()
}

/// How much was completed, and the most that was in flight.
fn run(plan: &Plan) -> (usize, usize) {
    let mut world = plan.initial().clone();
    let (mut events, mut actions, mut step) = (Vec::new(), Vec::new(), 0);
    let (mut emitted, mut completed, mut most) = (0, 0, 0);
    loop {
        world.enabled(plan, &mut actions);
        let Some(&action) = actions.first() else { return (completed, most) };
        events.clear();
        world.step(plan, action, step, &mut events, &mut ringfence_base::Ordinary);
        step += 1;
        for event in &events {
            match event.kind {
                EventKind::Gpu(GpuEvent::Emit(_), _) => emitted += 1,
                EventKind::Gpu(GpuEvent::Complete(_), _) => completed += 1,
                _ => {}
            }
        }
        most = most.max(emitted - completed);
    }
}

#[test]
fn a_hundred_thousand_works_in_flight_are_all_completed() {
    let plan = crowded(1_000);
    assert_eq!(run(&plan), (100_000, 100_000));
}
