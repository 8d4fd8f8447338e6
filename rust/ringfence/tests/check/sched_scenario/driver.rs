//! What drivers do: running, preparing, freeing, cancelling jobs, and recovering from timeouts.

use ringfence::model::KernelVersion;
use ringfence_base::scenario::{Arg, Kind, Op, Stmt};
use ringfence_base::{Gfp, ObjectId, ProgramId};

use super::{Device, FENCE, JOB, Scene, choose, give, locked, r, when, when_else};
use crate::build::{obj, op, op_out};

/// `DRM_GPU_SCHED_STAT_NOMINAL`, `_ENODEV`, `_NO_HANG`.
const NOMINAL: Arg = Arg::Int(1);
const ENODEV: Arg = Arg::Int(2);
const NO_HANG: Arg = Arg::Int(3);

impl Scene {
    /// Registers: the job, its fence, an error, a number, memory.
    pub(super) fn run_job(&mut self, device: &Device) -> ProgramId {
        let ring = self.emits(device);
        let body = match self.rng.below(20) {
            0 => vec![give(Arg::Null)],
            1 => vec![give(Arg::Int(-5))],
            2 => signaled(device),
            3..6 => {
                let fails = vec![give(Arg::Int(-12))];
                let gfp = *self.rng.pick(&[Gfp::NOWAIT, Gfp::KERNEL, Gfp::NOFS]);
                let mut body = vec![
                    op_out(Op::Kmalloc, &[Arg::Gfp(gfp)], 4),
                    when_else(r(4), vec![op(Op::Kfree, &[r(4)])], fails),
                ];
                body.extend(ring);
                body
            }
            6..9 => {
                let other = [vec![give(Arg::Null)], vec![give(Arg::Int(-5))], signaled(device)];
                let other = other[self.rng.below(3)].clone();
                let mut body = vec![choose(3, 3), when_else(r(3), Vec::new(), other)];
                body.extend(ring);
                body
            }
            _ => ring,
        };
        let registers = [JOB, FENCE, Kind::Errno, Kind::Int, Kind::Memory];
        self.build.handler("run_job", 1, &registers, Some(Kind::FenceOrErr), body)
    }

    /// Puts the job on the ring, which has a reference to its fence until that is completed.
    fn emits(&mut self, device: &Device) -> Vec<Stmt> {
        let failed = vec![op(Op::DmaFencePut, &[r(1)]), op(Op::DmaFencePut, &[r(1)]), give(r(2))];
        let mut body =
            vec![op_out(Op::DmaFenceInit, &[obj(device.timeline)], 1), op(Op::DmaFenceGet, &[r(1)])];
        let emit = vec![op_out(Op::RingEmit, &[obj(device.ring), r(0), r(1)], 2)];
        body.extend(locked(device.lock, emit));
        body.extend([when(r(2), failed), give(r(1))]);
        body
    }

    /// Now and then it waits for what is in a syncobj, but not for ever.
    pub(super) fn prepare_job(&mut self, times: ObjectId) -> ProgramId {
        let syncobj = self.one(&self.syncobjs.clone());
        let found = vec![op_out(Op::SyncobjFound, &[], 2), give(r(2))];
        let look = vec![
            op_out(Op::SyncobjFindFence, &[obj(syncobj), Arg::Int(0), Arg::Int(0)], 3),
            when_else(r(3), Vec::new(), found),
        ];
        let body = vec![
            op_out(Op::CellAdd, &[obj(times), Arg::Int(1)], 4),
            op_out(Op::Lt, &[r(4), Arg::Int(5)], 4),
            when(r(4), look),
            give(Arg::Null),
        ];
        let registers = [JOB, Kind::SchedEntity, FENCE, Kind::Errno, Kind::Int];
        self.build.handler("prepare_job", 2, &registers, Some(FENCE), body)
    }

    pub(super) fn free_job(&mut self, device: &Device) -> ProgramId {
        let free = vec![op(Op::DrmSchedJobCleanup, &[r(0)]), op(Op::DrmSchedJobFree, &[r(0)])];
        let body = if self.percent(30) { locked(device.lock, free) } else { free };
        self.build.handler("free_job", 1, &[JOB], None, body)
    }

    pub(super) fn cancel_job(&mut self) -> ProgramId {
        self.build.handler("cancel_job", 1, &ENDING, None, end_with(-125))
    }

    pub(super) fn update_job_credits(&mut self) -> ProgramId {
        let body = match self.rng.below(3) {
            0 => vec![give(Arg::Int(2))],
            1 => vec![choose(3, 1), op_out(Op::Add, &[r(1), Arg::Int(1)], 1), give(r(1))],
            _ => vec![choose(3, 1), give(r(1))],
        };
        self.build.handler("update_job_credits", 1, &[JOB, Kind::Int], Some(Kind::Int), body)
    }

    /// Recovery, in one of the usual ways. Registers as in [`ENDING`].
    pub(super) fn timedout_job(&mut self, device: &Device) -> ProgramId {
        let mut body = if self.percent(60) {
            vec![self.recovers(device)]
        } else {
            // By kind of hang.
            let (one, other) = (self.recovers(device), self.recovers(device));
            vec![vec![choose(2, 3), when_else(r(3), one, other)]]
        };
        let body = body.pop().expect("there is one");
        let mut body = if self.percent(30) { locked(device.lock, body) } else { body };
        body.push(give(NOMINAL));
        self.build.handler("timedout_job", 1, &ENDING, Some(Kind::Int), body)
    }

    /// Ends with what it returns, or not at all.
    fn recovers(&mut self, device: &Device) -> Vec<Stmt> {
        let (sched, gpu, ring) = (obj(device.sched), obj(device.gpu), obj(device.ring));
        let stop = op(Op::DrmSchedStop, &[sched.clone(), r(0)]);
        let start = |error| op(Op::DrmSchedStart, &[obj(device.sched), Arg::Int(error)]);
        let engine_reset = op_out(Op::GpuEngineReset, &[ring.clone(), r(0)], 4);
        match self.rng.below(10) {
            // The guilty job ends, all others go on.
            0 | 1 => {
                let mut body = vec![stop, engine_reset];
                body.extend(end_with(-62));
                body.push(start(0));
                body
            }
            // Everybody runs again.
            2..4 => vec![
                stop,
                op(Op::DrmSchedIncreaseKarma, &[r(0)]),
                engine_reset,
                op(Op::RingClear, &[ring]),
                op(Op::DrmSchedResubmitJobs, &[sched]),
                start(0),
            ],
            // Everybody loses; a GPU that does not come back is given up.
            4..6 => vec![
                stop,
                op_out(Op::GpuReset, &[gpu.clone()], 4),
                when(r(4), vec![op(Op::GpuWedge, &[gpu])]),
                start(-62),
            ],
            6 => self.lets_it_go_on(device),
            7 => vec![op(Op::GpuWedge, &[gpu]), stop, start(-19)],
            // As the kernel's mock scheduler does.
            8 => {
                let mut body = vec![engine_reset];
                body.extend(end_with(-110));
                body.extend([op(Op::DrmSchedJobCleanup, &[r(0)]), op(Op::DrmSchedJobFree, &[r(0)])]);
                body
            }
            _ => Vec::new(),
        }
    }

    fn lets_it_go_on(&self, device: &Device) -> Vec<Stmt> {
        if device.lock.is_some() {
            // It may hold it.
            return vec![op(Op::DrmSchedInsertPendingJob, &[r(0)])];
        }
        match self.version {
            KernelVersion::Next => vec![give(NO_HANG)],
            KernelVersion::V6_12 => vec![op(Op::GpuWedge, &[obj(device.gpu)]), give(ENODEV)],
        }
    }
}

/// Registers: a job, its fence, a cookie, a number, an error.
const ENDING: [Kind; 5] = [JOB, FENCE, Kind::Cookie, Kind::Int, Kind::Errno];

/// Ends the job in register 0 with an error, unless the hardware is done with it.
fn end_with(error: i64) -> Vec<Stmt> {
    let signal =
        vec![op(Op::DmaFenceSetError, &[r(1), Arg::Int(error)]), op(Op::DmaFenceSignalLocked, &[r(1)])];
    let end = vec![
        op(Op::DmaFenceGet, &[r(1)]),
        op_out(Op::DmaFenceLock, &[r(1)], 2),
        op_out(Op::DmaFenceIsSignaledLocked, &[r(1)], 3),
        when_else(r(3), Vec::new(), signal),
        op(Op::DmaFenceUnlock, &[r(1), r(2)]),
        op(Op::DmaFencePut, &[r(1)]),
    ];
    vec![op_out(Op::DrmSchedJobParent, &[r(0)], 1), when(r(1), end)]
}

/// The job was done before anybody asked.
fn signaled(device: &Device) -> Vec<Stmt> {
    vec![op_out(Op::DmaFenceInit, &[obj(device.timeline)], 1), op(Op::DmaFenceSignal, &[r(1)]), give(r(1))]
}
