//! The registry of rules.

use pyo3::prelude::*;
use ringfence::diag;

/// A checkable clause with a stable code.
#[pyclass(frozen, get_all, module = "ringfence")]
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    code: &'static str,
    name: &'static str,
    summary: &'static str,
    markdown: &'static str,
}

#[pymethods]
impl Rule {
    fn __repr__(&self) -> String {
        format!("<Rule {} {}>", self.code, self.name)
    }
}

/// All rules, ordered by code.
#[pyfunction]
pub(crate) fn rules() -> Vec<Rule> {
    let rule = |rule: &diag::Rule| Rule {
        code: rule.code,
        name: rule.name,
        summary: rule.summary,
        markdown: rule.doc.markdown,
    };
    diag::rules().iter().map(rule).collect()
}
