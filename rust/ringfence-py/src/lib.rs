//! The Python extension module `ringfence._core`: converts and nothing else.
//!
//! Documentation for users is in `python/ringfence` (`_core.pyi` for what is defined here). Every class is
//! frozen; what changes is behind a lock that is never waited for while attached to the interpreter
//! (`detach.rs`).

mod check;
mod conformance;
mod detach;
mod errors;
mod execution;
mod finding;
mod gfp;
mod kernel;
mod profile;
mod recorded;
mod replayed;
mod rule;
mod run;
mod scenario;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods as _, PyResult};

    #[pymodule_export]
    use super::check::{Progress, Report, Search, check};
    #[pymodule_export]
    use super::conformance::{ConformanceBatch, ConformanceRun, ReplayedCalls};
    #[pymodule_export]
    use super::execution::{Execution, FenceState, HeldLock, Snapshot, Step, ThreadState, replay, run};
    #[pymodule_export]
    use super::finding::Finding;
    #[pymodule_export]
    use super::gfp::Gfp;
    #[pymodule_export]
    use super::kernel::{Cookie, Kernel};
    #[pymodule_export]
    use super::profile::Profile;
    #[pymodule_export]
    use super::replayed::{Replayed, Verdict};
    #[pymodule_export]
    use super::rule::{Rule, rules};
    #[pymodule_export]
    use super::run::{Batch, Run};
    #[pymodule_export]
    use super::scenario::{Argument, Operation, Scenario, kinds, operations};

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        // Its name is `ringfence.Finding`; here that is the one of lock traces.
        m.add("CheckFinding", m.py().get_type::<super::check::CheckFinding>())?;
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
