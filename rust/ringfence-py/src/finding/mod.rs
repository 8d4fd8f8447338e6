//! Findings.

pub(crate) mod read_back;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use pyo3::prelude::*;
use ringfence::diag;
use ringfence::diag::render::{Style, TextOptions};

use crate::errors::RingfenceError;

/// One distinct problem, as a value.
#[pyclass(frozen, eq, module = "ringfence.lockdep")]
#[derive(Clone, PartialEq)]
pub(crate) struct Finding {
    inner: Arc<diag::LockFinding>,
}

impl From<diag::LockFinding> for Finding {
    fn from(finding: diag::LockFinding) -> Self {
        Self { inner: Arc::new(finding) }
    }
}

impl Finding {
    pub(crate) fn silence_name(&self) -> Option<String> {
        self.inner.silence.map(|silence| silence.to_string())
    }

    pub(crate) fn to_json(&self) -> String {
        diag::render::json(&self.inner)
    }

    fn name(&self) -> &'static str {
        diag::rule(self.inner.rule).map_or(self.inner.kind.as_str(), |rule| rule.name)
    }

    /// `file:line` of the operation, or the file alone.
    fn place(&self) -> Option<String> {
        let at = &self.inner.report.at;
        let file = at.file.as_deref()?;
        Some(at.line.map_or_else(|| file.into(), |line| format!("{file}:{line}")))
    }
}

#[pymethods]
impl Finding {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        read_back::finding(text).map(Self::from).ok_or_else(|| {
            let message =
                "this is no finding of this version of ringfence; expected what Finding.json() gave";
            RingfenceError::new_err(message)
        })
    }

    #[getter]
    fn rule(&self) -> &str {
        self.inner.rule
    }

    #[getter]
    fn kind(&self) -> &str {
        self.inner.kind.as_str()
    }

    #[getter]
    fn verdict(&self) -> &str {
        self.inner.verdict.as_str()
    }

    #[getter]
    fn summary(&self) -> &str {
        &self.inner.summary
    }

    #[getter]
    fn why(&self) -> &str {
        &self.inner.why
    }

    #[getter]
    fn op(&self) -> u64 {
        self.inner.op()
    }

    #[getter]
    fn task(&self) -> &str {
        &self.inner.report.task.name
    }

    #[getter]
    fn location(&self) -> Option<String> {
        self.place()
    }

    #[getter]
    fn count(&self) -> u64 {
        self.inner.count
    }

    #[getter]
    fn cycle(&self) -> Option<usize> {
        self.inner.cycle_len()
    }

    #[getter]
    fn silence(&self) -> Option<String> {
        self.silence_name()
    }

    #[pyo3(signature = (width = 100, colour = false))]
    fn text(&self, width: usize, colour: bool) -> String {
        let style = if colour { Style::Colour } else { Style::Plain };
        diag::render::text(&self.inner, &TextOptions { style, width })
    }

    fn splat(&self) -> String {
        diag::render::splat(&self.inner)
    }

    fn json(&self) -> String {
        self.to_json()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.json(),))
    }

    fn __str__(&self) -> String {
        diag::render::text(&self.inner, &TextOptions::default())
    }

    fn __repr__(&self) -> String {
        let at = self.place().unwrap_or_else(|| format!("op {}", self.inner.op()));
        let summary = self.inner.summary.escape_debug();
        format!("<Finding {} {} at {at}: {summary}>", self.inner.rule, self.name())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.inner.rule, self.inner.op(), &self.inner.summary, self.inner.count).hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().json(),)))
    }
}
