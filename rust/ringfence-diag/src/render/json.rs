//! JSON for programs.

use crate::Finding;

/// The finding as one line of JSON: the fields of [`Finding`], in their order.
pub fn json(finding: &Finding) -> String {
    serde_json::to_string(finding).expect("engine bug: a finding is plain data and always serialises")
}
