//! What the tests of single functions of the GPU scheduler share: a small driver, and how it went.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, SchedFix, SchedPolicy, Stmt};
use ringfence_base::{ObjectId, ProgramId, SiteId};
use ringfence_model::{Plan, State, World};

use crate::build::{Build, obj, op, op_out};
use crate::ww::R;

/// A number.
pub(crate) const INT: fn(i64) -> Arg = Arg::Int;

/// Registers of its threads: a job, then fences.
pub(crate) const REGISTERS: [Kind; 4] = [Kind::SchedJob, Kind::Fence, Kind::Fence, Kind::Fence];

/// A driver in the making.
#[derive(Default)]
pub(crate) struct Driver {
    pub(crate) build: Build,
}

/// What a scheduler is like.
pub(crate) struct Config {
    pub(crate) run_job: ProgramId,
    pub(crate) free_job: ProgramId,
    pub(crate) timedout_job: Option<ProgramId>,
    pub(crate) update_job_credits: Option<ProgramId>,
    pub(crate) timeout: i64,
    pub(crate) without: Vec<SchedFix>,
}

impl Driver {
    /// A fence that the driver has from the start.
    pub(crate) fn fence(&mut self, name: &str) -> ObjectId {
        let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = self.build.object(&format!("timeline of {name}"), kind);
        self.build.object(name, ObjectKind::Fence { timeline, seqno: None })
    }

    /// A function that takes a job and may return something.
    pub(crate) fn function(&mut self, name: &str, result: Option<Kind>, body: Vec<Stmt>) -> ProgramId {
        self.build.handler(name, 1, &[Kind::SchedJob], result, body)
    }

    /// A scheduler without a timeout, whose jobs complete with that fence; `None`: at once.
    pub(crate) fn config(&mut self, hardware: Option<ObjectId>) -> Config {
        let body = match hardware {
            Some(fence) => vec![op(Op::DmaFenceGet, &[obj(fence)]), give(obj(fence))],
            None => vec![give(Arg::Null)],
        };
        let run_job = self.function("run_job", Some(Kind::Fence), body);
        let free_job = self.function("free_job", None, freeing());
        Config {
            run_job,
            free_job,
            timedout_job: None,
            update_job_credits: None,
            timeout: i64::MAX,
            without: Vec::new(),
        }
    }

    /// The scheduler, which can be named before it is known what it is like.
    pub(crate) fn name_sched(&mut self) -> ObjectId {
        self.build.object("sched", ObjectKind::WaitQueue)
    }

    pub(crate) fn describe(&mut self, sched: ObjectId, config: Config) {
        let Config { run_job, free_job, timedout_job, update_job_credits, timeout, without } = config;
        self.build.scenario.objects[sched.index()].kind = ObjectKind::DrmSched {
            run_job,
            prepare_job: None,
            timedout_job,
            free_job,
            cancel_job: None,
            update_job_credits,
            credit_limit: 8,
            hang_limit: 0,
            timeout,
            policy: SchedPolicy::Fifo,
            num_rqs: 4,
            submit_wq: None,
            timeout_wq: None,
            without,
        };
    }

    pub(crate) fn sched(&mut self, config: Config) -> ObjectId {
        let sched = self.name_sched();
        self.describe(sched, config);
        sched
    }

    pub(crate) fn entity(&mut self, sched: ObjectId) -> ObjectId {
        self.build
            .object("entity", ObjectKind::SchedEntity { scheds: vec![sched], priority: 2, guilty: None })
    }

    pub(crate) fn thread(&mut self, name: &str, body: &[Vec<Stmt>]) {
        self.build.thread(name, &REGISTERS, body.concat());
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan::new(&self.build.scenario).expect("a valid scenario")
    }
}

pub(crate) fn give(value: Arg) -> Stmt {
    Stmt::Return { value: Some(value), at: SiteId::UNKNOWN }
}

/// The job in register 0 goes.
pub(crate) fn freeing() -> Vec<Stmt> {
    vec![op(Op::DrmSchedJobCleanup, &[R(0)]), op(Op::DrmSchedJobFree, &[R(0)])]
}

/// A new job in register 0, and its finished fence in the other one, with a reference. `before`: between its
/// initialisation and the point of no return.
pub(crate) fn submit(entity: ObjectId, finished: u16, before: Vec<Stmt>) -> Vec<Stmt> {
    let mut all = vec![op_out(Op::DrmSchedJobAlloc, &[Arg::Null], 0)];
    all.extend(submit_again(entity, finished, before));
    all
}

/// The same with the memory of a job that is done.
pub(crate) fn submit_again(entity: ObjectId, finished: u16, before: Vec<Stmt>) -> Vec<Stmt> {
    let mut all = vec![op(Op::DrmSchedJobInit, &[R(0), obj(entity), Arg::Int(1)])];
    all.extend(before);
    all.extend([
        op(Op::DrmSchedJobArm, &[R(0)]),
        op_out(Op::DrmSchedJobFinished, &[R(0)], finished),
        op(Op::DmaFenceGet, &[R(finished)]),
        op(Op::DrmSchedEntityPushJob, &[R(0)]),
    ]);
    all
}

/// The job in register 0 depends on that fence.
pub(crate) fn depends(fence: Arg) -> Vec<Stmt> {
    vec![op(Op::DmaFenceGet, std::slice::from_ref(&fence)), op(Op::DrmSchedJobAddDependency, &[R(0), fence])]
}

/// Waits for the fence in a register, and drops the reference.
pub(crate) fn wait(fence: u16) -> Vec<Stmt> {
    vec![op(Op::DmaFenceWait, &[R(fence), Arg::Int(0)]), op(Op::DmaFencePut, &[R(fence)])]
}

/// A millisecond, in which everything else gets as far as it can.
pub(crate) fn pause() -> Vec<Stmt> {
    vec![op(Op::Msleep, &[Arg::Int(1_000_000)])]
}

/// The first so many threads have returned.
pub(crate) fn have_returned(world: &World, threads: usize) -> bool {
    world.threads()[..threads].iter().all(|thread| thread.state() == State::Done)
}
