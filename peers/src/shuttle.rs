//! The programs in shuttle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::sync::{Arc, Mutex};
use shuttle::{Config, FailurePersistence, Runner, thread};

/// How shuttle schedules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// At random.
    Random,
    /// Probabilistic concurrency testing, of depth 3.
    Pct,
    /// Uniform random walk.
    Urw,
    /// Depth first.
    Dfs,
}

type Locks = Arc<(Mutex<u64>, Mutex<u64>)>;

fn locks() -> Locks {
    Arc::new((Mutex::new(0), Mutex::new(0)))
}

fn ordered_thread(locks: &Locks) {
    let _a = locks.0.lock().expect("nobody panicked");
    *locks.1.lock().expect("nobody panicked") += 1;
}

fn opposite_thread(locks: &Locks) {
    let _b = locks.1.lock().expect("nobody panicked");
    *locks.0.lock().expect("nobody panicked") += 1;
}

fn run_threads(threads: &[fn(&Locks)]) {
    let locks = locks();
    let spawn = |&body: &fn(&Locks)| {
        let locks = Arc::clone(&locks);
        thread::spawn(move || body(&locks))
    };
    let threads: Vec<_> = threads.iter().map(spawn).collect();
    for thread in threads {
        thread.join().expect("nobody panicked");
    }
}

fn own(threads: usize) {
    let spawn = |_| {
        let lock = Arc::new(Mutex::new(()));
        thread::spawn(move || drop(lock.lock().expect("nobody panicked")))
    };
    let threads: Vec<_> = (0..threads).map(spawn).collect();
    for thread in threads {
        thread.join().expect("nobody panicked");
    }
}

fn run(how: How, seed: u64, executions: u64, program: impl Fn() + Send + Sync + 'static) -> u64 {
    let executions = executions as usize;
    let scheduler: Box<dyn Scheduler + Send> = match how {
        How::Random => Box::new(RandomScheduler::new_from_seed(seed, executions)),
        How::Pct => Box::new(PctScheduler::new_from_seed(seed, 3, executions)),
        How::Urw => Box::new(UrwRandomScheduler::new_from_seed(seed, executions)),
        How::Dfs => Box::new(DfsScheduler::new(Some(executions), false)),
    };
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    Runner::new(scheduler, config).run(program) as u64
}

/// Executions of ordered(n), at most so many.
pub fn ordered(how: How, threads: usize, seed: u64, executions: u64) -> u64 {
    let bodies = vec![ordered_thread as fn(&Locks); threads];
    run(how, seed, executions, move || run_threads(&bodies))
}

/// Executions of own(n), at most so many.
pub fn own_locks(how: How, threads: usize, executions: u64) -> u64 {
    run(how, 0, executions, move || own(threads))
}

/// Executions of abba up to its deadlock; none if so many showed none.
pub fn abba(how: How, seed: u64, executions: u64) -> Option<u64> {
    let begun = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&begun);
    let program = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        run_threads(&[ordered_thread, opposite_thread]);
    };
    // It reports by panicking.
    let found = catch_unwind(AssertUnwindSafe(|| run(how, seed, executions, program))).is_err();
    found.then(|| begun.load(Ordering::Relaxed))
}
