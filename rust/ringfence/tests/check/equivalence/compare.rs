//! One scenario, searched in three ways.

use std::collections::BTreeSet;
use std::fmt::Debug;

use ringfence::model::Plan;
use ringfence_base::End;
use ringfence_diag::{LockFinding, LockReportKind};
use ringfence_explore::{Budget, Limits, Summary};

use super::found::{Found, by_dfs, by_dpor, by_states};

/// Steps of an execution at most: the scenarios end long before.
const STEPS: u64 = 300;

/// How far each search may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    /// Executions of each.
    pub(crate) executions: u64,
    /// Steps between states.
    pub(crate) steps: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// What they do not agree about.
    pub(crate) differs: Option<String>,
    /// The reports are not the same, but on the same.
    pub(crate) reordered: bool,
    pub(crate) dpor: Summary,
    pub(crate) states: Summary,
    pub(crate) dfs: Summary,
    /// Different final states.
    pub(crate) ends: usize,
    pub(crate) hung: bool,
    pub(crate) broken: bool,
    pub(crate) reported: bool,
}

/// Searches which are not cut off by their budgets are compared. With words, differences are told in words.
pub(crate) fn compare(plan: &Plan, budgets: Budgets, in_words: bool) -> Compared {
    let budget = Budget { executions_max: budgets.executions, ..Budget::each(Limits::steps(STEPS)) };
    let dpor = by_dpor(plan, budget, in_words);
    let mut compared = Compared {
        ends: dpor.ends.len(),
        hung: dpor.ends.iter().any(|(end, _)| *end == End::Hung),
        broken: !dpor.breaches.is_empty(),
        reported: !dpor.reports.is_empty(),
        ..Compared::default()
    };
    if dpor.summary.complete() {
        let states = by_states(plan, budget, budgets.steps, in_words);
        if states.summary.complete() {
            let dfs = by_dfs(plan, budget, in_words);
            compared.take("search over states", &dpor, &states);
            if dfs.summary.complete() {
                compared.take("search without reduction", &dpor, &dfs);
            }
            compared.dfs = dfs.summary;
        }
        compared.states = states.summary;
    }
    compared.dpor = dpor.summary;
    compared
}

impl Compared {
    fn take(&mut self, name: &str, dpor: &Found, other: &Found) {
        let (mine, theirs) = (causes(&dpor.reports), causes(&other.reports));
        let related = |all: &[LockFinding], others: &[LockFinding]| {
            all.iter().all(|one| others.iter().any(|other| is_about_the_same(one, other)))
        };
        self.reordered |= mine != theirs;
        let reports = || {
            let both = [(&dpor.reports, &other.reports), (&other.reports, &dpor.reports)];
            let just = both.iter().all(|(all, others)| related(all, others));
            if just { None } else { differ("the reports", &mine, &theirs) }
        };
        let told = || {
            let words = |found: &Found, number: &u64| {
                found.told.words.as_ref().and_then(|words| words.get(number).cloned()).unwrap_or_default()
            };
            let only = |a: &Found, b: &Found| {
                a.told.all.difference(&b.told.all).map(|number| words(a, number)).collect::<BTreeSet<_>>()
            };
            differ("what was told", &only(dpor, other), &only(other, dpor))
        };
        let what = differ("the final states", &dpor.ends, &other.ends)
            .or_else(|| differ("the hangs", &dpor.hangs, &other.hangs))
            .or_else(|| differ("the breaches", &dpor.breaches, &other.breaches))
            .or_else(|| (dpor.told.all != other.told.all).then(told).flatten())
            .or_else(reports);
        if let Some(what) = what {
            self.differs.get_or_insert(format!("partial order reduction, and {name}: {what}"));
        }
    }
}

/// What the one has and the other has not, and the other way round.
fn differ<T: Ord + Debug>(what: &str, a: &BTreeSet<T>, b: &BTreeSet<T>) -> Option<String> {
    let only =
        |a: &BTreeSet<T>, b: &BTreeSet<T>| format!("{:#?}", a.difference(b).take(3).collect::<Vec<_>>());
    (a != b).then(|| format!("{what}: only the one {}, only the other {}", only(a, b), only(b, a)))
}

/// The classes and places of a link.
type Link = (String, String, Option<u32>, Option<u32>);
/// Kind, class, and the links.
type Cause = (&'static str, String, BTreeSet<Link>);

fn causes(reports: &[LockFinding]) -> BTreeSet<Cause> {
    let cause = |finding: &LockFinding| {
        let links = finding.report.links.iter().map(|link| {
            (link.from.name.clone(), link.to.name.clone(), link.held_at.line, link.taken_at.line)
        });
        (finding.kind.as_str(), finding.report.lock.class.name.clone(), links.collect())
    };
    reports.iter().map(cause).collect()
}

/// The same report, or, of those that the validator's memory has a part in, one of the same family on a class in
/// common.
fn is_about_the_same(one: &LockFinding, other: &LockFinding) -> bool {
    use LockReportKind::{Circular, InconsistentUsage, IrqDependency, IrqInversion};
    let classes = |finding: &LockFinding| -> BTreeSet<String> {
        let links =
            finding.report.links.iter().flat_map(|link| [link.from.name.clone(), link.to.name.clone()]);
        links.chain([finding.report.lock.class.name.clone()]).collect()
    };
    let of_interrupts =
        |finding: &LockFinding| matches!(finding.kind, IrqDependency | InconsistentUsage | IrqInversion);
    match one.kind {
        Circular if other.kind == Circular => !classes(one).is_disjoint(&classes(other)),
        _ if of_interrupts(one) && of_interrupts(other) => !classes(one).is_disjoint(&classes(other)),
        kind => kind == other.kind && one.report.lock.class.name == other.report.lock.class.name,
    }
}
