//! Random declarations, and what programs they need.

use super::{some_driver, some_site};
use crate::rng::Rng;
use crate::scenario::signature::{Returns, handlers};
use crate::scenario::{
    GpuHang, Kind, Object, ObjectKind, SchedFix, SchedPolicy, SemaphorePoint, Sort, WwAlgorithm,
};
use crate::{ObjectId, ProgramId};

/// A program to be written.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) params: Vec<Kind>,
    pub(super) result: Option<Kind>,
}

impl Plan {
    pub(super) fn of_thread(name: &str) -> Self {
        Self { name: name.to_owned(), params: Vec::new(), result: None }
    }
}

/// One or two objects of every kind; the plans of their programs by program id.
pub(super) fn declare(rng: &mut Rng, threads: usize) -> (Vec<Object>, Vec<Plan>) {
    let mut declare = Declare { rng, threads, objects: Vec::new(), plans: Vec::new(), programs: 0 };
    // References go to kinds that stand further up in the list of kinds.
    for &kind in Kind::ALL {
        if matches!(kind.sort(), Sort::Declared | Sort::Either) {
            for number in 0..=declare.rng.below(2) {
                declare.object(kind, number);
            }
        }
    }
    (declare.objects, declare.plans)
}

struct Declare<'a> {
    rng: &'a mut Rng,
    threads: usize,
    objects: Vec<Object>,
    plans: Vec<Plan>,
    /// Programs promised to the object that is being made, and to those before it.
    programs: usize,
}

impl Declare<'_> {
    fn object(&mut self, kind: Kind, number: usize) {
        let name = format!("{kind}{number}");
        let kind = self.kind(kind);
        for handler in handlers(&kind) {
            let result = match handler.signature.result {
                Returns::Number => Some(*self.rng.pick(&[Kind::Int, Kind::Errno])),
                Returns::Fence => self.rng.percent(60).then_some(Kind::Fence),
                Returns::FenceOrError => Some(*self.rng.pick(&[Kind::FenceOrErr, Kind::Fence, Kind::Errno]))
                    .filter(|_| self.rng.percent(90)),
                Returns::Ignored | Returns::MaybeNumber => self.rng.percent(30).then_some(Kind::Int),
            };
            let params = handler.signature.params.iter().map(|&(_, kind)| kind).collect();
            self.plans.push(Plan { name: format!("{name}_{}", handler.field), params, result });
        }
        let driver = some_driver(self.rng);
        self.objects.push(Object { name, kind, driver, at: some_site(self.rng) });
    }

    fn kind(&mut self, kind: Kind) -> ObjectKind {
        match kind {
            Kind::RawSpinlock => ObjectKind::RawSpinlock { class: self.class() },
            Kind::Spinlock => ObjectKind::Spinlock { class: self.class() },
            Kind::Rwlock => ObjectKind::Rwlock { class: self.class() },
            Kind::Mutex => ObjectKind::Mutex { class: self.class() },
            Kind::Rwsem => ObjectKind::Rwsem { class: self.class() },
            Kind::LocalLock => ObjectKind::LocalLock { class: self.class() },
            Kind::WwClass => ObjectKind::WwClass {
                algorithm: *self.rng.pick(&[WwAlgorithm::WaitDie, WwAlgorithm::WoundWait]),
            },
            Kind::WwMutex => ObjectKind::WwMutex { class: self.some(Kind::WwClass) },
            Kind::Completion => ObjectKind::Completion,
            Kind::WaitQueue => ObjectKind::WaitQueue,
            Kind::Cell => ObjectKind::Cell { init: self.rng.number(0, 2) },
            Kind::Syncobj => ObjectKind::Syncobj,
            Kind::SwSync => ObjectKind::SwSync,
            Kind::Resv => ObjectKind::Resv,
            Kind::Fence => ObjectKind::Fence {
                timeline: self.some(Kind::Timeline),
                seqno: self.rng.percent(30).then(|| self.rng.below(9) as u64),
            },
            Kind::Timeline => self.timeline(),
            Kind::Engine
            | Kind::Gpu
            | Kind::Ring
            | Kind::GpuJob
            | Kind::GpuSemaphore
            | Kind::GpuLock
            | Kind::DrmSched
            | Kind::SchedEntity => self.gpu(kind),
            Kind::FenceOps | Kind::FenceCb => self.fence_functions(kind),
            Kind::Mm | Kind::UserRange | Kind::Shrinker | Kind::MmuNotifier | Kind::IntervalNotifier => {
                self.memory(kind)
            }
            _ => self.deferred(kind),
        }
    }

    fn deferred(&mut self, kind: Kind) -> ObjectKind {
        match kind {
            Kind::Workqueue => ObjectKind::Workqueue {
                ordered: self.rng.percent(40),
                mem_reclaim: self.rng.percent(40),
                max_active: self.rng.below(3) as u32,
            },
            Kind::Work => ObjectKind::Work { function: self.program() },
            Kind::DelayedWork => ObjectKind::DelayedWork { function: self.program() },
            Kind::KthreadWorker => ObjectKind::KthreadWorker,
            Kind::KthreadWork => ObjectKind::KthreadWork { function: self.program() },
            Kind::Timer => ObjectKind::Timer { function: self.program(), irqsafe: self.rng.percent(30) },
            Kind::Irq => ObjectKind::Irq { handler: self.maybe_program(), thread: self.maybe_program() },
            Kind::Tasklet => ObjectKind::Tasklet { function: self.program() },
            Kind::IrqWork => ObjectKind::IrqWork { function: self.program() },
            Kind::RcuHead => ObjectKind::RcuHead { function: self.program() },
            Kind::Task => ObjectKind::Task { thread: self.rng.below(self.threads) as u32 },
            other => panic!("engine bug: no random declaration for {other}"),
        }
    }

    fn memory(&mut self, kind: Kind) -> ObjectKind {
        match kind {
            Kind::UserRange => ObjectKind::UserRange { mm: self.some(Kind::Mm) },
            Kind::Shrinker => ObjectKind::Shrinker {
                count: self.program(),
                scan: self.program(),
                seeks: self.rng.below(4) as u32,
                batch: self.rng.below(2) as u32 * 64,
            },
            Kind::MmuNotifier => ObjectKind::MmuNotifier {
                mm: self.some(Kind::Mm),
                invalidate: self.maybe_program(),
                release: self.maybe_program(),
            },
            Kind::IntervalNotifier => {
                ObjectKind::IntervalNotifier { range: self.some(Kind::UserRange), invalidate: self.program() }
            }
            _ => ObjectKind::Mm,
        }
    }

    fn fence_functions(&mut self, kind: Kind) -> ObjectKind {
        if kind == Kind::FenceCb {
            return ObjectKind::FenceCb { function: self.program() };
        }
        ObjectKind::FenceOps {
            enable_signaling: self.maybe_program(),
            signaled: self.maybe_program(),
            wait: self.maybe_program(),
            release: self.maybe_program(),
            set_deadline: self.maybe_program(),
            use_64bit_seqno: self.rng.percent(50),
        }
    }

    fn timeline(&mut self) -> ObjectKind {
        let lock = *self.rng.pick(&[Kind::Spinlock, Kind::RawSpinlock]);
        ObjectKind::Timeline {
            lock: self.maybe(lock),
            ops: self.maybe(Kind::FenceOps),
            first_seqno: self.rng.below(4) as u64,
            bound: self.rng.percent(30).then_some(1_000_000_000),
        }
    }

    fn gpu(&mut self, kind: Kind) -> ObjectKind {
        match kind {
            Kind::Engine => ObjectKind::Engine {
                irq: self.maybe(Kind::Irq),
                gpu: self.maybe(Kind::Gpu),
                preemption: self.rng.percent(50),
            },
            Kind::Gpu => {
                ObjectKind::Gpu { engine_reset: self.rng.percent(60), full_reset: self.rng.percent(60) }
            }
            Kind::Ring => ObjectKind::Ring {
                engine: self.some(Kind::Engine),
                slots: 1 + self.rng.below(4) as u32,
                irq: self.maybe(Kind::Irq),
            },
            Kind::GpuJob => ObjectKind::GpuJob {
                run_time: *self.rng.pick(&[0, 1_000, 5_000_000]),
                hang: *self.rng.pick(&[
                    GpuHang::No,
                    GpuHang::No,
                    GpuHang::Finite(1_000_000_000),
                    GpuHang::Infinite,
                    GpuHang::AfterPreemption,
                ]),
                waits: self.points(),
                signals: self.points(),
                locks: self.several(Kind::GpuLock),
                uses: self.several(Kind::UserRange),
                fault: self.rng.percent(20),
            },
            Kind::GpuSemaphore => ObjectKind::GpuSemaphore,
            Kind::GpuLock => ObjectKind::GpuLock,
            Kind::SchedEntity => ObjectKind::SchedEntity {
                scheds: self.several(Kind::DrmSched),
                priority: self.rng.below(4) as u32,
                guilty: self.maybe(Kind::Cell),
            },
            _ => self.sched(),
        }
    }

    fn sched(&mut self) -> ObjectKind {
        ObjectKind::DrmSched {
            run_job: self.program(),
            prepare_job: self.maybe_program(),
            timedout_job: self.maybe_program(),
            free_job: self.program(),
            cancel_job: self.maybe_program(),
            update_job_credits: self.maybe_program(),
            credit_limit: 1 + self.rng.below(4) as u32,
            hang_limit: self.rng.below(2) as u32,
            timeout: *self.rng.pick(&[0, 500_000_000, i64::MAX]),
            policy: self.rng.pick(&SchedPolicy::ALL).0,
            num_rqs: 1 + self.rng.below(4) as u32,
            submit_wq: self.maybe(Kind::Workqueue),
            timeout_wq: self.maybe(Kind::Workqueue),
            without: SchedFix::ALL.iter().filter(|_| self.rng.percent(20)).map(|&(fix, _)| fix).collect(),
        }
    }

    fn points(&mut self) -> Vec<SemaphorePoint> {
        let semaphores = self.several(Kind::GpuSemaphore);
        let point = |semaphore| SemaphorePoint { semaphore, value: self.rng.number(0, 3) };
        semaphores.into_iter().map(point).collect()
    }

    fn several(&mut self, kind: Kind) -> Vec<ObjectId> {
        (0..self.rng.below(3)).map(|_| self.some(kind)).collect()
    }

    fn class(&mut self) -> Option<String> {
        self.rng.percent(30).then(|| "shared".to_owned())
    }

    fn program(&mut self) -> ProgramId {
        self.programs += 1;
        ProgramId::new(self.programs - 1)
    }

    fn maybe_program(&mut self) -> Option<ProgramId> {
        self.rng.percent(60).then(|| self.program())
    }

    fn maybe(&mut self, kind: Kind) -> Option<ObjectId> {
        self.rng.percent(70).then(|| self.some(kind))
    }

    fn some(&mut self, kind: Kind) -> ObjectId {
        let of_kind: Vec<usize> =
            (0..self.objects.len()).filter(|&id| self.objects[id].kind.kind() == kind).collect();
        ObjectId::new(*self.rng.pick(&of_kind))
    }
}
