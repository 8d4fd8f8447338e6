//! Which kernel is modelled.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use ringfence::base::Limits;
use ringfence::validator::annotations::{Annotation, Profile as Engine};

use crate::errors;

/// A kernel version and its configuration.
#[pyclass(frozen, eq, module = "ringfence.lockdep")]
#[derive(Clone)]
pub(crate) struct Profile {
    name: String,
    pub(crate) engine: Engine,
}

/// What it does counts, not what it is called.
impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.engine == other.engine
    }
}

/// What pickling keeps: how to make it again, and from what.
type Reduced<'py> = (Bound<'py, PyAny>, (String, Vec<String>));

/// The value of a switch: on or off, or a word.
#[derive(PartialEq, IntoPyObject)]
enum Value {
    Flag(bool),
    Word(&'static str),
}

fn value(engine: &Engine, key: &str) -> Value {
    match key {
        "annotation" => Value::Word(match engine.annotation {
            Annotation::Read => "read",
            Annotation::ReadTrylock => "read_trylock",
        }),
        "limits" => Value::Word(if engine.limits == Limits::default() { "none" } else { "kernel" }),
        "i_mmap_priming" => Value::Flag(engine.i_mmap_priming),
        "lockdep" => Value::Flag(engine.lockdep),
        "mmu_notifier" => Value::Flag(engine.mmu_notifier),
        "raw_lock_nesting" => Value::Flag(engine.raw_lock_nesting),
        "reclaim_notifier" => Value::Flag(engine.reclaim_notifier),
        "strict" => Value::Flag(engine.strict),
        _ => unreachable!("engine bug: a switch without a value"),
    }
}

/// A switch as given in Python: a bool, or a word for those that take one.
#[derive(FromPyObject)]
enum Given {
    Flag(bool),
    Word(String),
}

impl Given {
    fn text(&self) -> &str {
        match self {
            Self::Flag(true) => "on",
            Self::Flag(false) => "off",
            Self::Word(word) => word,
        }
    }
}

#[pymethods]
impl Profile {
    #[new]
    #[pyo3(signature = (name = "6.12", *, mmu_notifier = None, annotation = None, i_mmap_priming = None,
        reclaim_notifier = None, raw_lock_nesting = None, lockdep = None, strict = None, limits = None))]
    #[expect(clippy::too_many_arguments, reason = "one keyword for each switch")]
    fn new(
        name: &str,
        mmu_notifier: Option<Given>,
        annotation: Option<Given>,
        i_mmap_priming: Option<Given>,
        reclaim_notifier: Option<Given>,
        raw_lock_nesting: Option<Given>,
        lockdep: Option<Given>,
        strict: Option<Given>,
        limits: Option<Given>,
    ) -> PyResult<Self> {
        let mut engine = Engine::named(name).map_err(errors::profile)?;
        let given = [
            ("mmu_notifier", mmu_notifier),
            ("annotation", annotation),
            ("i_mmap_priming", i_mmap_priming),
            ("reclaim_notifier", reclaim_notifier),
            ("raw_lock_nesting", raw_lock_nesting),
            ("lockdep", lockdep),
            ("strict", strict),
            ("limits", limits),
        ];
        for (key, given) in &given {
            if let Some(given) = given {
                engine.set(key, given.text()).map_err(errors::profile)?;
            }
        }
        Ok(Self { name: name.into(), engine })
    }

    #[classmethod]
    #[expect(clippy::needless_pass_by_value, reason = "extracted from Python")]
    fn from_settings(_cls: &Bound<'_, PyType>, name: &str, settings: Vec<String>) -> PyResult<Self> {
        let mut engine = Engine::named(name).map_err(errors::profile)?;
        for setting in &settings {
            engine.assign(setting).map_err(errors::profile)?;
        }
        Ok(Self { name: name.into(), engine })
    }

    #[staticmethod]
    fn names() -> Vec<&'static str> {
        Engine::NAMES.to_vec()
    }

    #[staticmethod]
    fn switch_names() -> Vec<&'static str> {
        Engine::KEYS.to_vec()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn switches<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let switches = PyDict::new(py);
        for key in Engine::KEYS {
            switches.set_item(key, value(&self.engine, key))?;
        }
        Ok(switches)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}", self.engine).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> PyResult<String> {
        let named = Engine::named(&self.name).map_err(errors::profile)?;
        let changed: String = Engine::KEYS
            .into_iter()
            .map(|key| (key, value(&self.engine, key)))
            .filter(|(key, now)| *now != value(&named, key))
            .map(|(key, now)| match now {
                Value::Flag(true) => format!(", {key}=True"),
                Value::Flag(false) => format!(", {key}=False"),
                Value::Word(word) => format!(", {key}='{word}'"),
            })
            .collect();
        Ok(format!("Profile('{}'{changed})", self.name))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let this = slf.get();
        let setting = |key: &str| match value(&this.engine, key) {
            Value::Flag(true) => format!("{key}=on"),
            Value::Flag(false) => format!("{key}=off"),
            Value::Word(word) => format!("{key}={word}"),
        };
        let make = slf.get_type().getattr("from_settings")?;
        Ok((make, (this.name.clone(), Engine::KEYS.into_iter().map(setting).collect())))
    }
}
