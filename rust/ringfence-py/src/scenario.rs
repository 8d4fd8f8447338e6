//! Scenarios and the table of operations that they are made of.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use pyo3::prelude::*;
use ringfence::scenario::{self, ArgSpec, Kind, Op, OpSpec, Sort};

use crate::errors;

/// A closed system, as plain data.
#[pyclass(frozen, eq, module = "ringfence._core")]
#[derive(Clone, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) inner: Arc<scenario::Scenario>,
}

#[pymethods]
impl Scenario {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        let inner = scenario::Scenario::from_json(text).map_err(errors::scenario)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    fn to_json(&self) -> String {
        self.inner.to_json()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Scenario {}>", self.inner.name)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json(),)))
    }
}

/// One argument of an operation.
#[pyclass(frozen, get_all, module = "ringfence")]
#[derive(Clone)]
pub(crate) struct Argument {
    name: &'static str,
    kinds: Vec<&'static str>,
    nullable: bool,
    list: bool,
    text: bool,
}

impl From<&ArgSpec> for Argument {
    fn from(spec: &ArgSpec) -> Self {
        Self {
            name: spec.name,
            kinds: spec.kinds.iter().map(|kind| kind.as_str()).collect(),
            nullable: spec.nullable,
            list: spec.list,
            text: spec.text,
        }
    }
}

/// One operation: what a program can call.
#[pyclass(frozen, get_all, module = "ringfence")]
#[derive(Clone)]
pub(crate) struct Operation {
    name: &'static str,
    args: Vec<Argument>,
    result: Option<&'static str>,
    visible: bool,
    doc: &'static str,
}

impl From<&OpSpec> for Operation {
    fn from(spec: &OpSpec) -> Self {
        Self {
            name: spec.name,
            args: spec.args.iter().map(Argument::from).collect(),
            result: spec.result.map(Kind::as_str),
            visible: spec.visible,
            doc: spec.doc,
        }
    }
}

#[pymethods]
impl Operation {
    fn __repr__(&self) -> String {
        let args: Vec<&str> = self.args.iter().map(|arg| arg.name).collect();
        format!("<Operation {}({})>", self.name, args.join(", "))
    }
}

/// Every operation, by family.
#[pyfunction]
pub(crate) fn operations() -> Vec<Operation> {
    Op::ALL.iter().map(|op| Operation::from(op.spec())).collect()
}

/// Kinds of values by where they come from: numbers, declared objects, objects made at run time.
#[pyfunction]
pub(crate) fn kinds() -> Vec<(&'static str, &'static str)> {
    let sort = |kind: Kind| match kind.sort() {
        Sort::Number => "number",
        Sort::Declared => "declared",
        Sort::Made => "made",
        Sort::Either => "either",
    };
    Kind::ALL.iter().map(|&kind| (kind.as_str(), sort(kind))).collect()
}
