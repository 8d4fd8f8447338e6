//! Declarations of objects, as a driver would write them.

use core::fmt::Write as _;

use super::MAX_COLUMNS;
use super::literal::duration;
use super::names::Names;
use crate::scenario::signature::handlers;
use crate::scenario::{
    GpuHang, Kind, Object, ObjectKind, Scenario, SchedFix, SchedPolicy, SemaphorePoint, WwAlgorithm,
};
use crate::shown::shown;
use crate::{ObjectId, ProgramId};

pub(super) fn object(scenario: &Scenario, names: &Names, index: usize, object: &Object) -> String {
    let declare = Declare { scenario, names, name: names.object(index) };
    match &object.kind {
        ObjectKind::RawSpinlock { class }
        | ObjectKind::Spinlock { class }
        | ObjectKind::Rwlock { class }
        | ObjectKind::Mutex { class }
        | ObjectKind::Rwsem { class }
        | ObjectKind::LocalLock { class } => declare.lock(object.kind.kind(), class.as_deref()),
        kind => declare.other(kind),
    }
}

struct Declare<'a> {
    scenario: &'a Scenario,
    names: &'a Names,
    name: String,
}

impl Declare<'_> {
    fn lock(&self, kind: Kind, class: Option<&str>) -> String {
        let name = &self.name;
        let lock = match kind {
            Kind::RawSpinlock => format!("DEFINE_RAW_SPINLOCK({name});"),
            Kind::Spinlock => format!("DEFINE_SPINLOCK({name});"),
            Kind::Rwlock => format!("DEFINE_RWLOCK({name});"),
            Kind::Mutex => format!("DEFINE_MUTEX({name});"),
            Kind::Rwsem => format!("DECLARE_RWSEM({name});"),
            _ => format!("local_lock_t {name} = INIT_LOCAL_LOCK({name});"),
        };
        class.map_or_else(|| lock.clone(), |class| format!("{lock}  /* class {} */", shown(class)))
    }

    fn other(&self, kind: &ObjectKind) -> String {
        let name = &self.name;
        match *kind {
            ObjectKind::WwClass { algorithm: WwAlgorithm::WaitDie } => format!("DEFINE_WD_CLASS({name});"),
            ObjectKind::WwClass { algorithm: WwAlgorithm::WoundWait } => format!("DEFINE_WW_CLASS({name});"),
            ObjectKind::WwMutex { class } => format!("DEFINE_WW_MUTEX({name}, {});", self.to(class)),
            ObjectKind::Completion => format!("DECLARE_COMPLETION({name});"),
            ObjectKind::WaitQueue => format!("DECLARE_WAIT_QUEUE_HEAD({name});"),
            ObjectKind::Cell { init } => format!("int {name} = {init};"),
            ObjectKind::Workqueue { ordered, mem_reclaim, max_active } => {
                self.workqueue(ordered, mem_reclaim, max_active)
            }
            ObjectKind::KthreadWorker => format!("DEFINE_KTHREAD_WORKER({name});"),
            ObjectKind::Irq { handler, thread } => self.irq(handler, thread),
            ObjectKind::Task { thread } => {
                let thread = self.scenario.threads.get(thread as usize);
                let thread = thread.map_or_else(|| "nobody".to_owned(), |thread| shown(&thread.name));
                format!("struct task_struct *{name};  /* thread {thread} */")
            }
            ObjectKind::UserRange { mm } => {
                format!("void __user *{name};  /* in {} */", self.names.object(mm.index()))
            }
            ObjectKind::Fence { timeline, seqno } => match seqno {
                Some(seqno) => {
                    format!(
                        "struct dma_fence *{name} = dma_fence_init_seqno({}, {seqno});",
                        self.to(timeline)
                    )
                }
                None => format!("struct dma_fence *{name} = dma_fence_init({});", self.to(timeline)),
            },
            ObjectKind::Mm => format!("struct mm_struct *{name};"),
            ObjectKind::Syncobj => format!("struct drm_syncobj *{name};"),
            ObjectKind::SwSync => format!("struct sync_timeline *{name};"),
            ObjectKind::Resv => format!("struct dma_resv *{name};"),
            _ => self.with_function(kind),
        }
    }

    fn with_function(&self, kind: &ObjectKind) -> String {
        let name = &self.name;
        let define = |how: &str, function: ProgramId| format!("{how}({name}, {});", self.function(function));
        match *kind {
            ObjectKind::Work { function } => define("DECLARE_WORK", function),
            ObjectKind::DelayedWork { function } => define("DECLARE_DELAYED_WORK", function),
            ObjectKind::KthreadWork { function } => define("DEFINE_KTHREAD_WORK", function),
            ObjectKind::Tasklet { function } => define("DECLARE_TASKLET", function),
            ObjectKind::IrqWork { function } => define("DEFINE_IRQ_WORK", function),
            ObjectKind::Timer { function, irqsafe: false } => define("DEFINE_TIMER", function),
            ObjectKind::Timer { function, irqsafe: true } => {
                format!("DEFINE_TIMER({name}, {}, TIMER_IRQSAFE);", self.function(function))
            }
            _ => self.structure(kind),
        }
    }

    fn structure(&self, kind: &ObjectKind) -> String {
        let mut fields: Vec<(&str, String)> = Vec::new();
        match *kind {
            ObjectKind::MmuNotifier { mm, .. } => fields.push(("mm", self.to(mm))),
            ObjectKind::IntervalNotifier { range, .. } => fields.push(("range", self.to(range))),
            ObjectKind::Engine { .. }
            | ObjectKind::Gpu { .. }
            | ObjectKind::Ring { .. }
            | ObjectKind::GpuJob { .. }
            | ObjectKind::DrmSched { .. }
            | ObjectKind::SchedEntity { .. } => self.gpu_fields(kind, &mut fields),
            ObjectKind::Timeline { lock, ops, first_seqno, bound } => {
                fields.extend(lock.map(|lock| ("lock", self.to(lock))));
                fields.extend(ops.map(|ops| ("ops", self.to(ops))));
                fields.extend((first_seqno != 1).then(|| ("first_seqno", first_seqno.to_string())));
                fields.extend(bound.map(|bound| ("bound", duration(bound))));
            }
            _ => {}
        }
        for handler in handlers(kind) {
            fields.push((kernel_field(kind, handler.field), self.function(handler.program)));
        }
        match *kind {
            ObjectKind::Shrinker { seeks, batch, .. } => {
                fields.push(("seeks", seeks.to_string()));
                fields.extend((batch != 0).then(|| ("batch", batch.to_string())));
            }
            ObjectKind::FenceOps { use_64bit_seqno: true, .. } => {
                fields.push(("use_64bit_seqno", "true".to_owned()));
            }
            _ => {}
        }
        self.initialiser(structure_name(kind), &fields)
    }

    fn gpu_fields(&self, kind: &ObjectKind, fields: &mut Vec<(&'static str, String)>) {
        let mut some = |name, id: Option<ObjectId>| fields.extend(id.map(|id| (name, self.to(id))));
        match kind {
            ObjectKind::Engine { irq, gpu, preemption } => {
                some("irq", *irq);
                some("gpu", *gpu);
                fields.extend(preemption.then(|| ("preemption", "true".to_owned())));
            }
            ObjectKind::Gpu { engine_reset, full_reset } => {
                fields.extend((!engine_reset).then(|| ("engine_reset", "false".to_owned())));
                fields.extend((!full_reset).then(|| ("full_reset", "false".to_owned())));
            }
            ObjectKind::Ring { engine, slots, irq } => {
                some("engine", Some(*engine));
                some("irq", *irq);
                fields.push(("slots", slots.to_string()));
            }
            ObjectKind::GpuJob { run_time, hang, waits, signals, locks, uses, fault } => {
                fields.push(("run_time", duration(*run_time)));
                fields.extend(match hang {
                    GpuHang::No => None,
                    GpuHang::Finite(longer) => Some(("hang", duration(*longer))),
                    GpuHang::Infinite => Some(("hang", "INFINITE".to_owned())),
                    GpuHang::AfterPreemption => Some(("hang", "AFTER_PREEMPTION".to_owned())),
                });
                let point =
                    |point: &SemaphorePoint| format!("{{ {}, {} }}", self.to(point.semaphore), point.value);
                fields.extend(braces("waits", waits.iter().map(point)));
                fields.extend(braces("signals", signals.iter().map(point)));
                fields.extend(braces("locks", locks.iter().map(|&lock| self.to(lock))));
                fields.extend(braces("uses", uses.iter().map(|&range| self.to(range))));
                fields.extend(fault.then(|| ("fault", "true".to_owned())));
            }
            ObjectKind::DrmSched {
                timeout,
                policy,
                num_rqs,
                submit_wq,
                timeout_wq,
                credit_limit,
                hang_limit,
                without,
                ..
            } => {
                some("submit_wq", *submit_wq);
                some("timeout_wq", *timeout_wq);
                fields.push(("credit_limit", credit_limit.to_string()));
                fields.extend((*hang_limit != 0).then(|| ("hang_limit", hang_limit.to_string())));
                let finite = *timeout != i64::MAX;
                fields.push((
                    "timeout",
                    if finite { duration(*timeout) } else { "MAX_SCHEDULE_TIMEOUT".to_owned() },
                ));
                fields.push((
                    "policy",
                    match policy {
                        SchedPolicy::Fifo => "DRM_SCHED_POLICY_FIFO",
                        SchedPolicy::RoundRobin => "DRM_SCHED_POLICY_RR",
                        SchedPolicy::Fair => "DRM_SCHED_POLICY_FAIR",
                    }
                    .to_owned(),
                ));
                fields.extend((*num_rqs != 4).then(|| ("num_rqs", num_rqs.to_string())));
                let fix = |fix: &SchedFix| {
                    let known = SchedFix::ALL.iter().find(|(known, _)| known == fix);
                    known.map_or_else(String::new, |&(_, name)| name.to_owned())
                };
                fields.extend(braces("without", without.iter().map(fix)));
            }
            ObjectKind::SchedEntity { scheds, priority, guilty } => {
                some("guilty", *guilty);
                fields.extend(braces("scheds", scheds.iter().map(|&sched| self.to(sched))));
                let priority =
                    PRIORITIES.get(*priority as usize).copied().unwrap_or("DRM_SCHED_PRIORITY_LOW");
                fields.push(("priority", priority.to_owned()));
            }
            _ => {}
        }
    }

    fn initialiser(&self, structure: &str, fields: &[(&str, String)]) -> String {
        let head = format!("{structure} {}", self.name);
        if fields.is_empty() {
            return format!("{head};");
        }
        let fields: Vec<String> = fields.iter().map(|(field, value)| format!(".{field} = {value}")).collect();
        let line = format!("{head} = {{ {} }};", fields.join(", "));
        if line.chars().count() <= MAX_COLUMNS {
            return line;
        }
        let mut lines = format!("{head} = {{\n");
        for field in fields {
            let _ = writeln!(lines, "        {field},");
        }
        lines + "};"
    }

    fn workqueue(&self, ordered: bool, mem_reclaim: bool, max_active: u32) -> String {
        let name = &self.name;
        let flags = if mem_reclaim { "WQ_MEM_RECLAIM" } else { "0" };
        if ordered {
            return format!(
                "struct workqueue_struct *{name} = alloc_ordered_workqueue(\"{name}\", {flags});"
            );
        }
        format!("struct workqueue_struct *{name} = alloc_workqueue(\"{name}\", {flags}, {max_active});")
    }

    fn irq(&self, handler: Option<ProgramId>, thread: Option<ProgramId>) -> String {
        let name = &self.name;
        let or_null =
            |program: Option<ProgramId>| program.map_or("NULL".to_owned(), |program| self.function(program));
        match thread {
            None => format!("request_irq({name}, {});", or_null(handler)),
            Some(_) => format!("request_threaded_irq({name}, {}, {});", or_null(handler), or_null(thread)),
        }
    }

    fn to(&self, id: ObjectId) -> String {
        self.names.reference(self.scenario, id)
    }

    fn function(&self, id: ProgramId) -> String {
        self.names.program(id.index())
    }
}

const PRIORITIES: [&str; 4] = [
    "DRM_SCHED_PRIORITY_KERNEL",
    "DRM_SCHED_PRIORITY_HIGH",
    "DRM_SCHED_PRIORITY_NORMAL",
    "DRM_SCHED_PRIORITY_LOW",
];

/// A field with several values, if there are any.
fn braces(field: &'static str, values: impl Iterator<Item = String>) -> Option<(&'static str, String)> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| (field, format!("{{ {} }}", values.join(", "))))
}

/// What the kernel calls a field that names a program.
fn kernel_field(kind: &ObjectKind, field: &'static str) -> &'static str {
    match (kind, field) {
        (ObjectKind::Shrinker { .. }, "count") => "count_objects",
        (ObjectKind::Shrinker { .. }, "scan") => "scan_objects",
        (ObjectKind::MmuNotifier { .. }, "invalidate") => "invalidate_range_start",
        (ObjectKind::RcuHead { .. } | ObjectKind::FenceCb { .. }, _) => "func",
        _ => field,
    }
}

fn structure_name(kind: &ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Shrinker { .. } => "struct shrinker",
        ObjectKind::MmuNotifier { .. } => "struct mmu_notifier",
        ObjectKind::IntervalNotifier { .. } => "struct mmu_interval_notifier",
        ObjectKind::FenceOps { .. } => "const struct dma_fence_ops",
        ObjectKind::Timeline { .. } => "struct timeline",
        ObjectKind::FenceCb { .. } => "struct dma_fence_cb",
        ObjectKind::RcuHead { .. } => "struct rcu_head",
        ObjectKind::Gpu { .. } => "struct gpu",
        ObjectKind::Ring { .. } => "struct ring",
        ObjectKind::GpuJob { .. } => "const struct gpu_job",
        ObjectKind::GpuSemaphore => "struct gpu_semaphore",
        ObjectKind::GpuLock => "struct gpu_lock",
        ObjectKind::DrmSched { .. } => "struct drm_gpu_scheduler",
        ObjectKind::SchedEntity { .. } => "struct drm_sched_entity",
        _ => "struct engine",
    }
}
