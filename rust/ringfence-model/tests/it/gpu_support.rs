//! What the tests of the virtual GPU share.

use ringfence_base::scenario::{Arg, GpuHang, ObjectKind, Op, SemaphorePoint, Stmt};
use ringfence_base::{EventKind, GpuEvent, ObjectId};
use ringfence_model::Plan;

use crate::build::{obj, op};
use crate::later::{Outcome, Story, once};

/// A work of this run time that does nothing else.
pub(crate) fn job(run_time: i64) -> ObjectKind {
    ObjectKind::GpuJob {
        run_time,
        hang: GpuHang::No,
        waits: Vec::new(),
        signals: Vec::new(),
        locks: Vec::new(),
        uses: Vec::new(),
        fault: false,
    }
}

/// The same, but it hangs.
pub(crate) fn hanging(run_time: i64, how: GpuHang) -> ObjectKind {
    let ObjectKind::GpuJob { waits, signals, locks, uses, fault, .. } = job(run_time) else { unreachable!() };
    ObjectKind::GpuJob { run_time, hang: how, waits, signals, locks, uses, fault }
}

/// The same, with semaphores.
pub(crate) fn synced(run_time: i64, waits: &[(ObjectId, i64)], signals: &[(ObjectId, i64)]) -> ObjectKind {
    let points = |points: &[(ObjectId, i64)]| {
        points.iter().map(|&(semaphore, value)| SemaphorePoint { semaphore, value }).collect()
    };
    let ObjectKind::GpuJob { hang, locks, uses, fault, .. } = job(run_time) else { unreachable!() };
    ObjectKind::GpuJob { run_time, hang, waits: points(waits), signals: points(signals), locks, uses, fault }
}

/// The same, with locks.
pub(crate) fn locking(run_time: i64, locks: &[ObjectId]) -> ObjectKind {
    let ObjectKind::GpuJob { hang, waits, signals, uses, fault, .. } = job(run_time) else { unreachable!() };
    ObjectKind::GpuJob { run_time, hang, waits, signals, locks: locks.to_vec(), uses, fault }
}

/// An engine without an interrupt.
pub(crate) fn engine(story: &mut Story, name: &str, gpu: Option<ObjectId>, preemption: bool) -> ObjectId {
    story.build.object(name, ObjectKind::Engine { irq: None, gpu, preemption })
}

pub(crate) fn ring(story: &mut Story, name: &str, engine: ObjectId) -> ObjectId {
    story.build.object(name, ObjectKind::Ring { engine, slots: 4, irq: None })
}

/// An interrupt line whose handler leaves this mark.
pub(crate) fn irq(story: &mut Story, name: &str) -> ObjectId {
    let mark = story.mark(name);
    let handler = story.build.program(name, &[], vec![mark]);
    story.build.object(name, ObjectKind::Irq { handler: Some(handler), thread: None })
}

pub(crate) fn emit(ring: ObjectId, work: ObjectId) -> Stmt {
    op(Op::RingEmit, &[obj(ring), obj(work), Arg::Null])
}

pub(crate) fn sleep(nanoseconds: i64) -> Stmt {
    op(Op::Msleep, &[Arg::Int(nanoseconds)])
}

/// What the GPU did, `time event where`, without what was put on its rings.
pub(crate) fn history(outcome: &Outcome<'_>) -> Vec<String> {
    let (mut now, mut lines) = (0, Vec::new());
    for event in &outcome.events {
        match event.kind {
            EventKind::Time(time) => now = time,
            EventKind::Gpu(GpuEvent::Emit(_), _) => {}
            EventKind::Gpu(what, on) => {
                let what = match what {
                    GpuEvent::Begin(_) => "begin".into(),
                    GpuEvent::Preempt(_) => "preempt".into(),
                    GpuEvent::Fault(_) => "fault".into(),
                    GpuEvent::Hang(_) => "hang".into(),
                    GpuEvent::Complete(_) => "complete".into(),
                    GpuEvent::Lost(_) => "lost".into(),
                    other => format!("{other:?}"),
                };
                lines.push(format!("{now} {what} {}", outcome.plan.object_name(on.kind, on.index)));
            }
            _ => {}
        }
    }
    lines
}

/// What the GPU did in one execution.
pub(crate) fn told(story: &Story) -> Vec<String> {
    history(&once(&story.plan()))
}

/// At which times each hard interrupt's handler ran.
pub(crate) fn interrupts(plan: &Plan, outcome: &Outcome<'_>) -> Vec<(u64, String)> {
    let (mut now, mut times) = (0, Vec::new());
    for event in &outcome.events {
        match event.kind {
            EventKind::Time(time) => now = time,
            EventKind::Acquire(lock, _) => {
                let name = plan.lock_name(&outcome.world, lock.raw());
                times.extend(name.strip_prefix('!').map(|mark| (now, mark.to_owned())));
            }
            _ => {}
        }
    }
    times
}
