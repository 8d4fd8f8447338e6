//! Decided traces.

use std::fmt::Write as _;

use pyo3::prelude::*;
use ringfence::lockdep::{Decided, VerdictJson, agrees};
use ringfence::validator::trace::{Expected, ExpectedKind};

use crate::finding::Finding;

/// The bare verdict on a trace: the first report.
#[pyclass(frozen, eq, hash, get_all, module = "ringfence.lockdep")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Verdict {
    at: u64,
    kind: &'static str,
    cycle: Option<usize>,
}

impl From<VerdictJson> for Verdict {
    fn from(VerdictJson { at, kind, cycle }: VerdictJson) -> Self {
        Self { at, kind, cycle }
    }
}

#[pymethods]
impl Verdict {
    fn __str__(&self) -> String {
        let cycle = self.cycle.map(|cycle| format!(" (cycle {cycle})")).unwrap_or_default();
        format!("{} at op {}{cycle}", self.kind, self.at)
    }

    fn __repr__(&self) -> String {
        format!("<Verdict {}>", self.__str__())
    }
}

/// A decided trace.
#[pyclass(frozen, module = "ringfence.lockdep")]
#[derive(Clone)]
pub(crate) struct Replayed {
    decided: Decided,
    #[pyo3(get)]
    findings: Vec<Finding>,
}

impl Replayed {
    pub(crate) fn new(mut decided: Decided) -> Self {
        let findings = std::mem::take(&mut decided.findings).into_iter().map(Finding::from).collect();
        Self { decided, findings }
    }

    fn recorded_verdict(&self) -> Option<Verdict> {
        match self.decided.expected.as_ref()? {
            Expected::Clean => None,
            Expected::Report { at, kind, cycle } => {
                let kind = match kind {
                    ExpectedKind::Lockdep(kind) => kind.as_str(),
                    ExpectedKind::WwApi => "ww-api",
                };
                Some(Verdict { at: *at, kind, cycle: *cycle })
            }
        }
    }

    pub(crate) fn reported(&self) -> bool {
        self.decided.verdict.is_some()
    }

    pub(crate) fn agreement(&self) -> Option<bool> {
        self.decided.expected.as_ref().map(|expected| agrees(expected, self.decided.verdict))
    }

    /// The trace as a line of `--json`, with its line feed.
    pub(crate) fn json_line(&self, findings: bool, check: bool) -> String {
        let verdict = |verdict: Option<Verdict>| {
            let json = |Verdict { at, kind, cycle }| VerdictJson { at, kind, cycle };
            serde_json::to_string(&verdict.map(json)).expect("engine bug: a verdict always serialises")
        };
        let id = serde_json::to_string(&self.decided.id).expect("engine bug: a string always serialises");
        let mut line = format!("{{\"id\":{id},\"verdict\":{}", verdict(self.verdict()));
        if check && let Some(agrees) = self.agreement() {
            let _ = write!(line, ",\"expected\":{},\"agrees\":{agrees}", verdict(self.recorded_verdict()));
        }
        if findings {
            let findings: Vec<String> = self.findings.iter().map(Finding::to_json).collect();
            let _ = write!(line, ",\"findings\":[{}]", findings.join(","));
        }
        line.push_str("}\n");
        line
    }
}

#[pymethods]
impl Replayed {
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
    fn ops(&self) -> usize {
        self.decided.ops
    }

    #[getter]
    fn verdict(&self) -> Option<Verdict> {
        self.decided.verdict.map(|verdict| VerdictJson::from(verdict).into())
    }

    #[getter]
    fn recorded(&self) -> bool {
        self.decided.expected.is_some()
    }

    #[getter]
    fn expected(&self) -> Option<Verdict> {
        self.recorded_verdict()
    }

    #[getter]
    fn agrees(&self) -> Option<bool> {
        self.agreement()
    }

    #[getter]
    fn silence(&self) -> Option<String> {
        self.findings.first()?.silence_name()
    }

    fn __repr__(&self) -> String {
        let id = self.decided.id.escape_debug();
        match self.verdict() {
            Some(verdict) => format!("<Replayed {id}: {}>", verdict.__str__()),
            None => format!("<Replayed {id}: clean>"),
        }
    }
}
