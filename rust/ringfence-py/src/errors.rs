//! A caller's mistakes as the exceptions of `ringfence.errors`.

use pyo3::import_exception;
use pyo3::prelude::*;
use ringfence::scenario::ScenarioError as EngineScenarioError;
use ringfence::validator::Misuse;
use ringfence::validator::annotations::{ProfileError as EngineProfileError, UnknownGfp};

import_exception!(ringfence.errors, GfpError);
import_exception!(ringfence.errors, MisuseError);
import_exception!(ringfence.errors, ProfileError);
import_exception!(ringfence.errors, ReplayError);
import_exception!(ringfence.errors, RingfenceError);
import_exception!(ringfence.errors, ScenarioError);
import_exception!(ringfence.errors, UnknownRuleError);

/// The call contradicts earlier ones.
pub(crate) fn misuse(misuse: Misuse) -> PyErr {
    MisuseError::new_err(misuse.to_string())
}

/// No such profile, switch or value.
#[expect(clippy::needless_pass_by_value, reason = "goes into map_err")]
pub(crate) fn profile(error: EngineProfileError) -> PyErr {
    ProfileError::new_err(error.to_string())
}

/// No such gfp flag.
#[expect(clippy::needless_pass_by_value, reason = "goes into map_err")]
pub(crate) fn gfp(error: UnknownGfp) -> PyErr {
    GfpError::new_err(error.to_string())
}

/// A scenario that makes no sense.
pub(crate) fn scenario(error: EngineScenarioError) -> PyErr {
    ScenarioError::new_err((error.message, error.place))
}

/// A replay string that is none, or not one of this scenario.
pub(crate) fn replay(error: &impl std::error::Error) -> PyErr {
    ReplayError::new_err(error.to_string())
}
