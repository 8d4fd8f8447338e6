//! What the kernel passes to a program that an object calls, and what it wants back.

use super::{Kind, ObjectKind, SemaphorePoint};
use crate::{ObjectId, ProgramId};

/// How the kernel calls a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Signature {
    /// Name and kind of each parameter; any number will do for a number.
    pub(super) params: &'static [(&'static str, Kind)],
    /// What becomes of the result.
    pub(super) result: Returns,
}

/// What becomes of a program's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Returns {
    /// Nobody looks at it.
    Ignored,
    /// A number, or nothing, which means 0.
    MaybeNumber,
    /// A number.
    Number,
    /// A fence, NULL or nothing.
    Fence,
    /// A fence, NULL, nothing, or a negative errno.
    FenceOrError,
}

/// A field of an object that names a program.
pub(super) struct Handler {
    /// The field.
    pub(super) field: &'static str,
    /// The program.
    pub(super) program: ProgramId,
    /// How it is called.
    pub(super) signature: Signature,
}

const fn signature(params: &'static [(&'static str, Kind)], result: Returns) -> Signature {
    Signature { params, result }
}

const FUNCTION: Signature = signature(&[], Returns::Ignored);
const IRQ_HANDLER: Signature = signature(&[], Returns::MaybeNumber);
const COUNT: Signature = signature(&[], Returns::Number);
const SCAN: Signature = signature(&[("nr_to_scan", Kind::Int)], Returns::Number);
const INVALIDATE_START: Signature = signature(&[("blockable", Kind::Int)], Returns::Number);
const INVALIDATE: Signature =
    signature(&[("blockable", Kind::Int), ("cur_seq", Kind::Seqno)], Returns::Number);
const OF_FENCE: Signature = signature(&[("fence", Kind::Fence)], Returns::Ignored);
const ASK_FENCE: Signature = signature(&[("fence", Kind::Fence)], Returns::Number);
const OF_JOB: Signature = signature(&[("job", Kind::SchedJob)], Returns::Ignored);
const ASK_JOB: Signature = signature(&[("job", Kind::SchedJob)], Returns::Number);
const RUN_JOB: Signature = signature(&[("job", Kind::SchedJob)], Returns::FenceOrError);
const PREPARE_JOB: Signature =
    signature(&[("job", Kind::SchedJob), ("entity", Kind::SchedEntity)], Returns::Fence);
const SET_DEADLINE: Signature =
    signature(&[("fence", Kind::Fence), ("deadline", Kind::Nanos)], Returns::Ignored);

/// The programs that an object calls.
pub(super) fn handlers(kind: &ObjectKind) -> Vec<Handler> {
    let of = |fields: &[(&'static str, Option<ProgramId>, Signature)]| -> Vec<Handler> {
        let handler = |&(field, program, signature): &(&'static str, Option<ProgramId>, Signature)| {
            program.map(|program| Handler { field, program, signature })
        };
        fields.iter().filter_map(handler).collect()
    };
    match *kind {
        ObjectKind::Work { function }
        | ObjectKind::DelayedWork { function }
        | ObjectKind::KthreadWork { function }
        | ObjectKind::Timer { function, .. }
        | ObjectKind::Tasklet { function }
        | ObjectKind::IrqWork { function }
        | ObjectKind::RcuHead { function } => of(&[("function", Some(function), FUNCTION)]),
        ObjectKind::FenceCb { function } => of(&[("function", Some(function), OF_FENCE)]),
        ObjectKind::Irq { handler, thread } => {
            of(&[("handler", handler, IRQ_HANDLER), ("thread", thread, FUNCTION)])
        }
        ObjectKind::Shrinker { count, scan, .. } => {
            of(&[("count", Some(count), COUNT), ("scan", Some(scan), SCAN)])
        }
        ObjectKind::MmuNotifier { invalidate, release, .. } => {
            of(&[("invalidate", invalidate, INVALIDATE_START), ("release", release, FUNCTION)])
        }
        ObjectKind::IntervalNotifier { invalidate, .. } => {
            of(&[("invalidate", Some(invalidate), INVALIDATE)])
        }
        ObjectKind::FenceOps { enable_signaling, signaled, wait, release, set_deadline, .. } => of(&[
            ("enable_signaling", enable_signaling, ASK_FENCE),
            ("signaled", signaled, ASK_FENCE),
            ("wait", wait, ASK_FENCE),
            ("release", release, OF_FENCE),
            ("set_deadline", set_deadline, SET_DEADLINE),
        ]),
        ObjectKind::DrmSched {
            run_job,
            prepare_job,
            timedout_job,
            free_job,
            cancel_job,
            update_job_credits,
            ..
        } => of(&[
            ("run_job", Some(run_job), RUN_JOB),
            ("prepare_job", prepare_job, PREPARE_JOB),
            ("timedout_job", timedout_job, ASK_JOB),
            ("free_job", Some(free_job), OF_JOB),
            ("cancel_job", cancel_job, OF_JOB),
            ("update_job_credits", update_job_credits, ASK_JOB),
        ]),
        _ => Vec::new(),
    }
}

/// The objects that an object refers to: the field, which one, and what it has to be.
pub(super) fn references(kind: &ObjectKind) -> Vec<(&'static str, ObjectId, &'static [Kind])> {
    match kind {
        &ObjectKind::WwMutex { class } => vec![("class", class, &[Kind::WwClass])],
        &ObjectKind::UserRange { mm } | &ObjectKind::MmuNotifier { mm, .. } => vec![("mm", mm, &[Kind::Mm])],
        &ObjectKind::IntervalNotifier { range, .. } => vec![("range", range, &[Kind::UserRange])],
        &ObjectKind::Fence { timeline, .. } => vec![("timeline", timeline, &[Kind::Timeline])],
        &ObjectKind::Engine { irq, gpu, .. } => {
            let irq = irq.map(|irq| ("irq", irq, &[Kind::Irq][..]));
            let gpu = gpu.map(|gpu| ("gpu", gpu, &[Kind::Gpu][..]));
            irq.into_iter().chain(gpu).collect()
        }
        &ObjectKind::Ring { engine, irq, .. } => {
            let irq = irq.map(|irq| ("irq", irq, &[Kind::Irq][..]));
            [("engine", engine, &[Kind::Engine][..])].into_iter().chain(irq).collect()
        }
        &ObjectKind::Timeline { lock, ops, .. } => {
            let lock = lock.map(|lock| ("lock", lock, &[Kind::Spinlock, Kind::RawSpinlock][..]));
            let ops = ops.map(|ops| ("ops", ops, &[Kind::FenceOps][..]));
            lock.into_iter().chain(ops).collect()
        }
        ObjectKind::GpuJob { waits, signals, locks, uses, .. } => {
            let point =
                |field| move |point: &SemaphorePoint| (field, point.semaphore, &[Kind::GpuSemaphore][..]);
            let waits = waits.iter().map(point("waits"));
            let signals = signals.iter().map(point("signals"));
            let locks = locks.iter().map(|&lock| ("locks", lock, &[Kind::GpuLock][..]));
            let uses = uses.iter().map(|&range| ("uses", range, &[Kind::UserRange][..]));
            waits.chain(signals).chain(locks).chain(uses).collect()
        }
        &ObjectKind::DrmSched { submit_wq, timeout_wq, .. } => {
            let submit_wq = submit_wq.map(|wq| ("submit_wq", wq, &[Kind::Workqueue][..]));
            let timeout_wq = timeout_wq.map(|wq| ("timeout_wq", wq, &[Kind::Workqueue][..]));
            submit_wq.into_iter().chain(timeout_wq).collect()
        }
        ObjectKind::SchedEntity { scheds, guilty, .. } => {
            let scheds = scheds.iter().map(|&sched| ("scheds", sched, &[Kind::DrmSched][..]));
            scheds.chain(guilty.map(|cell| ("guilty", cell, &[Kind::Cell][..]))).collect()
        }
        _ => Vec::new(),
    }
}
