//! From a finding that only predicts to where a search has to go for it.

use ringfence_base::SiteId;
use ringfence_diag::{Finding, Link, LockFinding, LockReportKind, PlaceView};
use ringfence_explore::{Goal, Leg, Then};
use ringfence_model::Plan;

/// What a finding predicts, as goals: the likeliest first, none twice. Empty if no place of it is known.
pub fn goals(plan: &Plan, finding: &Finding) -> Vec<Goal> {
    let places = Places { plan };
    let mut goals = Vec::new();
    if let Some(lock) = &finding.lock {
        goals.extend(places.interrupted(lock));
        goals.extend(places.circle(lock));
        goals.extend(places.recursion(lock));
    }
    // Whoever breaks the rule comes last, when everybody else waits for what it holds up.
    if let Some(site) = places.site(&finding.at) {
        goals.push(Goal::place(site, places.context(&finding.at)));
    }
    if let Some(lock) = &finding.lock {
        // The same of each link alone: that the others are there need not be seen.
        goals.extend(places.links(lock).filter_map(|leg| Goal::new(vec![leg])));
    }
    let mut known: Vec<Goal> = Vec::new();
    goals.retain(|goal| {
        let new = !known.contains(goal);
        if new {
            known.push(goal.clone());
        }
        new
    });
    goals
}

/// The annotation of fences: signalling sections read it, waits write it.
const FENCE_MAP: &str = "dma_fence_map";

/// Resolves places of reports.
#[derive(Clone, Copy)]
struct Places<'a> {
    plan: &'a Plan,
}

impl Places<'_> {
    /// A place of the scenario's own.
    fn site(self, place: &PlaceView) -> Option<SiteId> {
        let (file, line) = (place.file.as_deref()?, place.line?);
        let function = place.function.as_deref().unwrap_or("");
        let sites = &self.plan.scenario().sites;
        let found = sites.iter().position(|at| at.file == file && at.line == line && at.function == function);
        found.map(|index| SiteId::new(index + 1))
    }

    /// A context of the scenario's own.
    fn context(self, place: &PlaceView) -> Option<u32> {
        let found = self.plan.contexts().iter().position(|context| context.name == place.task);
        found.map(|index| index as u32)
    }

    /// While one is held, another one is taken. A link of the contract alone has no places.
    fn leg(self, link: &Link) -> Option<Leg> {
        let then = self.site(&link.taken_at)?;
        let waits = link.to.name == FENCE_MAP && link.taken_read == 0;
        let then = if waits { Then::Waits(then) } else { Then::Takes(then) };
        Some(Leg { hold: self.site(&link.held_at), then, context: self.context(&link.taken_at) })
    }

    fn links(self, lock: &LockFinding) -> impl Iterator<Item = Leg> {
        lock.report.links.iter().filter_map(move |link| self.leg(link))
    }

    /// All links: each of another context.
    fn circle(self, lock: &LockFinding) -> Option<Goal> {
        if lock.kind != LockReportKind::Circular {
            return None;
        }
        Goal::new(self.links(lock).collect())
    }

    /// The same lock again, or another one of its class in the hands of somebody who wants this one.
    fn recursion(self, lock: &LockFinding) -> Option<Goal> {
        if lock.kind != LockReportKind::Recursive {
            return None;
        }
        let at = &lock.report.at;
        let hold = lock.report.holding.as_ref().and_then(|held| self.site(&held.at));
        let then = Then::Takes(self.site(at)?);
        Goal::new(vec![Leg { hold, then, context: self.context(at) }])
    }

    /// Whoever holds the lock that is unsafe is interrupted. In between there may be links: who holds a lock that the
    /// interrupt takes waits for the one that the interrupted context holds.
    fn interrupted(self, lock: &LockFinding) -> Option<Goal> {
        let usage = lock.report.usage.as_ref()?;
        let hold = self.site(&usage.unsafe_at);
        let interrupted = Leg { hold, then: Then::Interrupted, context: self.context(&usage.unsafe_at) };
        Goal::new(self.links(lock).chain([interrupted]).collect())
    }
}
