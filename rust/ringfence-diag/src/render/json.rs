//! JSON for programs.

use crate::LockFinding;

/// The finding as one line of JSON: the fields of [`LockFinding`], in their order.
pub fn json(finding: &LockFinding) -> String {
    serde_json::to_string(finding).expect("engine bug: a finding is plain data and always serialises")
}
