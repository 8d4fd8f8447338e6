//! The objects of a recording: two schedulers, whose driver is a mock, and everything around them.

use ringfence_base::scenario::{
    Arg, GpuHang, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, SchedPolicy, Stmt,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};
use serde::Deserialize;

use super::op::{OUTSIDE, RunJob, SCHEDS};

/// What the driver does about a job that hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Recovery {
    /// Everything that was on the ring is given up.
    Cancel,
    /// Everything that was on the ring runs once more.
    Resubmit,
    /// Nothing: the device is gone.
    Enodev,
}

impl Recovery {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Resubmit => "resubmit",
            Self::Enodev => "enodev",
        }
    }
}

/// A scenario, and which of its objects is what.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) scenario: Scenario,
    pub(super) scheds: Vec<ObjectId>,
    /// Per scheduler, a mutex that its `run_job` says it might lock: that tells whose it is.
    pub(super) marks: Vec<String>,
    pub(super) entities: Vec<ObjectId>,
    /// One for each way in which `run_job` can end.
    pub(super) works: Vec<ObjectId>,
    /// Timelines of the outside fences; each has its own.
    pub(super) outside: Vec<ObjectId>,
}

/// `-EIO`.
const EIO: i64 = -5;
/// `DRM_GPU_SCHED_STAT_NOMINAL`.
const NOMINAL: i64 = 1;
/// `DRM_GPU_SCHED_STAT_ENODEV`.
const ENODEV: i64 = 2;

/// Registers of the driver's programs.
const JOB: Arg = Arg::Register(0);
const FENCE: u16 = 1;
const ANSWER: u16 = 2;

impl Declared {
    pub(super) fn new(policy: SchedPolicy, recovery: Recovery, credit_limit: u32, entities: &[u64]) -> Self {
        let mut declared = Self::default();
        for (_, name) in RunJob::ALL {
            let id = declared.object(name.into(), work());
            declared.works.push(id);
        }
        for number in 0..OUTSIDE {
            let id = declared.object(format!("outside{number}"), timeline());
            declared.outside.push(id);
        }
        for entity in entities {
            let kind = ObjectKind::SchedEntity { scheds: Vec::new(), priority: 2, guilty: None };
            let id = declared.object(format!("entity{entity}"), kind);
            declared.entities.push(id);
        }
        let free_job = declared.free_job();
        for number in 0..SCHEDS {
            let mark = format!("run_job of sched{number}");
            let run_job = declared.run_job(&mark, number);
            declared.marks.push(mark);
            // A program names the scheduler that it is about to belong to.
            let sched = ObjectId::new(declared.scenario.objects.len());
            let timedout_job = declared.timedout_job(sched, recovery);
            let kind = drm_sched(policy, credit_limit, run_job, timedout_job, free_job);
            declared.object(format!("sched{number}"), kind);
            declared.scheds.push(sched);
        }
        declared
    }

    fn object(&mut self, name: String, kind: ObjectKind) -> ObjectId {
        self.scenario.objects.push(Object { name, kind, driver: None, at: SiteId::UNKNOWN });
        ObjectId::new(self.scenario.objects.len() - 1)
    }

    /// A program that takes a job.
    fn program(&mut self, name: &str, result: Option<Kind>, body: Vec<Stmt>) -> ProgramId {
        let registers = vec![Kind::SchedJob, Kind::Fence, Kind::Int];
        let name = format!("{name}{}", self.scenario.programs.len());
        self.scenario.programs.push(Program { name, params: 1, registers, result, driver: None, body });
        ProgramId::new(self.scenario.programs.len() - 1)
    }

    fn free_job(&mut self) -> ProgramId {
        let body = vec![op(Op::DrmSchedJobCleanup, vec![JOB]), op(Op::DrmSchedJobFree, vec![JOB])];
        self.program("free_job", None, body)
    }

    /// A fence that goes on the ring has a reference for it, too.
    fn run_job(&mut self, mark: &str, number: usize) -> ProgramId {
        let mark = self.object(mark.into(), ObjectKind::Mutex { class: None });
        let timeline = self.object(format!("ring{number}"), timeline());
        let mut body = vec![op(Op::MightLock, vec![Arg::Object(mark)])];
        let is = |wanted: RunJob, then: Vec<Stmt>| {
            let work = self.works[wanted.index()];
            let ask = op_out(Op::DrmSchedJobIs, vec![JOB, Arg::Object(work)], ANSWER);
            let cond = Arg::Register(ANSWER);
            [ask, Stmt::If { cond, then, otherwise: Vec::new(), at: SiteId::UNKNOWN }]
        };
        body.extend(is(RunJob::Null, vec![returns(Arg::Null)]));
        body.extend(is(RunJob::Error, vec![returns(Arg::Int(EIO))]));
        let fence = Arg::Register(FENCE);
        body.push(op_out(Op::DmaFenceInit, vec![Arg::Object(timeline)], FENCE));
        let signaled = vec![op(Op::DmaFenceSignal, vec![fence.clone()]), returns(fence.clone())];
        body.extend(is(RunJob::HwSignaled, signaled));
        body.push(op(Op::DmaFenceGet, vec![fence.clone()]));
        body.push(returns(fence));
        self.program("run_job", Some(Kind::FenceOrErr), body)
    }

    /// That the ring is emptied meanwhile is up to whoever replays.
    fn timedout_job(&mut self, sched: ObjectId, recovery: Recovery) -> ProgramId {
        let sched = Arg::Object(sched);
        let stop = op(Op::DrmSchedStop, vec![sched.clone(), JOB]);
        let start = op(Op::DrmSchedStart, vec![sched.clone(), Arg::Int(0)]);
        let body = match recovery {
            Recovery::Cancel => vec![stop, start, returns(Arg::Int(NOMINAL))],
            Recovery::Resubmit => {
                let karma = op(Op::DrmSchedIncreaseKarma, vec![JOB]);
                let resubmit = op(Op::DrmSchedResubmitJobs, vec![sched]);
                vec![stop, karma, resubmit, start, returns(Arg::Int(NOMINAL))]
            }
            Recovery::Enodev => vec![returns(Arg::Int(ENODEV))],
        };
        self.program("timedout_job", Some(Kind::Int), body)
    }
}

fn drm_sched(
    policy: SchedPolicy,
    credit_limit: u32,
    run_job: ProgramId,
    timedout_job: ProgramId,
    free_job: ProgramId,
) -> ObjectKind {
    ObjectKind::DrmSched {
        run_job,
        prepare_job: None,
        timedout_job: Some(timedout_job),
        free_job,
        cancel_job: None,
        update_job_credits: None,
        credit_limit,
        hang_limit: 0,
        timeout: i64::MAX,
        policy,
        num_rqs: 4,
        submit_wq: None,
        timeout_wq: None,
        without: Vec::new(),
    }
}

/// Nothing runs on a GPU: it only tells jobs apart.
fn work() -> ObjectKind {
    ObjectKind::GpuJob {
        run_time: 0,
        hang: GpuHang::No,
        waits: Vec::new(),
        signals: Vec::new(),
        locks: Vec::new(),
        uses: Vec::new(),
        fault: false,
    }
}

fn timeline() -> ObjectKind {
    ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None }
}

fn op(op: Op, args: Vec<Arg>) -> Stmt {
    Stmt::Op(Operation { op, args, out: None, at: SiteId::UNKNOWN })
}

fn op_out(op: Op, args: Vec<Arg>, out: u16) -> Stmt {
    Stmt::Op(Operation { op, args, out: Some(out), at: SiteId::UNKNOWN })
}

fn returns(value: Arg) -> Stmt {
    Stmt::Return { value: Some(value), at: SiteId::UNKNOWN }
}
