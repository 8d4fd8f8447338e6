//! A driver with the GPU scheduler, for tests of what its recovery does.

use ringfence::check::{Options, Report, check};
use ringfence_base::scenario::{Arg, GpuHang, Kind, ObjectKind, Op, SchedPolicy, Stmt};
use ringfence_base::{ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};

pub(crate) const MS: i64 = 1_000_000;
pub(crate) const NORMAL: u32 = 2;
pub(crate) const HIGH: u32 = 1;
const ETIME: i64 = 62;

/// A GPU with one ring and a scheduler in front of it.
pub(crate) struct Card {
    pub(crate) build: Build,
    pub(crate) ring: ObjectId,
    pub(crate) sched: ObjectId,
    /// How many statements threads have used registers for.
    registers: Vec<Kind>,
}

/// What a card is like.
pub(crate) struct Config {
    pub(crate) engine_reset: bool,
    pub(crate) full_reset: bool,
    pub(crate) timeout: i64,
    pub(crate) credits: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { engine_reset: true, full_reset: true, timeout: 500 * MS, credits: 8 }
    }
}

pub(crate) fn r(number: u16) -> Arg {
    Arg::Register(number)
}

pub(crate) fn when(cond: Arg, then: Vec<Stmt>) -> Stmt {
    Stmt::If { cond, then, otherwise: Vec::new(), at: SiteId::UNKNOWN }
}

fn give(value: Arg) -> Stmt {
    Stmt::Return { value: Some(value), at: SiteId::UNKNOWN }
}

/// Registers of a timeout handler behind the job: fences, numbers.
const HANDLER: [Kind; 5] = [Kind::SchedJob, Kind::Fence, Kind::Int, Kind::Int, Kind::Errno];

impl Card {
    /// The handler is made from the ring and the scheduler: what it does with the job in register 0.
    pub(crate) fn new(
        config: &Config,
        handler: impl FnOnce(&mut Build, ObjectId, ObjectId) -> Vec<Stmt>,
    ) -> Self {
        let mut build = Build::default();
        let Config { engine_reset, full_reset, timeout, credits } = *config;
        let gpu = build.object("gpu", ObjectKind::Gpu { engine_reset, full_reset });
        let irq = build.object("irq", ObjectKind::Irq { handler: None, thread: None });
        let engine = ObjectKind::Engine { irq: Some(irq), gpu: Some(gpu), preemption: false };
        let engine = build.object("engine", engine);
        let ring = build.object("ring", ObjectKind::Ring { engine, slots: 64, irq: None });
        let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = build.object("timeline", timeline);
        let run = vec![
            op_out(Op::DmaFenceInit, &[obj(timeline)], 1),
            op(Op::DmaFenceGet, &[r(1)]),
            op(Op::RingEmit, &[obj(ring), r(0), r(1)]),
            give(r(1)),
        ];
        let run_job = build.handler("run_job", 1, &[Kind::SchedJob, Kind::Fence], Some(Kind::Fence), run);
        let free = vec![op(Op::DrmSchedJobCleanup, &[r(0)]), op(Op::DrmSchedJobFree, &[r(0)])];
        let free_job = build.handler("free_job", 1, &[Kind::SchedJob], None, free);
        let turn = vec![
            op_out(Op::RingCompleted, &[obj(ring)], 0),
            Stmt::If {
                cond: r(0),
                then: vec![op(Op::DmaFenceSignal, &[r(0)]), op(Op::DmaFencePut, &[r(0)])],
                otherwise: vec![Stmt::Break { at: SiteId::UNKNOWN }],
                at: SiteId::UNKNOWN,
            },
        ];
        let turns = vec![Stmt::Loop { body: turn, at: SiteId::UNKNOWN }];
        let completed = build.program("irq", &[Kind::Fence], turns);
        build.scenario.objects[irq.index()].kind = ObjectKind::Irq { handler: Some(completed), thread: None };
        // The scheduler's number is known before it is declared.
        let sched = ObjectId::new(build.scenario.objects.len() + 1);
        let tries = build.object("tries", ObjectKind::Cell { init: 0 });
        assert_eq!(tries.index() + 1, sched.index());
        let mut body = handler(&mut build, ring, sched);
        body.push(give(Arg::Int(1)));
        let timedout_job = build.handler("timedout_job", 1, &HANDLER, Some(Kind::Int), body);
        let kind = ObjectKind::DrmSched {
            run_job,
            prepare_job: None,
            timedout_job: Some(timedout_job),
            free_job,
            cancel_job: None,
            update_job_credits: None,
            credit_limit: credits,
            hang_limit: 0,
            timeout,
            policy: SchedPolicy::Fifo,
            num_rqs: 4,
            submit_wq: None,
            timeout_wq: None,
            without: Vec::new(),
        };
        assert_eq!(build.object("sched", kind), sched);
        Self { build, ring, sched, registers: Vec::new() }
    }

    /// The number of the cell that handlers count in.
    pub(crate) fn tries(build: &Build) -> ObjectId {
        ObjectId::new(build.scenario.objects.len() - 1)
    }

    pub(crate) fn entity(&mut self, name: &str, priority: u32) -> ObjectId {
        self.build.object(name, ObjectKind::SchedEntity { scheds: vec![self.sched], priority, guilty: None })
    }

    pub(crate) fn work(&mut self, name: &str, run_time: i64, hang: GpuHang) -> ObjectId {
        let kind = ObjectKind::GpuJob {
            run_time,
            hang,
            waits: Vec::new(),
            signals: Vec::new(),
            locks: Vec::new(),
            uses: Vec::new(),
            fault: false,
        };
        self.build.object(name, kind)
    }

    /// Statements that push a job, whose finished fence is published.
    pub(crate) fn submit(&mut self, entity: ObjectId, work: ObjectId, credits: i64) -> Vec<Stmt> {
        let first = self.registers.len() as u16;
        self.registers.extend([Kind::SchedJob, Kind::Fence]);
        let (job, fence) = (first, first + 1);
        vec![
            op_out(Op::DrmSchedJobAlloc, &[obj(work)], job),
            op(Op::DrmSchedJobInit, &[r(job), obj(entity), Arg::Int(credits)]),
            op(Op::DrmSchedJobArm, &[r(job)]),
            op_out(Op::DrmSchedJobFinished, &[r(job)], fence),
            op(Op::DmaFencePublish, &[r(fence)]),
            op(Op::DrmSchedEntityPushJob, &[r(job)]),
        ]
    }

    /// A thread of what was made with [`Card::submit`] since the last one.
    pub(crate) fn thread(&mut self, name: &str, body: Vec<Stmt>) {
        let registers = std::mem::take(&mut self.registers);
        self.build.thread(name, &registers, body);
    }

    pub(crate) fn report(&self) -> Report {
        let options = Options { executions: 500, steps_max: 5_000, ..crate::unminimised() };
        check(&self.build.scenario, &options, &|_| true).expect("a valid scenario")
    }

    /// What is found, `rule verdict`.
    pub(crate) fn found(&self) -> Vec<String> {
        let report = self.report();
        assert_eq!(report.bound, 0, "executions were cut off");
        let findings = report.findings.iter();
        findings.map(|finding| format!("{} {}", finding.rule, finding.verdict.as_str())).collect()
    }
}

/// The fence that the hardware owes for the job in register 0 ends with an error.
pub(crate) fn end_job() -> Vec<Stmt> {
    let end = vec![
        op(Op::DmaFenceSetError, &[r(1), Arg::Int(-ETIME)]),
        op(Op::DmaFenceSignal, &[r(1)]),
        op(Op::DmaFencePut, &[r(1)]),
    ];
    vec![
        op_out(Op::DrmSchedJobParent, &[r(0)], 1),
        op_out(Op::DmaFenceIsSignaled, &[r(1)], 2),
        op_out(Op::Not, &[r(2)], 2),
        when(r(2), end),
    ]
}

/// Recovers as a driver should: nothing is submitted meanwhile, and the guilty job alone ends.
pub(crate) fn spares(_: &mut Build, ring: ObjectId, sched: ObjectId) -> Vec<Stmt> {
    let mut body = vec![
        op(Op::DrmSchedWqueueStop, &[obj(sched)]),
        op(Op::DrmSchedInsertPendingJob, &[r(0)]),
        op(Op::GpuEngineReset, &[obj(ring), r(0)]),
    ];
    body.extend(end_job());
    body.push(op(Op::DrmSchedWqueueStart, &[obj(sched)]));
    body
}

/// Resets everything; the scheduler cancels what is lost.
pub(crate) fn resets_all(_: &mut Build, ring: ObjectId, sched: ObjectId) -> Vec<Stmt> {
    vec![
        op(Op::DrmSchedStop, &[obj(sched), r(0)]),
        op(Op::GpuReset, &[obj(ring)]),
        op(Op::DrmSchedStart, &[obj(sched), Arg::Int(-ETIME)]),
    ]
}
