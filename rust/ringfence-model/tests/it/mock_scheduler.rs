//! A mock driver for the GPU scheduler, as in `drivers/gpu/drm/scheduler/tests/`: its hardware completes jobs in order,
//! after the time that each takes, or when the test says so.

use ringfence_base::scenario::{Arg, GpuHang, Kind, ObjectKind, Op, SchedPolicy, Stmt};
use ringfence_base::{ObjectId, ProgramId, SiteId};
use ringfence_model::KernelVersion;

use crate::build::{Build, obj, op, op_out};
use crate::mock_test::Test;
use crate::ww::{BREAK, R, forever, when};

/// A second.
pub(crate) const HZ: i64 = 1_000_000_000;
/// How long a job takes, unless something else is said.
pub(crate) const JOB: i64 = HZ / 1_000;
/// The timeout of schedulers that have one.
pub(crate) const MOCK_TIMEOUT: i64 = HZ / 5;

pub(crate) const ECANCELED: i32 = -125;
pub(crate) const ETIMEDOUT: i32 = -110;
pub(crate) const ESRCH: i32 = -3;

/// `enum drm_sched_priority`, highest first.
pub(crate) const PRIORITIES: [u32; 4] = [0, 1, 2, 3];
pub(crate) const NORMAL: u32 = 2;

pub(crate) const BOTH_VERSIONS: [KernelVersion; 2] = [KernelVersion::V6_12, KernelVersion::Next];

/// `DRM_GPU_SCHED_STAT_NOMINAL`, later called `DRM_GPU_SCHED_STAT_RESET`.
const STAT_RESET: i64 = 1;
/// `DRM_GPU_SCHED_STAT_NO_HANG` (since 6.17).
const STAT_NO_HANG: i64 = 3;

/// When the hardware completes a job.
#[derive(Clone)]
pub(crate) enum Hardware {
    /// When the test says so.
    Manual,
    /// After so many nanoseconds, one after the other.
    Each(i64),
    /// After what each work takes.
    Of(Vec<Work>),
}

/// A work, and how long it takes; [`i64::MAX`]: it hangs.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) id: ObjectId,
    run_time: i64,
}

/// What `timedout_job` does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnTimeout {
    /// Resets the hardware and ends the job with -ETIMEDOUT.
    Reset,
    /// Lets it go on.
    Skip,
}

/// What a mock scheduler is like.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) hardware: Hardware,
    pub(crate) timeout: i64,
    pub(crate) on_timeout: OnTimeout,
    pub(crate) credit_limit: u32,
    pub(crate) policy: SchedPolicy,
}

impl Config {
    /// Without a timeout or a limit.
    pub(crate) fn new(hardware: Hardware) -> Self {
        Self {
            hardware,
            timeout: i64::MAX,
            on_timeout: OnTimeout::Reset,
            credit_limit: u32::MAX,
            policy: SchedPolicy::Fifo,
        }
    }

    /// With [`MOCK_TIMEOUT`].
    pub(crate) fn with_timeout(hardware: Hardware, on_timeout: OnTimeout) -> Self {
        Self { timeout: MOCK_TIMEOUT, on_timeout, ..Self::new(hardware) }
    }

    pub(crate) fn with_limit(hardware: Hardware, credit_limit: u32) -> Self {
        Self { credit_limit, ..Self::new(hardware) }
    }
}

/// A job that some thread of the scenario submits.
pub(crate) struct Declared {
    /// Number of that thread.
    pub(crate) thread: usize,
    pub(crate) entity: ObjectId,
    pub(crate) credits: i64,
    /// The job that it waits for.
    pub(crate) after: Option<usize>,
}

/// A scenario in the making.
pub(crate) struct Mock {
    pub(crate) build: Build,
    pub(crate) version: KernelVersion,
    /// How many jobs were freed, and how many threads are done; whoever waits for either does it here.
    pub(crate) freed: ObjectId,
    pub(crate) done: ObjectId,
    pub(crate) queue: ObjectId,
    /// How often `timedout_job` was called.
    pub(crate) timeouts: ObjectId,
    /// In the order of their numbers; those of a thread in the order in which it submits them.
    pub(crate) jobs: Vec<Declared>,
}

impl Mock {
    pub(crate) fn new(version: KernelVersion) -> Self {
        let mut build = Build::default();
        let mut cell = |name| build.object(name, ObjectKind::Cell { init: 0 });
        let (freed, done, timeouts) = (cell("freed"), cell("done"), cell("timeouts"));
        let queue = build.object("queue", ObjectKind::WaitQueue);
        Self { build, version, freed, done, queue, timeouts, jobs: Vec::new() }
    }

    /// A work for [`Hardware::Of`].
    pub(crate) fn work(&mut self, run_time: i64) -> Work {
        let hang = if run_time == i64::MAX { GpuHang::Infinite } else { GpuHang::No };
        let kind = ObjectKind::GpuJob {
            run_time,
            hang,
            waits: Vec::new(),
            signals: Vec::new(),
            locks: Vec::new(),
            uses: Vec::new(),
            fault: false,
        };
        Work { id: self.build.object("work", kind), run_time }
    }

    /// `drm_mock_sched_new()`.
    pub(crate) fn scheduler(&mut self, config: &Config) -> ObjectId {
        let engine = self.engine();
        let run_job = self.run_job(engine, &config.hardware);
        let kind = ObjectKind::DrmSched {
            run_job,
            prepare_job: None,
            timedout_job: Some(self.timedout_job(engine, config)),
            free_job: self.free_job(),
            cancel_job: Some(self.cancel_job()),
            update_job_credits: None,
            credit_limit: config.credit_limit,
            hang_limit: 1,
            timeout: config.timeout,
            policy: config.policy,
            num_rqs: 4,
            submit_wq: None,
            timeout_wq: None,
            without: Vec::new(),
        };
        self.build.object("drm-mock-scheduler", kind)
    }

    /// `drm_mock_sched_entity_new()`.
    pub(crate) fn entity(&mut self, sched: ObjectId, priority: u32) -> ObjectId {
        self.entity_on(&[sched], priority)
    }

    /// With several schedulers to choose from.
    pub(crate) fn entity_on(&mut self, scheds: &[ObjectId], priority: u32) -> ObjectId {
        let kind = ObjectKind::SchedEntity { scheds: scheds.to_vec(), priority, guilty: None };
        self.build.object("entity", kind)
    }

    pub(crate) fn entities(&mut self, sched: ObjectId, count: usize) -> Vec<ObjectId> {
        (0..count).map(|_| self.entity(sched, NORMAL)).collect()
    }

    /// A thread of the test.
    pub(crate) fn thread<T>(&mut self, name: &str, body: impl FnOnce(&mut Test<'_>) -> T) -> T {
        let mut test = Test::new(self);
        let result = body(&mut test);
        let (registers, statements) = test.finish();
        self.build.thread(name, &registers, statements);
        result
    }

    /// The hardware: completes in order, and signals from its interrupt. It has a reference to what it is at.
    fn engine(&mut self) -> ObjectId {
        let irq = self.build.object("irq", ObjectKind::Irq { handler: None, thread: None });
        let kind = ObjectKind::Engine { irq: Some(irq), gpu: None, preemption: false };
        let engine = self.build.object("engine", kind);
        let signal = vec![op(Op::DmaFenceSignal, &[R(0)]), op(Op::DmaFencePut, &[R(0)])];
        let turn = vec![
            op_out(Op::EngineCompleted, &[obj(engine)], 0),
            Stmt::If { cond: R(0), then: signal, otherwise: vec![BREAK], at: SiteId::UNKNOWN },
        ];
        let handler = self.build.program("mock_sched_irq", &[Kind::Fence], vec![forever(turn)]);
        let kind = ObjectKind::Irq { handler: Some(handler), thread: None };
        self.build.scenario.objects[irq.index()].kind = kind;
        engine
    }

    /// `mock_sched_run_job()`.
    fn run_job(&mut self, engine: ObjectId, hardware: &Hardware) -> ProgramId {
        let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = self.build.object("hw_timeline", kind);
        let submit = |run_time| {
            vec![op(Op::DmaFenceGet, &[R(1)]), op(Op::EngineSubmit, &[obj(engine), R(1), Arg::Int(run_time)])]
        };
        let mut body = vec![op_out(Op::DmaFenceInit, &[obj(timeline)], 1)];
        match hardware {
            Hardware::Manual => {}
            Hardware::Each(run_time) => body.extend(submit(*run_time)),
            Hardware::Of(works) => {
                for &Work { id, run_time } in works {
                    body.push(op_out(Op::DrmSchedJobIs, &[R(0), obj(id)], 2));
                    body.push(when(R(2), submit(run_time)));
                }
            }
        }
        body.push(give(R(1)));
        let registers = [Kind::SchedJob, Kind::Fence, Kind::Int];
        self.build.handler("mock_sched_run_job", 1, &registers, Some(Kind::Fence), body)
    }

    /// `mock_sched_free_job()`.
    fn free_job(&mut self) -> ProgramId {
        let body = self.freeing();
        self.build.handler("mock_sched_free_job", 1, &[Kind::SchedJob], None, body)
    }

    fn freeing(&self) -> Vec<Stmt> {
        vec![
            op(Op::DrmSchedJobCleanup, &[R(0)]),
            op(Op::DrmSchedJobFree, &[R(0)]),
            op(Op::CellAdd, &[obj(self.freed), Arg::Int(1)]),
            op(Op::WakeUp, &[obj(self.queue)]),
        ]
    }

    /// `mock_sched_timedout_job()`.
    fn timedout_job(&mut self, engine: ObjectId, config: &Config) -> ProgramId {
        let mut body = vec![op(Op::CellAdd, &[obj(self.timeouts), Arg::Int(1)])];
        let status = match config.on_timeout {
            OnTimeout::Reset => {
                let reset = match config.hardware {
                    Hardware::Manual => Vec::new(),
                    Hardware::Each(_) | Hardware::Of(_) => {
                        vec![op(Op::EngineReset, &[obj(engine)]), op(Op::DmaFencePut, &[R(1)])]
                    }
                };
                body.extend(end_with(ETIMEDOUT, reset));
                body.extend(self.freeing());
                STAT_RESET
            }
            OnTimeout::Skip if self.version == KernelVersion::Next => STAT_NO_HANG,
            OnTimeout::Skip => {
                body.push(op(Op::DrmSchedInsertPendingJob, &[R(0)]));
                STAT_RESET
            }
        };
        body.push(give(Arg::Int(status)));
        self.build.handler("mock_sched_timedout_job", 1, &ENDING, Some(Kind::Int), body)
    }

    /// `mock_sched_cancel_job()`.
    fn cancel_job(&mut self) -> ProgramId {
        let body = end_with(ECANCELED, Vec::new());
        self.build.handler("mock_sched_cancel_job", 1, &ENDING, None, body)
    }
}

/// Registers of [`end_with`].
const ENDING: [Kind; 4] = [Kind::SchedJob, Kind::Fence, Kind::Cookie, Kind::Int];

/// Ends the job in register 0 with an error, unless the hardware is done with it. `reset` comes before: once the fence
/// is signaled, the next job can be on the hardware.
fn end_with(error: i32, reset: Vec<Stmt>) -> Vec<Stmt> {
    let mut signal = reset;
    signal.push(op(Op::DmaFenceSetError, &[R(1), Arg::Int(error.into())]));
    signal.push(op(Op::DmaFenceSignalLocked, &[R(1)]));
    vec![
        op_out(Op::DrmSchedJobParent, &[R(0)], 1),
        op_out(Op::DmaFenceLock, &[R(1)], 2),
        op_out(Op::DmaFenceIsSignaledLocked, &[R(1)], 3),
        op_out(Op::Not, &[R(3)], 3),
        when(R(3), signal),
        op(Op::DmaFenceUnlock, &[R(1), R(2)]),
    ]
}

fn give(value: Arg) -> Stmt {
    Stmt::Return { value: Some(value), at: SiteId::UNKNOWN }
}
