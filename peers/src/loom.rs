//! The programs in loom, which explores all interleavings, and what the C11 memory model allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loom::model::Builder;
use loom::sync::Mutex;
use loom::thread;

/// ordered(3), all of it; how many executions that were. What is shared is in std's `Arc`, which loom does not see:
/// its own one would be one more thing to branch on.
pub fn ordered() -> u64 {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = Builder::new();
    builder.log = false;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let locks = Arc::new((Mutex::new(()), Mutex::new(0u64)));
        let spawn = |_| {
            let locks = Arc::clone(&locks);
            thread::spawn(move || {
                let _a = locks.0.lock().expect("nobody panicked");
                *locks.1.lock().expect("nobody panicked") += 1;
            })
        };
        let threads: Vec<_> = (0..3).map(spawn).collect();
        for thread in threads {
            thread.join().expect("nobody panicked");
        }
    });
    executions.load(Ordering::Relaxed)
}
