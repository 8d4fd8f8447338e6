//! Runs over recorded traces.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use pyo3::prelude::*;
use ringfence::input::Input;
use ringfence::lockdep::{Batch as EngineBatch, Describe, Item, Options, Run as Engine};
use ringfence::validator::{AfterReport, Search};

use crate::detach::{detach, locked, receive};
use crate::errors::RingfenceError;
use crate::profile::Profile;
use crate::replayed::Replayed;

/// Batches that may wait to be fetched: the engine works on the next one meanwhile.
const QUEUE: usize = 1;

/// A run over recorded traces, in the background.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct Run {
    batches: Mutex<Receiver<EngineBatch>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    bytes_total: Option<u64>,
}

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

pub(crate) fn search(name: &str) -> PyResult<Search> {
    match name {
        "exact" => Ok(Search::Exact),
        "kernel" => Ok(Search::Kernel),
        _ => Err(RingfenceError::new_err(format!("unknown search `{name}`; expected exact or kernel"))),
    }
}

pub(crate) fn after_report(go_on: bool) -> AfterReport {
    if go_on { AfterReport::Continue } else { AfterReport::Stop }
}

#[pymethods]
impl Run {
    #[new]
    #[pyo3(signature = (inputs, profile, *, search, go_on, describe, only = None, jobs = 0))]
    fn new(
        inputs: Vec<Option<Source>>,
        profile: &Profile,
        search: &str,
        go_on: bool,
        describe: bool,
        only: Option<String>,
        jobs: usize,
    ) -> PyResult<Self> {
        let describe = match only {
            Some(id) => Describe::Only(id),
            None if describe => Describe::Everything,
            None => Describe::Nothing,
        };
        let options = Options {
            profile: profile.engine,
            search: self::search(search)?,
            after_report: after_report(go_on),
            describe,
            jobs,
        };
        let inputs: Vec<Input> = inputs.into_iter().map(input).collect();
        let bytes_total = inputs.iter().map(Input::size).sum();
        let no_threads = |error: &dyn std::fmt::Display| {
            RingfenceError::new_err(format!("can't start {jobs} threads: {error}; ask for fewer jobs"))
        };
        let engine = Engine::new(inputs, options).map_err(|error| no_threads(&error))?;
        let (sender, receiver) = sync_channel(QUEUE);
        let worker = start(engine, sender).map_err(|error| no_threads(&error))?;
        Ok(Self { batches: Mutex::new(receiver), worker: Mutex::new(Some(worker)), bytes_total })
    }

    #[getter]
    fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        if let Some(batch) = receive(py, &self.batches)? {
            return Ok(Some(detach(py, || Batch::from(batch))));
        }
        let finished = detach(py, || locked(&self.worker).take().map(JoinHandle::join));
        if let Some(Err(panic)) = finished {
            resume_unwind(panic);
        }
        Ok(None)
    }
}

/// One thread reads and decides, so that Ctrl-C is heard also while it waits for standard input. It ends
/// with the run, or when nobody wants its batches any more.
fn start(mut engine: Engine, batches: SyncSender<EngineBatch>) -> std::io::Result<JoinHandle<()>> {
    let work = move || {
        while let Some(batch) = engine.next_batch() {
            if batches.send(batch).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("ringfence-run".into()).spawn(work)
}

/// Some outcomes of a run, in input order.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct Batch {
    items: Arc<[Replayed]>,
    #[pyo3(get)]
    refused: Vec<String>,
    #[pyo3(get)]
    bytes_done: u64,
}

impl From<EngineBatch> for Batch {
    fn from(batch: EngineBatch) -> Self {
        let mut refused = Vec::new();
        let mut items = Vec::new();
        for item in batch.items {
            match item {
                Item::Decided(decided) => items.push(Replayed::new(*decided)),
                Item::Refused(what) => refused.push(what.to_string()),
            }
        }
        Self { items: items.into(), refused, bytes_done: batch.bytes_done }
    }
}

#[pymethods]
impl Batch {
    #[getter]
    fn items(&self) -> Vec<Replayed> {
        self.items.to_vec()
    }

    #[pyo3(signature = (*, findings, check))]
    fn json_lines(&self, py: Python<'_>, findings: bool, check: bool) -> String {
        detach(py, || self.items.iter().map(|item| item.json_line(findings, check)).collect())
    }

    /// Traces, those with a finding, those with a recorded verdict, those that agree with it.
    fn counts(&self) -> (usize, usize, usize, usize) {
        let count = |which: fn(&Replayed) -> bool| self.items.iter().filter(|item| which(item)).count();
        let recorded = count(|item| item.agreement().is_some());
        (self.items.len(), count(Replayed::reported), recorded, count(|item| item.agreement() == Some(true)))
    }
}
