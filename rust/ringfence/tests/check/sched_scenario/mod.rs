//! Random scenarios with GPU schedulers that make sense: drivers that submit to rings, complete from an interrupt,
//! recover from hangs in one of the usual ways, and clients that submit jobs that depend on each other.
//!
//! Most of them have a mistake somewhere, as drivers do; that is a finding. What must hold all the same is what the
//! engine itself promises.

mod client;
mod driver;
mod hardware;

use ringfence::model::KernelVersion;
use ringfence_base::rng::Rng;
use ringfence_base::scenario::{
    Arg, Environment, Kind, ObjectKind, Op, Scenario, SchedFix, SchedPolicy, Stmt,
};
use ringfence_base::{ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};

/// A random scenario, and the kernel that it runs on.
pub(crate) struct Made {
    pub(crate) scenario: Scenario,
    pub(crate) version: KernelVersion,
    pub(crate) strict: bool,
}

/// A GPU and what is known of it.
struct Gpu {
    gpu: ObjectId,
    engines: Vec<ObjectId>,
    rings: Vec<ObjectId>,
}

/// A scheduler in the making: what its driver's code refers to.
#[derive(Clone, Copy)]
struct Device {
    sched: ObjectId,
    gpu: ObjectId,
    ring: ObjectId,
    timeline: ObjectId,
    lock: Option<ObjectId>,
}

/// A scenario in the making.
struct Scene {
    build: Build,
    rng: Rng,
    version: KernelVersion,
    gpus: Vec<Gpu>,
    works: Vec<ObjectId>,
    scheds: Vec<ObjectId>,
    entities: Vec<ObjectId>,
    syncobjs: Vec<ObjectId>,
    resvs: Vec<ObjectId>,
    callbacks: Vec<ObjectId>,
}

/// The scenario of this seed.
pub(crate) fn made(seed: u64) -> Made {
    let mut rng = Rng::new(seed);
    let version = *rng.pick(&[KernelVersion::V6_12, KernelVersion::V6_12, KernelVersion::Next]);
    let strict = rng.percent(50);
    let mut scene = Scene {
        build: Build::default(),
        rng,
        version,
        gpus: Vec::new(),
        works: Vec::new(),
        scheds: Vec::new(),
        entities: Vec::new(),
        syncobjs: Vec::new(),
        resvs: Vec::new(),
        callbacks: Vec::new(),
    };
    scene.build.scenario.name = format!("schedulers {seed}");
    scene.hardware();
    scene.shared();
    scene.schedulers();
    scene.entities();
    scene.threads();
    scene.environment();
    Made { scenario: scene.build.scenario, version, strict }
}

impl Scene {
    fn percent(&mut self, percent: usize) -> bool {
        self.rng.percent(percent)
    }

    fn one(&mut self, of: &[ObjectId]) -> ObjectId {
        *self.rng.pick(of)
    }

    fn object(&mut self, name: &str, kind: ObjectKind) -> ObjectId {
        self.build.object(name, kind)
    }

    /// Where fences are passed on.
    fn shared(&mut self) {
        for number in 0..2 {
            let syncobj = self.object(&format!("syncobj{number}"), ObjectKind::Syncobj);
            self.syncobjs.push(syncobj);
            let resv = self.object(&format!("bo{number}"), ObjectKind::Resv);
            self.resvs.push(resv);
        }
    }

    fn schedulers(&mut self) {
        let wq = |scene: &mut Self| {
            if !scene.percent(35) {
                return None;
            }
            let kind = ObjectKind::Workqueue {
                ordered: scene.percent(50),
                mem_reclaim: scene.percent(30),
                max_active: scene.rng.below(3) as u32,
            };
            Some(scene.object("wq", kind))
        };
        let shared = [wq(self), wq(self)];
        for number in 0..1 + self.rng.below(3) {
            let submit_wq = shared[0].filter(|_| self.percent(60));
            let timeout_wq = shared[self.rng.below(2)].filter(|_| self.percent(60));
            let sched = self.scheduler(number, submit_wq, timeout_wq);
            self.scheds.push(sched);
        }
    }

    fn scheduler(&mut self, number: usize, submit_wq: Option<ObjectId>, wq: Option<ObjectId>) -> ObjectId {
        let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = self.object(&format!("hw{number}"), kind);
        let lock = self
            .percent(25)
            .then(|| self.object(&format!("lock{number}"), ObjectKind::Mutex { class: None }));
        let which = self.rng.below(self.gpus.len());
        let ring = *self.rng.pick(&self.gpus[which].rings);
        let gpu = self.gpus[which].gpu;
        let limited = self.object(&format!("prepared{number}"), ObjectKind::Cell { init: 0 });
        // Nothing is declared between here and the scheduler.
        let sched = ObjectId::new(self.build.scenario.objects.len());
        let device = Device { sched, gpu, ring, timeline, lock };
        let kind = ObjectKind::DrmSched {
            run_job: self.run_job(&device),
            prepare_job: self.percent(40).then(|| self.prepare_job(limited)),
            timedout_job: self.percent(95).then(|| self.timedout_job(&device)),
            free_job: self.free_job(&device),
            cancel_job: self.percent(50).then(|| self.cancel_job()),
            update_job_credits: self.percent(20).then(|| self.update_job_credits()),
            credit_limit: *self.rng.pick(&[1, 2, 3, 64]),
            hang_limit: self.rng.below(2) as u32,
            timeout: *self.rng.pick(&[5, 50, 500_000_000, 500_000_000, i64::MAX]),
            policy: *self.rng.pick(&[SchedPolicy::Fifo, SchedPolicy::RoundRobin, SchedPolicy::Fair]),
            num_rqs: *self.rng.pick(&[1, 3, 4, 4]),
            submit_wq,
            timeout_wq: wq,
            without: SchedFix::ALL.iter().map(|&(fix, _)| fix).filter(|_| self.rng.percent(8)).collect(),
        };
        self.object(&format!("sched{number}"), kind)
    }

    fn some_scheds(&mut self) -> Vec<ObjectId> {
        if self.percent(60) {
            return vec![self.one(&self.scheds.clone())];
        }
        let all = self.scheds.clone();
        let some: Vec<ObjectId> = all.iter().copied().filter(|_| self.percent(70)).collect();
        if some.is_empty() { all } else { some }
    }

    fn priority(&mut self) -> u32 {
        *self.rng.pick(&[0, 0, 1, 2, 2, 3])
    }

    fn entities(&mut self) {
        for number in 0..1 + self.rng.below(4) {
            let guilty = self
                .percent(40)
                .then(|| self.object(&format!("guilty{number}"), ObjectKind::Cell { init: 0 }));
            let scheds = if self.percent(95) { self.some_scheds() } else { Vec::new() };
            let kind = ObjectKind::SchedEntity { scheds, priority: self.priority(), guilty };
            let entity = self.object(&format!("entity{number}"), kind);
            self.entities.push(entity);
        }
    }

    fn environment(&mut self) {
        const PARTS: [&str; 11] = [
            "gpu_hangs",
            "irq_loss",
            "reset_failure",
            "memory_pressure",
            "allocation_failure",
            "early_timeouts",
            "process_kill",
            "interrupts_waits",
            "foreign_resv",
            "foreign_shrinker",
            "trylock_failure",
        ];
        let percent = *self.rng.pick(&[0, 15, 15, 30, 60]);
        let mut environment = Environment::quiet();
        for part in PARTS {
            *environment.part(part).expect("a part of the environment") = self.percent(percent);
        }
        self.build.scenario.environment = environment;
    }
}

/// A register.
const fn r(number: u16) -> Arg {
    Arg::Register(number)
}

fn when(cond: Arg, then: Vec<Stmt>) -> Stmt {
    when_else(cond, then, Vec::new())
}

fn when_else(cond: Arg, then: Vec<Stmt>, otherwise: Vec<Stmt>) -> Stmt {
    Stmt::If { cond, then, otherwise, at: SiteId::UNKNOWN }
}

fn give(value: Arg) -> Stmt {
    Stmt::Return { value: Some(value), at: SiteId::UNKNOWN }
}

fn choose(options: i64, out: u16) -> Stmt {
    op_out(Op::Choose, &[Arg::Text("which".into()), Arg::Int(options)], out)
}

/// With the lock held, if there is one.
fn locked(lock: Option<ObjectId>, body: Vec<Stmt>) -> Vec<Stmt> {
    let Some(lock) = lock else { return body };
    let mut all = vec![op(Op::MutexLock, &[obj(lock)])];
    all.extend(body);
    all.push(op(Op::MutexUnlock, &[obj(lock)]));
    all
}

/// NULL in each of these registers.
fn nulls(registers: &[u16]) -> Vec<Stmt> {
    registers.iter().map(|&register| op_out(Op::Set, &[Arg::Null], register)).collect()
}

const FENCE: Kind = Kind::Fence;
const JOB: Kind = Kind::SchedJob;
