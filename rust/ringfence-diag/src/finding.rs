//! A finding of a check: rule, verdict, explanation, witness.

use core::fmt;

use serde::Serialize;

use crate::{LockFinding, PlaceView, SearchView};

/// How sure a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// It was predicted, but every execution there is of the scenario was looked at: it cannot happen in it.
    Refuted,
    /// The contract is broken, but no schedule was found in which that shows.
    Predicted,
    /// A schedule was found that hangs, or that breaks the rule.
    Confirmed,
}

impl Verdict {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuted => "REFUTED",
            Self::Predicted => "PREDICTED",
            Self::Confirmed => "CONFIRMED",
        }
    }
}

/// A lock in the hands of a context.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeldView {
    /// Its name.
    pub lock: String,
    /// Its lockdep class.
    pub class: String,
    /// Held for reading.
    pub shared: bool,
    /// Where it was taken.
    pub at: PlaceView,
}

/// One link of a chain of waits: a context that can't go on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaitLink {
    /// The context.
    pub context: String,
    /// What it waits for, in words: `dma_resv lock bo`, `dma_fence flip`.
    pub waits_for: String,
    /// Where it waits.
    pub at: PlaceView,
    /// Kernel functions it is inside of, outermost first: `direct reclaim (GFP_KERNEL)`, `shrinker scan`.
    pub inside: Vec<String>,
    /// What it holds.
    pub held: Vec<HeldView>,
    /// Where its outermost open signalling section began.
    pub section: Option<PlaceView>,
    /// Who could end the wait, in words, and how: `holds it`, `must signal it`. The context of the next link.
    pub because: String,
    /// Others that could end the wait as well but can't go on either.
    pub others: Vec<String>,
}

/// One step of a witness.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StepView {
    /// 0-based number of the step.
    pub number: u64,
    /// The context that took it.
    pub context: String,
    /// What it did.
    pub what: Vec<String>,
    /// Where.
    pub at: PlaceView,
}

/// A schedule that shows the finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Witness {
    /// The replay string, as `Scenario.replay` and `ringfence replay` take it.
    pub schedule: String,
    /// What happened, step by step.
    pub steps: Vec<StepView>,
    /// Where it is not the run-to-completion schedule, if it was made as small as can be.
    pub deviations: Option<Vec<DeviationView>>,
    /// No schedule with fewer deviations shows it: all were looked at.
    pub fewest: bool,
}

/// Where a schedule is not the one in which each context runs as long as it can and every decision is ordinary.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct DeviationView {
    /// 0-based number of the step.
    pub step: u64,
    /// The context that takes the step.
    pub context: String,
    /// The context that would have taken it; `None`: the step itself goes another way.
    pub instead_of: Option<String>,
    /// What is special, in words: `kworker runs instead of client`, `the allocation reclaims memory first`.
    pub what: String,
}

impl fmt::Display for DeviationView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, instead_of, what, .. } = self;
        let place = if instead_of.is_some() { "before" } else { "in" };
        write!(f, "{place} step {step}, {what}")
    }
}

/// The smallest scenario that shows a finding.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct SmallestView {
    /// How many threads it has.
    pub threads: usize,
    /// Of so many.
    pub of_threads: usize,
    /// How many statements its programs have.
    pub statements: usize,
    /// Of so many.
    pub of_statements: usize,
    /// The scenario as JSON.
    pub scenario: String,
    /// The scenario as pseudo-code.
    pub code: String,
    /// Its choices, up to where the finding shows.
    pub choices: Vec<u32>,
    /// Where those are not the ordinary ones.
    pub deviations: Vec<DeviationView>,
    /// It has no schedule with fewer deviations that shows it: all were looked at.
    pub fewest: bool,
}

/// One distinct problem of a scenario.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Finding {
    /// Stable code of the broken rule.
    pub rule: &'static str,
    /// How sure it is.
    pub verdict: Verdict,
    /// One line: what is wrong.
    pub summary: String,
    /// Why it can hang, or why it is wrong: one sentence.
    pub why: String,
    /// The operation that broke the rule.
    pub at: PlaceView,
    /// Who waits for whom, if it hangs. For a deadlock the last link waits for the first.
    pub chain: Vec<WaitLink>,
    /// The chain is a circle.
    pub circular: bool,
    /// The validator's report, if it has one on this.
    pub lock: Option<LockFinding>,
    /// A schedule that shows it.
    pub witness: Option<Witness>,
    /// The scenario's own environment does not show it: the witness is one with everything that the contract allows
    /// others.
    pub against_contract: bool,
    /// How far the search for a witness went, if none was found.
    pub searched: Vec<SearchView>,
    /// The smallest scenario that shows it, if something could be left out.
    pub smallest: Option<SmallestView>,
    /// Parts of the environment that the witness needed.
    pub needs: Vec<String>,
    /// What else a reader has to know: that it is one only in strict mode.
    pub notes: Vec<String>,
    /// In how many executions it was met.
    pub count: u64,
}
