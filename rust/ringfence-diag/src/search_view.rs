//! How far a check looked.

use serde::Serialize;

/// One search of a check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SearchView {
    /// What made the choices: `ordered`, `dpor`, `random`, `directed`…
    pub method: String,
    /// Against everything that the contract allows others, not only what the scenario's environment does.
    pub contract: bool,
    /// Executions that were run.
    pub executions: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Every execution there is is equivalent to one of them.
    pub complete: bool,
}
