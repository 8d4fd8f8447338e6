//! One finding or more of every kind.

use ringfence_diag::{
    ClassView, DependencyKind, HeldLockView, IrqState, Link, LockFinding, LockReport, LockReportKind,
    Silence, TaskView, UsageConflict,
};

use crate::builder::{
    CONFIG, NONE, SLEEP, SPIN, at, class, finding, holding, instance, link, lock, new, op, report, task,
    used, via,
};

/// All of them, by the name of their snapshot.
pub(crate) fn all() -> Vec<(&'static str, LockFinding)> {
    vec![
        ("circular-direct", circular_direct()),
        ("circular-contract", circular_contract()),
        ("circular-6", ring(6)),
        ("recursive", recursive()),
        ("irq-dependency", irq_dependency()),
        ("irq-dependency-long", irq_dependency_long()),
        ("inconsistent-usage", inconsistent_usage()),
        ("irq-inversion-forwards", irq_inversion(true)),
        ("irq-inversion-backwards", irq_inversion(false)),
        ("wait-context", wait_context()),
        ("wait-context-irq", wait_context_irq()),
        ("unlock-imbalance", unlock_imbalance()),
        ("nest-lock-not-held", nest_lock_not_held()),
        ("held-lock-freed", held_lock_freed()),
        ("limit-depth", limit("MAX_LOCK_DEPTH", 48)),
        ("limit-keys", limit("MAX_LOCKDEP_KEYS", 1)),
        ("limit-subclasses", limit("MAX_LOCKDEP_SUBCLASSES", 0)),
    ]
}

/// Two locks, two orders; a shared holder and a `lock_sync()`; no source locations.
pub(crate) fn circular_direct() -> LockFinding {
    let (a, b) = (class("vm->lock", SLEEP), class("&sched->work", NONE));
    let held = HeldLockView { read: 1, ..lock(b.clone(), op("client", 7)) };
    let wanted = HeldLockView { sync: true, ..lock(a.clone(), op("client", 8)) };
    let links = vec![
        link(&a, &b, DependencyKind::EN, op("worker", 2), op("worker", 3)),
        new(link(&b, &a, DependencyKind::SN, op("client", 7), op("client", 8))),
    ];
    let report = LockReport { links, ..holding(report(task("client"), wanted), held) };
    let summary = "vm->lock is taken while &sched->work is held, and the other way round";
    finding(
        LockReportKind::Circular,
        summary,
        "worker and client can each wait for the other's lock.",
        report,
    )
}

/// The contract's own: memory reclaim below a lock that the signalling path needs.
pub(crate) fn circular_contract() -> LockFinding {
    let gpu = used(
        class("gpu->lock", SLEEP),
        "+.+.",
        "INITIAL USE",
        at("client", 14, "gpu_submit", "gpu_submit.c", 40),
    );
    let reclaim = used(class("fs_reclaim", NONE), "+.+.", "INITIAL USE", op("boot", 4));
    let notifier = class("mmu_notifier_invalidate_range_start", NONE);
    let fence = used(class("dma_fence_map", NONE), "++++", "INITIAL USE", op("boot", 9));
    let fence = used(fence, "++++", "INITIAL READ USE", op("worker", 20));
    let alloc = |op, line| {
        via(at("client", op, "gpu_submit", "gpu_submit.c", line), "fs_reclaim_acquire(GFP_KERNEL)")
    };
    let section = via(at("worker", 30, "gpu_run_job", "gpu_sched.c", 112), "dma_fence_begin_signalling()");
    let now = at("worker", 31, "gpu_run_job", "gpu_sched.c", 113);
    let links = vec![
        link(
            &gpu,
            &reclaim,
            DependencyKind::EN,
            at("client", 14, "gpu_submit", "gpu_submit.c", 40),
            alloc(15, 42),
        ),
        link(&reclaim, &notifier, DependencyKind::EN, op("boot", 4), op("boot", 5)),
        link(
            &notifier,
            &fence,
            DependencyKind::EN,
            op("boot", 6),
            via(op("boot", 9), "__dma_fence_might_wait()"),
        ),
        new(link(&fence, &gpu, DependencyKind::SN, section.clone(), now.clone())),
    ];
    let held = HeldLockView { read: 1, ..lock(fence, section) };
    let report = LockReport { links, ..holding(report(task("worker"), lock(gpu, now)), held) };
    let summary = "gpu->lock is taken on the way to signalling a fence and held over a GFP_KERNEL allocation";
    let why = "Reclaim under gpu->lock may wait for the very fence whose signalling waits for gpu->lock.";
    LockFinding {
        silence: Some(Silence::ChainCache),
        count: 12,
        ..finding(LockReportKind::Circular, summary, why, report)
    }
}

/// A cycle of `n` contexts, each with its own task.
pub(crate) fn ring(n: usize) -> LockFinding {
    let names: Vec<String> = (0..n).map(|i| format!("lock_{i}")).collect();
    ring_of(&names.iter().map(String::as_str).collect::<Vec<_>>(), true)
}

/// A cycle of these classes; the last task closes it.
pub(crate) fn ring_of(names: &[&str], located: bool) -> LockFinding {
    let n = names.len();
    let classes: Vec<ClassView> = names.iter().map(|name| class(name, SLEEP)).collect();
    let place = |i: usize, op_in_task: u64| {
        let (task, op) = (format!("task_{i}"), i as u64 * 5 + op_in_task);
        if located {
            at(&task, op, &format!("path_{i}"), "driver.c", 10 + op as u32)
        } else {
            self::op(&task, op)
        }
    };
    let links = (0..n).map(|i| Link {
        new: i + 1 == n,
        ..link(&classes[i], &classes[(i + 1) % n], DependencyKind::EN, place(i, 1), place(i, 2))
    });
    let held = lock(classes[n - 1].clone(), place(n - 1, 1));
    let wanted = lock(classes[0].clone(), place(n - 1, 2));
    let report = LockReport {
        links: links.collect(),
        ..holding(report(task(&format!("task_{}", n - 1)), wanted), held)
    };
    finding(LockReportKind::Circular, "a circle of locks", "Each waits for the next.", report)
}

pub(crate) fn recursive() -> LockFinding {
    let resv = class("reservation_ww_class_mutex", SLEEP);
    let held = instance(lock(resv.clone(), at("client", 3, "move_buffer", "gpu_bo.c", 77)), "resv0", 0);
    let wanted = instance(lock(resv, at("client", 4, "move_buffer", "gpu_bo.c", 78)), "resv1", 0x100);
    let summary = "reservation_ww_class_mutex is taken while another one of its class is held";
    let why = "Two tasks that take the two locks in different orders wait for each other.";
    finding(LockReportKind::Recursive, summary, why, holding(report(task("client"), wanted), held))
}

pub(crate) fn irq_dependency() -> LockFinding {
    let (safe, unsafe_) = (irq_safe(), irq_unsafe("job->lock"));
    let held = lock(safe.clone(), at("client", 12, "gpu_cancel", "gpu_job.c", 20));
    let wanted = lock(unsafe_.clone(), at("client", 13, "gpu_cancel", "gpu_job.c", 21));
    let links = vec![new(link(&safe, &unsafe_, DependencyKind::EN, held.at.clone(), wanted.at.clone()))];
    irq_dependency_with(safe, unsafe_, held, wanted, links)
}

/// Two locks before the new dependency, two behind it.
pub(crate) fn irq_dependency_long() -> LockFinding {
    let (safe, unsafe_) = (irq_safe(), irq_unsafe("stats->lock"));
    let [timeline, ring, job] = ["timeline->lock", "ring->lock", "job->lock"].map(|name| class(name, CONFIG));
    let held = lock(ring.clone(), at("client", 22, "gpu_cancel", "gpu_job.c", 20));
    let wanted = lock(job.clone(), at("client", 23, "gpu_cancel", "gpu_job.c", 21));
    let links = vec![
        link(&safe, &timeline, DependencyKind::EN, op("irq", 3), op("irq", 4)),
        link(&timeline, &ring, DependencyKind::ER, op("worker", 6), op("worker", 7)),
        new(link(&ring, &job, DependencyKind::EN, held.at.clone(), wanted.at.clone())),
        link(&job, &unsafe_, DependencyKind::SN, op("client", 10), op("client", 11)),
    ];
    irq_dependency_with(safe, unsafe_, held, wanted, links)
}

fn irq_dependency_with(
    safe: ClassView,
    unsafe_: ClassView,
    held: HeldLockView,
    wanted: HeldLockView,
    links: Vec<Link>,
) -> LockFinding {
    let irq = IrqState { softirqs_enabled: true, ..IrqState::default() };
    let summary =
        format!("{} is taken in hard interrupts and waits for {}, which is not", safe.name, unsafe_.name);
    let report = holding(report(TaskView { irq, ..task("client") }, wanted), held);
    let report = LockReport { links, usage: Some(conflict(safe, unsafe_, false)), ..report };
    let why = "An interrupt that hits the holder of the unsafe lock waits for the safe one for ever.";
    finding(LockReportKind::IrqDependency, &summary, why, report)
}

pub(crate) fn inconsistent_usage() -> LockFinding {
    let safe_at = at("irq/gpu", 2, "gpu_irq", "gpu_irq.c", 9);
    let unsafe_at = at("client", 6, "gpu_poll", "gpu_poll.c", 15);
    let fence_lock = used(class("fence->lock", CONFIG), "?...", "IN-HARDIRQ-W", safe_at);
    let fence_lock = used(fence_lock, "?...", "HARDIRQ-ON-W", unsafe_at.clone());
    let report = report(task("client"), lock(fence_lock.clone(), unsafe_at));
    let usage = Some(conflict(fence_lock.clone(), fence_lock, false));
    let summary = "fence->lock is taken in hard interrupts and is held with hard interrupts on";
    let why = "The interrupt can hit the holder on its own CPU and then spins for ever.";
    finding(LockReportKind::InconsistentUsage, summary, why, LockReport { usage, ..report })
}

/// The interrupt comes last (`forwards`), or the acquisition with interrupts on does.
pub(crate) fn irq_inversion(forwards: bool) -> LockFinding {
    let (safe, unsafe_) = (irq_safe(), irq_unsafe("job->lock"));
    let ring = class("ring->lock", CONFIG);
    let links = vec![
        link(&safe, &ring, DependencyKind::EN, op("worker", 1), op("worker", 2)),
        link(&ring, &unsafe_, DependencyKind::EN, op("worker", 5), op("worker", 6)),
    ];
    let usage = conflict(safe.clone(), unsafe_.clone(), forwards);
    let (changed, who) = if forwards { (safe, "irq/gpu") } else { (unsafe_, "client") };
    let place = if forwards { usage.safe_at.clone() } else { usage.unsafe_at.clone() };
    let irq = IrqState { hardirq_context: forwards, hardirq_count: u32::from(forwards), ..task(who).irq };
    let report = report(TaskView { irq, ..task(who) }, lock(changed, place));
    let report = LockReport { links, usage: Some(usage), ..report };
    let summary = "fence->lock is taken in hard interrupts and waits for job->lock, which is not";
    let why = "An interrupt that hits the holder of job->lock waits for fence->lock for ever.";
    finding(LockReportKind::IrqInversion, summary, why, report)
}

pub(crate) fn wait_context() -> LockFinding {
    let held = lock(class("ring->lock", CONFIG), at("client", 3, "gpu_emit", "gpu_ring.c", 60));
    let wanted = lock(class("vm->lock", SLEEP), at("client", 4, "gpu_emit", "gpu_ring.c", 61));
    let summary = "vm->lock sleeps and is taken while ring->lock, which spins, is held";
    let why = "A task that spins for ring->lock waits for one that sleeps.";
    finding(LockReportKind::WaitContext, summary, why, holding(report(task("client"), wanted), held))
}

pub(crate) fn wait_context_irq() -> LockFinding {
    let irq =
        IrqState { hardirq_context: true, hardirq_count: 1, softirqs_enabled: true, ..IrqState::default() };
    let wanted = lock(class("ring->lock", CONFIG), op("irq/gpu", 2));
    let report = report(TaskView { irq, wait_context: SPIN, ..task("irq/gpu") }, wanted);
    let summary = "ring->lock is taken in a hard interrupt";
    let why = "On a real-time kernel the lock sleeps, and an interrupt must not.";
    finding(LockReportKind::WaitContext, summary, why, report)
}

pub(crate) fn unlock_imbalance() -> LockFinding {
    let lock = lock(class("gpu->lock#2", SLEEP), at("client", 9, "gpu_submit", "gpu_submit.c", 90));
    let summary = "gpu->lock#2 is released but not held";
    let why = "From here on nobody knows what is locked.";
    finding(LockReportKind::UnlockImbalance, summary, why, report(task("client"), lock))
}

pub(crate) fn nest_lock_not_held() -> LockFinding {
    let wanted =
        lock(class("reservation_ww_class_mutex", SLEEP), at("client", 2, "lock_all", "gpu_exec.c", 33));
    let report = report(task("client"), instance(wanted, "resv0", 0));
    let report = LockReport { nest_lock: Some("reservation_ww_class_acquire".to_owned()), ..report };
    let summary = "reservation_ww_class_mutex is taken under reservation_ww_class_acquire, which is not held";
    let why = "Nothing serialises the tasks that take several locks of this class.";
    finding(LockReportKind::NestLockNotHeld, summary, why, report)
}

pub(crate) fn held_lock_freed() -> LockFinding {
    let held = lock(class("job->lock", CONFIG), at("client", 4, "gpu_free_job", "gpu_job.c", 51));
    let report = report(task("client"), held.clone());
    let now = at("client", 5, "gpu_free_job", "gpu_job.c", 52);
    let report = LockReport { at: now, held: vec![held], ..report };
    let summary = "the memory of job->lock is freed while the lock is held";
    finding(
        LockReportKind::HeldLockFreed,
        summary,
        "Whoever waits for the lock waits in freed memory.",
        report,
    )
}

/// `held` different locks when the limit is reached.
pub(crate) fn limit(limit: &'static str, held: usize) -> LockFinding {
    let held: Vec<_> =
        (0..held).map(|i| lock(class(&format!("bo{i}->lock"), SLEEP), op("client", i as u64))).collect();
    let last = held.last().cloned().unwrap_or_else(|| lock(class("bo->lock/8", SLEEP), op("client", 0)));
    let report = LockReport { limit: Some(limit), held, ..report(task("client"), last) };
    let summary = format!("{limit} is reached");
    finding(LockReportKind::LimitReached, &summary, "The kernel's validator turns itself off.", report)
}

fn irq_safe() -> ClassView {
    used(class("fence->lock", CONFIG), "-...", "IN-HARDIRQ-W", at("irq/gpu", 2, "gpu_irq", "gpu_irq.c", 9))
}

fn irq_unsafe(name: &str) -> ClassView {
    let place = || at("client", 8, "gpu_queue", "gpu_job.c", 5);
    let class = used(class(name, CONFIG), "+.+.", "HARDIRQ-ON-W", place());
    let class = used(class, "+.+.", "SOFTIRQ-ON-W", place());
    used(class, "+.+.", "INITIAL USE", place())
}

fn conflict(safe: ClassView, unsafe_: ClassView, forwards: bool) -> UsageConflict {
    let since = |class: &ClassView, state: &str| {
        class.usages.iter().find(|usage| usage.state == state).expect("the class has this usage").at.clone()
    };
    UsageConflict {
        irq: "HARDIRQ",
        safe_state: "IN-HARDIRQ-W",
        safe_at: since(&safe, "IN-HARDIRQ-W"),
        unsafe_state: "HARDIRQ-ON-W",
        unsafe_at: since(&unsafe_, "HARDIRQ-ON-W"),
        safe,
        unsafe_,
        forwards,
    }
}
