//! What makes a finding of a smaller scenario the same finding: rule, classes and places, not the names of threads.

use std::collections::BTreeSet;

use ringfence_base::{End, SiteId, SourceLocation};
use ringfence_diag::{Finding, LockFinding, PlaceView, WaitLink};
use ringfence_model::judge::{Breach, Certainty, Hang, HangKind, HangLink};
use ringfence_model::{Plan, Wait};

use crate::check::collect::guilty;
use crate::check::describe::Describe;
use crate::check::execution::Executor;

/// A place of the user's source, which smaller scenarios share.
type Place = Option<SourceLocation>;

/// What has to show again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Same {
    /// Somebody hangs.
    Hang {
        rule: &'static str,
        kind: HangKind,
        /// Somebody is in its own way.
        alone: bool,
        /// The link that is at fault.
        guilty: Waiting,
        /// All links.
        links: BTreeSet<Waiting>,
    },
    /// A monitor says so.
    Breach { rule: &'static str, what: &'static str, certainty: Certainty, at: Place },
    /// The validator does.
    Lock { rule: &'static str, summary: String },
}

/// Where somebody waits, and for what sort of thing: a lock by its class.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Waiting {
    at: Place,
    what: String,
}

impl Same {
    /// What of the executor's latest execution a finding is about.
    pub(super) fn of(plan: &Plan, executor: &Executor<'_>, finding: &Finding) -> Option<Self> {
        let hang = executor.hangs().iter().find(|hang| is_hang(plan, executor, hang, finding));
        if let Some(hang) = hang {
            return Some(Self::of_hang(plan, executor, hang));
        }
        if !finding.chain.is_empty() {
            return None;
        }
        let breach = executor.monitor().breaches().iter().find(|breach| is_breach(plan, breach, finding));
        if let Some(&Breach { rule, what, certainty, origin, .. }) = breach {
            return Some(Self::Breach { rule, what, certainty, at: place(plan, origin.site) });
        }
        let LockFinding { rule, summary, .. } = finding.lock.as_ref()?;
        let same = Self::Lock { rule, summary: summary.clone() };
        same.shows(plan, executor, None).then_some(same)
    }

    fn of_hang(plan: &Plan, executor: &Executor<'_>, hang: &Hang) -> Self {
        let waiting = |link: &HangLink| Waiting::of(plan, executor, link);
        Self::Hang {
            rule: hang.rule,
            kind: hang.kind,
            alone: hang.links.len() == 1,
            guilty: waiting(&hang.links[hang.guilty]),
            links: hang.links.iter().map(waiting).collect(),
        }
    }

    /// Only a validator that knows nothing of other executions can tell.
    pub(super) fn is_of_validator(&self) -> bool {
        matches!(self, Self::Lock { .. })
    }

    /// It is that something does not happen, which can be had of anything by leaving out whoever would do it.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::Hang { kind, .. } => *kind == HangKind::LostWakeUp,
            Self::Breach { rule, .. } => rule.starts_with("RF1") || rule.starts_with("RF7"),
            Self::Lock { .. } => false,
        }
    }

    /// Whether the executor's execution, which has ended like this or not yet, shows the same.
    pub(super) fn shows(&self, plan: &Plan, executor: &Executor<'_>, end: Option<End>) -> bool {
        match self {
            Self::Hang { .. } => {
                let hung = end == Some(End::Hung);
                hung && executor.hangs().iter().any(|hang| self.is_of(&Self::of_hang(plan, executor, hang)))
            }
            Self::Breach { .. } => {
                executor.monitor().breaches().iter().any(|breach| self.is_breach(plan, breach))
            }
            Self::Lock { .. } => {
                executor.problems().iter().any(|&(problem, _)| self.is_problem(executor, problem))
            }
        }
    }

    /// Whether a problem of the executor's validator is the same.
    pub(super) fn is_problem(&self, executor: &Executor<'_>, problem: usize) -> bool {
        let Self::Lock { rule, summary } = self else { return false };
        let found = executor.judge().kernel().validator().finding(problem);
        (found.rule, &found.summary) == (*rule, summary)
    }

    /// The chain of the same, and the operation that broke the rule, in the executor's execution.
    pub(super) fn retold(&self, plan: &Plan, executor: &Executor<'_>) -> Option<(Vec<WaitLink>, PlaceView)> {
        let describe = Describe { plan };
        match self {
            Self::Hang { .. } => {
                let same = |hang: &&Hang| self.is_of(&Self::of_hang(plan, executor, hang));
                let hang = executor.hangs().iter().find(same)?;
                let chain = describe.chain(executor.world(), hang, executor.steps());
                Some((chain, describe.place(guilty(executor, hang))))
            }
            Self::Breach { .. } => {
                let breach =
                    executor.monitor().breaches().iter().find(|breach| self.is_breach(plan, breach))?;
                Some((Vec::new(), describe.place(breach.origin)))
            }
            Self::Lock { .. } => None,
        }
    }

    fn is_breach(&self, plan: &Plan, breach: &Breach) -> bool {
        let Self::Breach { rule, what, certainty, at } = self else { return false };
        let same = (breach.rule, breach.what, breach.certainty) == (*rule, *what, *certainty);
        same && place(plan, breach.origin.site) == *at
    }

    /// Whether another hang is this one: the same links, or fewer of them with the one at fault.
    fn is_of(&self, other: &Self) -> bool {
        let Self::Hang { rule, kind, alone, guilty, links } = self else { return false };
        let Self::Hang { rule: of, kind: sort, alone: single, guilty: culprit, links: fewer } = other else {
            return false;
        };
        let alike = (rule, kind, alone) == (of, sort, single);
        alike && (links == fewer || (guilty == culprit && fewer.is_subset(links)))
    }
}

impl Waiting {
    fn of(plan: &Plan, executor: &Executor<'_>, link: &HangLink) -> Self {
        let world = executor.world();
        let what = match link.wait {
            Wait::Lock { lock, .. } => plan.classes()[world.locks().class(lock) as usize].name.clone(),
            wait => wait.object().map_or_else(String::new, |object| object.kind.to_string()),
        };
        Self { at: place(plan, link.cause), what }
    }
}

fn place(plan: &Plan, site: SiteId) -> Place {
    plan.scenario().site(site).cloned()
}

/// The hang of which the finding tells, link by link.
fn is_hang(plan: &Plan, executor: &Executor<'_>, hang: &Hang, finding: &Finding) -> bool {
    let chain = Describe { plan }.chain(executor.world(), hang, executor.steps());
    finding.chain == chain
}

/// The breach of which the finding tells.
fn is_breach(plan: &Plan, breach: &Breach, finding: &Finding) -> bool {
    breach.rule == finding.rule && Describe { plan }.place(breach.origin) == finding.at
}
