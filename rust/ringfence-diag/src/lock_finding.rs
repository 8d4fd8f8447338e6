//! A finding of the validator: rule, verdict, explanation, evidence.

use serde::Serialize;

use crate::{LockReport, LockReportKind, Silence, Verdict};

/// One distinct problem.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LockFinding {
    /// Stable code of the broken rule, `RF601`…
    pub rule: &'static str,
    /// The kind of lockdep report.
    pub kind: LockReportKind,
    /// How sure it is.
    pub verdict: Verdict,
    /// One line: what is wrong, with the classes.
    pub summary: String,
    /// One sentence: why it can block (or why the state can't be trusted any more).
    pub why: String,
    /// Everything a report shows.
    pub report: LockReport,
    /// Set if Linux lockdep would not have reported it.
    pub silence: Option<Silence>,
    /// How often the same problem was met; at least 1.
    pub count: u64,
}

impl LockFinding {
    /// 0-based index of the operation that made the problem visible.
    pub fn op(&self) -> u64 {
        self.report.at.op
    }

    /// Recorded dependencies on the shortest path from the new lock to the held one, for circular
    /// findings; the new dependency that closes the circle is not counted.
    pub fn cycle_len(&self) -> Option<usize> {
        (self.kind == LockReportKind::Circular)
            .then(|| self.report.links.iter().filter(|link| !link.new).count())
    }
}
