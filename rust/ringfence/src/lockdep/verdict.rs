//! The bare verdict as JSON, and whether it is the recorded one.

use ringfence_lockdep::Verdict;
use ringfence_lockdep::trace::{Expected, ExpectedKind};
use serde::Serialize;

/// A verdict in the form of the recordings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct VerdictJson {
    /// 0-based index of the operation.
    pub at: u64,
    /// What was reported.
    pub kind: &'static str,
    /// For circular reports only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle: Option<usize>,
}

impl From<Verdict> for VerdictJson {
    fn from(verdict: Verdict) -> Self {
        Self { at: verdict.at, kind: verdict.kind.as_str(), cycle: verdict.cycle }
    }
}

/// `{"at":…,"kind":…,"cycle":…}` or `null`.
pub fn verdict_json(verdict: Option<Verdict>) -> String {
    serde_json::to_string(&verdict.map(VerdictJson::from)).expect("engine bug: a verdict always serialises")
}

/// The validator's answer is the recorded one. Where a `ww_mutex` debug check outside lockdep had fired,
/// the validator must have been silent.
pub fn agrees(expected: &Expected, verdict: Option<Verdict>) -> bool {
    match (expected, verdict) {
        (Expected::Clean | Expected::Report { kind: ExpectedKind::WwApi, .. }, verdict) => verdict.is_none(),
        (Expected::Report { at, kind: ExpectedKind::Lockdep(kind), cycle }, Some(verdict)) => {
            (*at, *kind, *cycle) == (verdict.at, verdict.kind, verdict.cycle)
        }
        (Expected::Report { .. }, None) => false,
    }
}
