//! Recordings of API calls, replayed on the model.

use std::sync::Arc;

use pyo3::prelude::*;
use ringfence::conformance::{Batch as EngineBatch, Decided, Item, Options};

use crate::detach::detach;
use crate::recorded::{Source, Worker};

/// A run over recordings of API calls, in the background.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct ConformanceRun {
    worker: Worker<Options>,
}

#[pymethods]
impl ConformanceRun {
    #[new]
    #[pyo3(signature = (inputs, *, compare, answer, jobs = 0))]
    fn new(inputs: Vec<Option<Source>>, compare: bool, answer: bool, jobs: usize) -> PyResult<Self> {
        Ok(Self { worker: Worker::start(inputs, Options { compare, answer, jobs })? })
    }

    #[getter]
    fn bytes_total(&self) -> Option<u64> {
        self.worker.bytes_total
    }

    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<ConformanceBatch>> {
        Ok(self.worker.next_batch(py)?.map(ConformanceBatch::from))
    }
}

/// Some replayed recordings, in input order.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct ConformanceBatch {
    items: Arc<[ReplayedCalls]>,
    #[pyo3(get)]
    refused: Vec<String>,
    #[pyo3(get)]
    bytes_done: u64,
}

/// A replayed recording.
#[pyclass(frozen, module = "ringfence._core")]
#[derive(Clone)]
pub(crate) struct ReplayedCalls {
    decided: Arc<Decided>,
}

impl From<EngineBatch> for ConformanceBatch {
    fn from(batch: EngineBatch) -> Self {
        let (mut refused, mut items) = (Vec::new(), Vec::new());
        for item in batch.items {
            match item {
                Item::Decided(decided) => items.push(ReplayedCalls { decided: Arc::from(decided) }),
                Item::Refused(what) => refused.push(what.to_string()),
            }
        }
        Self { items: items.into(), refused, bytes_done: batch.bytes_done }
    }
}

impl ReplayedCalls {
    fn agreement(&self) -> Option<bool> {
        self.decided.recorded.then_some(self.decided.difference.is_none())
    }

    fn json_line(&self, check: bool) -> String {
        let mut line = self.decided.answer.clone().unwrap_or_default();
        if check && let Some(agrees) = self.agreement() {
            line.truncate(line.len() - 1);
            line.push_str(if agrees { ",\"agrees\":true}" } else { ",\"agrees\":false}" });
        }
        line.push('\n');
        line
    }
}

#[pymethods]
impl ReplayedCalls {
    #[getter]
    fn id(&self) -> &str {
        &self.decided.id
    }

    #[getter]
    fn family(&self) -> &str {
        &self.decided.family
    }

    #[getter]
    fn file(&self) -> &str {
        &self.decided.file
    }

    #[getter]
    fn line(&self) -> u64 {
        self.decided.line
    }

    #[getter]
    fn calls(&self) -> usize {
        self.decided.steps
    }

    #[getter]
    fn agrees(&self) -> Option<bool> {
        self.agreement()
    }

    #[getter]
    fn difference(&self) -> Option<(usize, &str, &str, &str)> {
        let difference = self.decided.difference.as_ref()?;
        Some((difference.step, &difference.op, &difference.recorded, &difference.modelled))
    }
}

#[pymethods]
impl ConformanceBatch {
    #[getter]
    fn items(&self) -> Vec<ReplayedCalls> {
        self.items.to_vec()
    }

    #[pyo3(signature = (*, check))]
    fn json_lines(&self, py: Python<'_>, check: bool) -> String {
        detach(py, || self.items.iter().map(|item| item.json_line(check)).collect())
    }

    /// Recordings, calls in them, those that say what the kernel did, those that agree with it.
    fn counts(&self) -> (usize, usize, usize, usize) {
        let count = |agreement| self.items.iter().filter(|item| item.agreement() == agreement).count();
        let (agree, differ) = (count(Some(true)), count(Some(false)));
        let calls = self.items.iter().map(|item| item.decided.steps).sum();
        (self.items.len(), calls, agree + differ, agree)
    }
}
