//! Leaving the interpreter while the engine works.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

/// How often a long wait looks for Ctrl-C.
const POLL: Duration = Duration::from_millis(50);

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
