//! Jobs through GPU schedulers: a driver with one ring, its interrupt, a timeout; and clients.

use ringfence_base::scenario::{
    Arg, GpuHang, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, SchedPolicy, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

const AT: SiteId = SiteId::UNKNOWN;
/// Half a second, as many drivers have it.
const TIMEOUT: i64 = 500_000_000;
/// How long a job takes.
const RUN_TIME: i64 = 1_000_000;
/// `DRM_SCHED_PRIORITY_NORMAL`.
const NORMAL: u32 = 2;

fn call(op: Op, args: &[Arg]) -> Stmt {
    Stmt::Op(Operation { op, args: args.to_vec(), out: None, at: AT })
}

fn call_out(op: Op, args: &[Arg], out: u16) -> Stmt {
    Stmt::Op(Operation { op, args: args.to_vec(), out: Some(out), at: AT })
}

const fn obj(id: ObjectId) -> Arg {
    Arg::Object(id)
}

const fn reg(number: u16) -> Arg {
    Arg::Register(number)
}

/// A scenario in the making.
#[derive(Default)]
struct Making(Scenario);

impl Making {
    fn object(&mut self, name: String, kind: ObjectKind) -> ObjectId {
        self.0.objects.push(Object { name, kind, driver: None, at: AT });
        ObjectId::new(self.0.objects.len() - 1)
    }

    fn program(
        &mut self,
        name: &str,
        registers: &[Kind],
        result: Option<Kind>,
        body: Vec<Stmt>,
    ) -> ProgramId {
        let params = usize::from(registers.first() == Some(&Kind::SchedJob) && name != "client");
        let registers = registers.to_vec();
        self.0.programs.push(Program { name: name.into(), params, registers, result, driver: None, body });
        ProgramId::new(self.0.programs.len() - 1)
    }

    fn client(&mut self, registers: &[Kind], body: Vec<Stmt>) {
        let program = self.program("client", registers, None, body);
        let name = format!("client{}", self.0.threads.len());
        self.0.threads.push(ThreadDecl { name, program, mm: None, at: AT });
    }

    /// The hardware signals from its interrupt what it has completed; it has a reference to each fence.
    fn ring(&mut self, slots: u32) -> ObjectId {
        let irq = self.object("irq".into(), ObjectKind::Irq { handler: None, thread: None });
        let engine =
            self.object("engine".into(), ObjectKind::Engine { irq: Some(irq), gpu: None, preemption: false });
        let ring = self.object("ring".into(), ObjectKind::Ring { engine, slots, irq: None });
        let then = vec![call(Op::DmaFenceSignal, &[reg(0)]), call(Op::DmaFencePut, &[reg(0)])];
        let otherwise = vec![Stmt::Break { at: AT }];
        let turn = vec![
            call_out(Op::RingCompleted, &[obj(ring)], 0),
            Stmt::If { cond: reg(0), then, otherwise, at: AT },
        ];
        let body = vec![Stmt::Loop { body: turn, at: AT }];
        let handler = self.program("irq_handler", &[Kind::Fence], None, body);
        self.0.objects[irq.index()].kind = ObjectKind::Irq { handler: Some(handler), thread: None };
        ring
    }

    /// A scheduler in front of a ring; its timeout handler resets the engine and ends the job.
    fn scheduler(&mut self, credit_limit: u32) -> ObjectId {
        let ring = self.ring(credit_limit);
        let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = self.object("hw".into(), kind);
        let give = |value| Stmt::Return { value: Some(value), at: AT };
        let run = vec![
            call_out(Op::DmaFenceInit, &[obj(timeline)], 1),
            call(Op::DmaFenceGet, &[reg(1)]),
            call(Op::RingEmit, &[obj(ring), reg(0), reg(1)]),
            give(reg(1)),
        ];
        let run_job = self.program("run_job", &[Kind::SchedJob, Kind::Fence], Some(Kind::Fence), run);
        let free = vec![call(Op::DrmSchedJobCleanup, &[reg(0)]), call(Op::DrmSchedJobFree, &[reg(0)])];
        let free_job = self.program("free_job", &[Kind::SchedJob], None, free);
        let sched = ObjectId::new(self.0.objects.len());
        let recover = vec![
            call(Op::DrmSchedStop, &[obj(sched), reg(0)]),
            call(Op::GpuEngineReset, &[obj(ring), reg(0)]),
            call(Op::DrmSchedStart, &[obj(sched), Arg::Int(-62)]),
            give(Arg::Int(1)),
        ];
        let timedout_job = self.program("timedout_job", &[Kind::SchedJob], Some(Kind::Int), recover);
        let kind = ObjectKind::DrmSched {
            run_job,
            prepare_job: None,
            timedout_job: Some(timedout_job),
            free_job,
            cancel_job: None,
            update_job_credits: None,
            credit_limit,
            hang_limit: 0,
            timeout: TIMEOUT,
            policy: SchedPolicy::Fifo,
            num_rqs: 4,
            submit_wq: None,
            timeout_wq: None,
            without: Vec::new(),
        };
        self.object("sched".into(), kind)
    }

    fn entities(&mut self, sched: ObjectId, count: usize) -> Vec<ObjectId> {
        let kind = ObjectKind::SchedEntity { scheds: vec![sched], priority: NORMAL, guilty: None };
        (0..count).map(|number| self.object(format!("entity{number}"), kind.clone())).collect()
    }

    fn work(&mut self, run_time: i64) -> ObjectId {
        let kind = ObjectKind::GpuJob {
            run_time,
            hang: GpuHang::No,
            waits: Vec::new(),
            signals: Vec::new(),
            locks: Vec::new(),
            uses: Vec::new(),
            fault: false,
        };
        self.object("work".into(), kind)
    }
}

/// Threads that submit one job each, wait for it, and let go; two threads per entity, under its lock.
pub fn submitters(threads: usize, entities: usize) -> Scenario {
    let mut making = Making::default();
    let sched = making.scheduler(4);
    let entities = making.entities(sched, entities);
    let locks: Vec<ObjectId> = (0..entities.len())
        .map(|number| making.object(format!("lock{number}"), ObjectKind::Mutex { class: None }))
        .collect();
    let work = making.work(RUN_TIME);
    for thread in 0..threads {
        let (entity, lock) = (obj(entities[thread % entities.len()]), obj(locks[thread % locks.len()]));
        let body = vec![
            call_out(Op::DrmSchedJobAlloc, &[obj(work)], 0),
            call(Op::DrmSchedJobInit, &[reg(0), entity, Arg::Int(1)]),
            call(Op::MutexLock, core::slice::from_ref(&lock)),
            call(Op::DrmSchedJobArm, &[reg(0)]),
            call_out(Op::DrmSchedJobFinished, &[reg(0)], 1),
            call(Op::DmaFenceGet, &[reg(1)]),
            call(Op::DrmSchedEntityPushJob, &[reg(0)]),
            call(Op::MutexUnlock, &[lock]),
            call(Op::DmaFenceWait, &[reg(1), Arg::Int(0)]),
            call(Op::DmaFencePut, &[reg(1)]),
        ];
        making.client(&[Kind::SchedJob, Kind::Fence], body);
    }
    making.0.name = format!("{threads} submitters");
    making.0
}

/// So many jobs per entity, pushed by one thread, one entity after the other; all of them fit on the ring.
pub fn in_flight(entities: usize, rounds: usize) -> Scenario {
    let mut making = Making::default();
    let jobs = entities * rounds;
    let sched = making.scheduler(jobs as u32);
    let entities = making.entities(sched, entities);
    let work = making.work(1);
    let mut turn = vec![
        call_out(Op::Add, &[reg(1), Arg::Int(1)], 1),
        call_out(Op::Le, &[reg(1), Arg::Int(rounds as i64)], 2),
        Stmt::If { cond: reg(2), then: Vec::new(), otherwise: vec![Stmt::Break { at: AT }], at: AT },
    ];
    for entity in entities {
        turn.extend([
            call_out(Op::DrmSchedJobAlloc, &[obj(work)], 0),
            call(Op::DrmSchedJobInit, &[reg(0), obj(entity), Arg::Int(1)]),
            call(Op::DrmSchedJobArm, &[reg(0)]),
            call(Op::DrmSchedEntityPushJob, &[reg(0)]),
        ]);
    }
    let body = vec![call_out(Op::Set, &[Arg::Int(0)], 1), Stmt::Loop { body: turn, at: AT }];
    making.client(&[Kind::SchedJob, Kind::Int, Kind::Int], body);
    making.0.name = format!("{jobs} jobs");
    making.0
}
