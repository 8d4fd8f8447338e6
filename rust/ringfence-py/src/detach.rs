//! Leaving the interpreter while the engine works.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use crate::errors::RingfenceError;

/// How often a long wait looks for Ctrl-C.
const POLL: Duration = Duration::from_millis(50);

/// Whether the work is still wanted; asked by the work itself.
#[derive(Clone, Debug)]
pub(crate) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    pub(crate) fn yes(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs engine code detached from the interpreter, so that other Python threads go on meanwhile.
pub(crate) fn detach<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}

/// Waits, detached, for what a worker sends, and looks for Ctrl-C now and then. `None`: the worker is done.
///
/// # Errors
/// What a signal handler raised, usually `KeyboardInterrupt`.
pub(crate) fn receive<T: Send>(py: Python<'_>, channel: &Mutex<Receiver<T>>) -> PyResult<Option<T>> {
    loop {
        match detach(py, || locked(channel).recv_timeout(POLL)) {
            Ok(message) => return Ok(Some(message)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
        }
    }
}

/// Locks. Only to be called detached: waiting for a lock while attached can deadlock with its owner.
///
/// # Panics
/// If the engine panicked while it held the lock: its state can't be trusted any more.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().map_err(|_: PoisonError<_>| ()).expect("engine bug: an earlier call on this object panicked")
}

/// Does work on a thread of its own, and meanwhile calls `meanwhile` and looks for Ctrl-C now and then. What the one
/// raises, or a signal handler, comes back beside the result: the work is told, and ends soon.
///
/// # Errors
/// The thread can't be started.
pub(crate) fn in_background<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(&Wanted) -> T + Send + 'static,
    mut meanwhile: impl FnMut() -> PyResult<()>,
) -> PyResult<(T, Option<PyErr>)> {
    let wanted = Wanted(Arc::new(AtomicBool::new(true)));
    let (sender, receiver) = sync_channel(1);
    let receiver = Mutex::new(receiver);
    let worker = {
        let wanted = wanted.clone();
        // Whoever asked may have gone.
        let work = move || drop(sender.send(work(&wanted)));
        let start = std::thread::Builder::new().name("ringfence-work".into()).spawn(work);
        start.map_err(|error| RingfenceError::new_err(format!("can't start a thread: {error}")))?
    };
    let mut raised = None;
    loop {
        match detach(py, || locked(&receiver).recv_timeout(POLL)) {
            Ok(result) => return Ok((result, raised)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let looked = py.check_signals().and_then(|()| if raised.is_none() { meanwhile() } else { Ok(()) });
        if let Err(error) = looked {
            wanted.0.store(false, Ordering::Relaxed);
            raised.get_or_insert(error);
        }
    }
    match detach(py, || worker.join()) {
        Err(panic) => resume_unwind(panic),
        Ok(()) => panic!("engine bug: a worker ended without a result"),
    }
}
