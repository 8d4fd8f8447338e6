//! Bugs that are known to be as small as they can be: no thread, operation, object or freedom of the environment can
//! be left out, or the rest does not hang like this any more.

use ringfence_base::scenario::{Kind, ObjectKind, WwAlgorithm};

use super::text::Text;
use crate::fifo_sched::fifo_sched;

/// A bug, and the smallest schedule that shows it.
pub(crate) struct Bug {
    pub(crate) name: &'static str,
    pub(crate) build: fn(&mut Text),
    /// The rule that the hang breaks, before a validator has a say, and the links of its chain.
    pub(crate) rule: &'static str,
    pub(crate) links: usize,
    /// How often its smallest schedule is not the ordinary one.
    pub(crate) deviations: usize,
    /// How many steps it has.
    pub(crate) steps: u64,
}

macro_rules! bugs {
    ($($name:ident $rule:literal $links:literal links, $deviations:literal deviations, $steps:literal steps;)*) => {
        /// All of them.
        pub(crate) const BUGS: &[Bug] = &[$(Bug {
            name: stringify!($name),
            build: $name,
            rule: $rule,
            links: $links,
            deviations: $deviations,
            steps: $steps,
        }),*];
    };
}

bugs! {
    abba "RF701" 2 links, 1 deviations, 4 steps;
    three_locks "RF701" 3 links, 2 deviations, 6 steps;
    wait_under_lock "RF701" 2 links, 0 deviations, 3 steps;
    missing_wake_up "RF703" 1 links, 0 deviations, 2 steps;
    lost_completion "RF703" 1 links, 1 deviations, 3 steps;
    irq_on_spinlock "RF701" 1 links, 1 deviations, 3 steps;
    rwsem_writer_between "RF701" 2 links, 1 deviations, 3 steps;
    flush_work_under_lock "RF701" 2 links, 0 deviations, 5 steps;
    cancel_work_under_lock "RF701" 2 links, 1 deviations, 5 steps;
    timer_sync_under_lock "RF701" 2 links, 2 deviations, 5 steps;
    ww_without_backoff "RF701" 2 links, 1 deviations, 4 steps;
    work_flushes_itself "RF701" 1 links, 0 deviations, 3 steps;
    fence_wait_under_lock "RF303" 2 links, 0 deviations, 3 steps;
    resv_lock_in_section "RF301" 2 links, 0 deviations, 3 steps;
    alloc_in_section "RF401" 1 links, 1 deviations, 4 steps;
    alloc_under_shrinker_lock "RF405" 1 links, 1 deviations, 5 steps;
    rcu_inside_rcu "RF701" 1 links, 0 deviations, 2 steps;
    mmap_lock_order "RF701" 2 links, 1 deviations, 4 steps;
    notifier_takes_lock "RF701" 1 links, 0 deviations, 3 steps;
    disable_irq_under_lock "RF701" 2 links, 1 deviations, 4 steps;
    kthread_stop_under_lock "RF701" 2 links, 0 deviations, 3 steps;
    run_job_allocates "RF401" 1 links, 1 deviations, 11 steps;
    recursion "RF701" 1 links, 0 deviations, 2 steps;
}

/// Whoever comes second must come in between: one deviation.
fn abba(k: &mut Text) {
    k.mutexes(&["a", "b"]);
    k.thread("one", "mutex_lock a; mutex_lock b; mutex_unlock b; mutex_unlock a");
    k.thread("two", "mutex_lock b; mutex_lock a; mutex_unlock a; mutex_unlock b");
}

fn three_locks(k: &mut Text) {
    k.mutexes(&["a", "b", "c"]);
    k.thread("one", "mutex_lock a; mutex_lock b; mutex_unlock b; mutex_unlock a");
    k.thread("two", "mutex_lock b; mutex_lock c; mutex_unlock c; mutex_unlock b");
    k.thread("three", "mutex_lock c; mutex_lock a; mutex_unlock a; mutex_unlock c");
}

/// As they come.
fn wait_under_lock(k: &mut Text) {
    k.mutexes(&["a"]);
    k.object("done", ObjectKind::Completion);
    k.thread("client", "mutex_lock a; wait_for_completion done; mutex_unlock a");
    k.thread("worker", "mutex_lock a; complete done; mutex_unlock a");
}

/// Whoever comes too early is not woken any more, but is not forgotten either: it is no hang without the writer.
fn missing_wake_up(k: &mut Text) {
    k.object("queue", ObjectKind::WaitQueue);
    k.object("ready", ObjectKind::Cell { init: 0 });
    k.thread("waiter", "wait_event queue ready 1");
    k.thread("writer", "write_once ready 1");
}

/// Whoever completes it too early is forgotten.
fn lost_completion(k: &mut Text) {
    k.object("done", ObjectKind::Completion);
    k.thread("waiter", "reinit_completion done; wait_for_completion done");
    k.thread("worker", "complete done");
}

/// The interrupt arrives while its lock is held.
fn irq_on_spinlock(k: &mut Text) {
    k.object("lock", ObjectKind::Spinlock { class: None });
    let handler = Some(k.program("handler", "spin_lock lock; spin_unlock lock"));
    k.object("gpu", ObjectKind::Irq { handler, thread: None });
    k.thread("client", "raise_irq gpu; spin_lock lock; spin_unlock lock");
}

/// A writer in the queue keeps the second reader out.
fn rwsem_writer_between(k: &mut Text) {
    k.object("sem", ObjectKind::Rwsem { class: None });
    k.thread("reader", "down_read sem; down_read sem; up_read sem; up_read sem");
    k.thread("writer", "down_write sem; up_write sem");
}

fn flush_work_under_lock(k: &mut Text) {
    k.mutexes(&["a"]);
    let function = k.program("work_fn", "mutex_lock a; mutex_unlock a");
    k.object("work", ObjectKind::Work { function });
    k.thread("client", "queue_work NULL work; mutex_lock a; flush_work work; mutex_unlock a");
}

/// The work must have begun: what only is queued is taken off.
fn cancel_work_under_lock(k: &mut Text) {
    k.mutexes(&["a"]);
    let function = k.program("work_fn", "mutex_lock a; mutex_unlock a");
    k.object("work", ObjectKind::Work { function });
    k.thread("client", "queue_work NULL work; mutex_lock a; cancel_work_sync work; mutex_unlock a");
}

/// The function of the timer spins for the lock on another CPU.
fn timer_sync_under_lock(k: &mut Text) {
    k.object("lock", ObjectKind::Spinlock { class: None });
    let function = k.program("timer_fn", "spin_lock lock; spin_unlock lock");
    k.object("timer", ObjectKind::Timer { function, irqsafe: false });
    k.thread("client", "mod_timer timer 0; spin_lock_bh lock; timer_delete_sync timer; spin_unlock_bh lock");
}

fn ww_without_backoff(k: &mut Text) {
    let class = k.object("class", ObjectKind::WwClass { algorithm: WwAlgorithm::WaitDie });
    k.objects(&["a", "b"], &ObjectKind::WwMutex { class });
    for (name, first, second) in [("one", "a", "b"), ("two", "b", "a")] {
        let body = format!(
            "ww_mutex_lock {first} NULL; ww_mutex_lock {second} NULL; ww_mutex_unlock {second}; \
             ww_mutex_unlock {first}"
        );
        k.thread(name, &body);
    }
}

fn work_flushes_itself(k: &mut Text) {
    // The program needs the object, and the object the program.
    let function = k.program("work_fn", "");
    let work = k.object("work", ObjectKind::Work { function });
    let body = k.program("body", "flush_work work");
    k.scenario.objects[work.index()].kind = ObjectKind::Work { function: body };
    k.thread("client", "queue_work NULL work");
}

fn fence_wait_under_lock(k: &mut Text) {
    k.mutexes(&["a"]);
    k.fence("flip");
    k.thread("client", "mutex_lock a; dma_fence_wait flip 0; mutex_unlock a");
    k.thread("worker", "mutex_lock a; dma_fence_signal flip; mutex_unlock a");
}

fn resv_lock_in_section(k: &mut Text) {
    k.object("bo", ObjectKind::Resv);
    k.fence("flip");
    k.thread("client", "dma_resv_lock bo NULL; dma_fence_wait flip 0; dma_resv_unlock bo");
    k.thread("worker", "dma_resv_lock bo NULL; dma_fence_signal flip; dma_resv_unlock bo");
}

/// The foreign shrinker waits for the fence that is to be signaled behind the allocation.
fn alloc_in_section(k: &mut Text) {
    k.scenario.environment.memory_pressure = true;
    k.scenario.environment.foreign_shrinker = true;
    k.fence("flip");
    k.thread("worker", "dma_fence_publish flip; m = kmalloc GFP_KERNEL; kfree m; dma_fence_signal flip");
}

fn alloc_under_shrinker_lock(k: &mut Text) {
    k.scenario.environment.memory_pressure = true;
    k.mutexes(&["a"]);
    let count = k.handler("count", &[], Some(Kind::Int), "return 1");
    let scan = k.handler("scan", &[Kind::Int], Some(Kind::Int), "mutex_lock a; mutex_unlock a; return 1");
    k.object("shrinker", ObjectKind::Shrinker { count, scan, seeks: 2, batch: 0 });
    k.thread("client", "mutex_lock a; m = kmalloc GFP_KERNEL; kfree m; mutex_unlock a");
}

fn rcu_inside_rcu(k: &mut Text) {
    k.thread("client", "rcu_read_lock; synchronize_rcu; rcu_read_unlock");
}

fn mmap_lock_order(k: &mut Text) {
    k.mutexes(&["a"]);
    k.object("mm", ObjectKind::Mm);
    k.thread("one", "mutex_lock a; mmap_read_lock mm; mmap_read_unlock mm; mutex_unlock a");
    k.thread("two", "mmap_write_lock mm; mutex_lock a; mutex_unlock a; mmap_write_unlock mm");
}

fn notifier_takes_lock(k: &mut Text) {
    k.mutexes(&["a"]);
    let mm = k.object("mm", ObjectKind::Mm);
    let range = k.object("buffer", ObjectKind::UserRange { mm });
    let body = "mutex_lock a; mutex_unlock a; return 1";
    let invalidate = k.handler("invalidate", &[Kind::Int, Kind::Seqno], Some(Kind::Int), body);
    k.object("notifier", ObjectKind::IntervalNotifier { range, invalidate });
    k.thread("client", "mutex_lock a; munmap buffer; mutex_unlock a");
}

/// The handler spins for the lock on another CPU.
fn disable_irq_under_lock(k: &mut Text) {
    k.object("lock", ObjectKind::Spinlock { class: None });
    let handler = Some(k.program("handler", "spin_lock lock; spin_unlock lock"));
    k.object("gpu", ObjectKind::Irq { handler, thread: None });
    k.thread("client", "raise_irq gpu; spin_lock_irq lock; synchronize_irq gpu; spin_unlock_irq lock");
}

fn kthread_stop_under_lock(k: &mut Text) {
    k.mutexes(&["a"]);
    k.object("task", ObjectKind::Task { thread: 1 });
    k.thread("client", "mutex_lock a; kthread_stop task; mutex_unlock a");
    k.thread("worker", "mutex_lock a; mutex_unlock a");
}

/// The job's fences wait for the memory that the foreign shrinker waits for them to give.
fn run_job_allocates(k: &mut Text) {
    k.scenario.environment.memory_pressure = true;
    k.scenario.environment.foreign_shrinker = true;
    let job = [Kind::SchedJob];
    let body = "m = kmalloc GFP_KERNEL; kfree m; return NULL";
    let run_job = k.handler("run_job", &job, Some(Kind::FenceOrErr), body);
    let free_job = k.handler("free_job", &job, None, "");
    let kind = fifo_sched(run_job, free_job);
    let sched = k.object("sched", kind);
    k.object("entity", ObjectKind::SchedEntity { scheds: vec![sched], priority: 2, guilty: None });
    let init = "job = drm_sched_job_alloc NULL; drm_sched_job_init job entity 1";
    let publish = "fence = drm_sched_job_finished job; dma_fence_publish fence";
    let push = "drm_sched_entity_push_job job";
    k.thread("client", &format!("{init}; drm_sched_job_arm job; {publish}; {push}"));
}

fn recursion(k: &mut Text) {
    k.mutexes(&["a"]);
    k.thread("client", "mutex_lock a; mutex_lock a; mutex_unlock a; mutex_unlock a");
}
