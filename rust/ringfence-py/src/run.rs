//! Runs over recorded traces.

use std::sync::Arc;

use pyo3::prelude::*;
use ringfence::lockdep::{Batch as EngineBatch, Describe, Item, Options};
use ringfence::validator::{AfterReport, Search};

use crate::detach::detach;
use crate::errors::RingfenceError;
use crate::profile::Profile;
use crate::recorded::{Source, Worker};
use crate::replayed::Replayed;

/// A run over recorded traces, in the background.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct Run {
    worker: Worker<Options>,
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
        Ok(Self { worker: Worker::start(inputs, options)? })
    }

    #[getter]
    fn bytes_total(&self) -> Option<u64> {
        self.worker.bytes_total
    }

    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let batch = self.worker.next_batch(py)?;
        Ok(batch.map(|batch| detach(py, || Batch::from(batch))))
    }
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
