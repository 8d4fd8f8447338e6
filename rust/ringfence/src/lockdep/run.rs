//! Deciding traces: what a run over recordings does with each line.

use std::sync::Arc;

use ringfence_diag::LockFinding;
use ringfence_lockdep::annotations::Profile;
use ringfence_lockdep::trace::{Expected, Replay, Trace, parse};
use ringfence_lockdep::{AfterReport, Search, Verdict};

use crate::recorded::{self, Outcome, Position, Work};

pub use crate::recorded::Refused;

/// Which traces get findings in words besides their verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Describe {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// Those of this id; the others are not even decided.
    Only(String),
}

/// How traces are decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Which kernel.
    pub profile: Profile,
    /// Which searches.
    pub search: Search,
    /// Stop a trace at its first report or go on.
    pub after_report: AfterReport,
    /// What comes back in words.
    pub describe: Describe,
    /// Threads; 0 for one per core.
    pub jobs: usize,
}

/// A decided trace.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Its input.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u64,
    /// Its id.
    pub id: String,
    /// What sort of trace it is.
    pub family: String,
    /// How many operations it has.
    pub ops: usize,
    /// What its recorder answered.
    pub expected: Option<Expected>,
    /// The first report.
    pub verdict: Option<Verdict>,
    /// In words, as asked for.
    pub findings: Vec<LockFinding>,
}

/// A run over traces.
pub type Run = recorded::Run<Options>;
/// Some outcomes in input order.
pub type Batch = recorded::Batch<Decided>;
/// One line's outcome.
pub type Item = recorded::Item<Decided>;

impl Outcome for Decided {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Work for Options {
    type Outcome = Decided;
    type Scratch = Replay;
    const NOUN: &'static str = "trace";

    fn jobs(&self) -> usize {
        self.jobs
    }

    fn scratch(&self) -> Replay {
        Replay::new(self.profile, self.search, self.after_report)
    }

    fn line(&self, replay: &mut Replay, at: &Position, text: &[u8]) -> Result<Option<Decided>, String> {
        let trace = parse(text).map_err(|error| error.to_string())?;
        if matches!(&self.describe, Describe::Only(id) if *id != trace.id) {
            return Ok(None);
        }
        let verdict = replay.run(&trace).map_err(|error| error.to_string())?;
        let findings = if self.describe == Describe::Nothing { Vec::new() } else { replay.findings() };
        let ops = trace.ops.len();
        let Position { file, line } = at.clone();
        let Trace { id, family, expected, .. } = trace;
        Ok(Some(Decided { file, line, id, family, ops, expected, verdict, findings }))
    }
}
