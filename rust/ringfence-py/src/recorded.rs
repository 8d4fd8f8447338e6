//! Runs over recordings in the background.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use pyo3::prelude::*;
use ringfence::input::Input;
use ringfence::recorded::{Batch, Run, Work};

use crate::detach::{detach, locked, receive};
use crate::errors::RingfenceError;

/// Batches that may wait to be fetched: the engine works on the next one meanwhile.
const QUEUE: usize = 1;

/// A path, text under a name, or (`None`) standard input.
#[derive(FromPyObject)]
pub(crate) enum Source {
    Named(String, Vec<u8>),
    Path(PathBuf),
}

fn input(source: Option<Source>) -> Input {
    match source {
        None => Input::Stdin,
        Some(Source::Path(path)) => Input::Path(path),
        Some(Source::Named(name, data)) => Input::Bytes { name, data: data.into() },
    }
}

/// A thread that reads and works, so that Ctrl-C is heard also while it waits for standard input. It ends with the
/// run, or when nobody wants its batches any more.
pub(crate) struct Worker<W: Work> {
    batches: Mutex<Receiver<Batch<W::Outcome>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Size of all inputs before decompression, where it is known.
    pub(crate) bytes_total: Option<u64>,
}

impl<W: Work + Send + 'static> Worker<W> {
    pub(crate) fn start(inputs: Vec<Option<Source>>, work: W) -> PyResult<Self> {
        let jobs = work.jobs();
        let inputs: Vec<Input> = inputs.into_iter().map(input).collect();
        let bytes_total = inputs.iter().map(Input::size).sum();
        let no_threads = |error: &dyn std::fmt::Display| {
            RingfenceError::new_err(format!("can't start {jobs} threads: {error}; ask for fewer jobs"))
        };
        let run = Run::new(inputs, work).map_err(|error| no_threads(&error))?;
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = spawn(run, sender).map_err(|error| no_threads(&error))?;
        Ok(Self { batches: Mutex::new(receiver), thread: Mutex::new(Some(thread)), bytes_total })
    }

    /// The next outcomes; `None` at the end.
    pub(crate) fn next_batch(&self, py: Python<'_>) -> PyResult<Option<Batch<W::Outcome>>> {
        if let Some(batch) = receive(py, &self.batches)? {
            return Ok(Some(batch));
        }
        let finished = detach(py, || locked(&self.thread).take().map(JoinHandle::join));
        if let Some(Err(panic)) = finished {
            resume_unwind(panic);
        }
        Ok(None)
    }
}

fn spawn<W: Work + Send + 'static>(
    mut run: Run<W>,
    batches: SyncSender<Batch<W::Outcome>>,
) -> std::io::Result<JoinHandle<()>> {
    let work = move || {
        while let Some(batch) = run.next_batch() {
            if batches.send(batch).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("ringfence-run".into()).spawn(work)
}
