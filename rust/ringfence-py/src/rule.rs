//! The registry of rules.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ringfence::diag;

/// A checkable clause with a stable code.
#[pyclass(frozen, module = "ringfence")]
pub(crate) struct Rule(&'static diag::Rule);

#[pymethods]
impl Rule {
    #[getter]
    fn code(&self) -> &'static str {
        self.0.code
    }

    #[getter]
    fn name(&self) -> &'static str {
        self.0.name
    }

    #[getter]
    fn summary(&self) -> &'static str {
        self.0.summary
    }

    #[getter]
    fn fixes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.fixes)
    }

    #[getter]
    fn markdown(&self) -> &'static str {
        self.0.doc.markdown
    }

    fn __repr__(&self) -> String {
        format!("<Rule {} {}>", self.0.code, self.0.name)
    }
}

/// All rules, ordered by code.
#[pyfunction]
pub(crate) fn rules() -> Vec<Rule> {
    diag::rules().iter().map(Rule).collect()
}
