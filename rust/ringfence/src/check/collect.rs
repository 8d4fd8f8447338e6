//! What many executions have shown, each distinct problem once.

use std::collections::BTreeMap;

use ringfence_base::SiteId;
use ringfence_diag::{LockFinding, PlaceView, WaitLink};
use ringfence_model::judge::{Breach, Hang, HangKind};
use ringfence_model::{Plan, Wait};

use super::describe::Describe;
use super::execution::Executor;

/// What makes two findings the same: the cause, not the symptom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cause {
    /// A rule broken at a place.
    Breach { rule: &'static str, what: &'static str, site: SiteId },
    /// Contexts that hang at these places.
    Hang { rule: &'static str, sites: Vec<SiteId> },
    /// A problem of the validator, by rule, summary and place.
    Lock { rule: &'static str, summary: String },
}

/// How something was shown.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shown {
    Breach(Breach, String),
    Hang {
        hang: Hang,
        chain: Vec<WaitLink>,
        /// Lock classes that are waited for.
        classes: Vec<String>,
        /// Place of the context that would have had to signal, or of the first one.
        guilty: SiteId,
        at: PlaceView,
    },
    Lock(Box<LockFinding>),
}

/// One distinct problem.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Collected {
    pub(super) shown: Shown,
    /// In how many executions.
    pub(super) count: u64,
    /// The shortest execution that shows it: its choices and steps.
    pub(super) choices: Vec<u32>,
    pub(super) steps: u64,
}

/// All distinct problems.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Collector {
    pub(super) found: BTreeMap<Cause, Collected>,
    /// Executions that were run.
    pub(super) executions: u64,
    /// Steps of all of them.
    pub(super) steps: u64,
    /// Executions that reached the bound on steps.
    pub(super) bound: u64,
    /// Executions that hung.
    pub(super) hung: u64,
}

impl Collector {
    /// Takes what the latest execution has shown.
    pub(super) fn take(&mut self, plan: &Plan, executor: &Executor<'_>) {
        for breach in executor.monitor().breaches() {
            let cause = Cause::Breach { rule: breach.rule, what: breach.what, site: breach.origin.site };
            self.add(executor, cause, || {
                let describe = Describe { plan };
                let object = breach.object.map(|object| describe.object(executor.world(), object));
                Shown::Breach(*breach, object.unwrap_or_default())
            });
        }
        for hang in executor.hangs() {
            let world = executor.world();
            let mut sites: Vec<SiteId> = hang.links.iter().map(|link| link.cause).collect();
            let broken = never_signaled(hang).and_then(|fence| executor.monitor().published_by(fence));
            let rule = if broken.is_some() { "RF106" } else { hang.rule };
            let guilty = broken.map_or(sites[hang.guilty], |origin| origin.site);
            sites.sort_unstable();
            let cause = Cause::Hang { rule, sites };
            self.add(executor, cause, || {
                let chain = Describe { plan }.chain(world, hang, executor.steps());
                let class = |lock| plan.classes()[world.locks().class(lock) as usize].name.clone();
                let lock_of = |wait| match wait {
                    Wait::Lock { lock, .. } => Some(class(lock)),
                    _ => None,
                };
                let mut classes: Vec<String> =
                    hang.links.iter().filter_map(|link| lock_of(link.wait)).collect();
                classes.sort();
                let describe = Describe { plan };
                let at = match broken {
                    Some(origin) => describe.place(origin),
                    None => describe.cause(hang, executor.steps()),
                };
                Shown::Hang { hang: Hang { rule, ..hang.clone() }, chain, classes, guilty, at }
            });
        }
        let mut problems = executor.problems().to_vec();
        problems.dedup_by_key(|(problem, _)| *problem);
        for (problem, _) in problems {
            let finding = executor.judge().kernel().validator().finding(problem);
            let cause = Cause::Lock { rule: finding.rule, summary: finding.summary.clone() };
            self.add(executor, cause, || Shown::Lock(Box::new(finding)));
        }
    }

    fn add(&mut self, executor: &Executor<'_>, cause: Cause, shown: impl FnOnce() -> Shown) {
        let steps = executor.steps();
        if let Some(known) = self.found.get_mut(&cause) {
            known.count += 1;
            if steps < known.steps {
                known.steps = steps;
                known.choices = executor.choices().to_vec();
                known.shown = shown();
            }
            return;
        }
        let choices = executor.choices().to_vec();
        self.found.insert(cause, Collected { shown: shown(), count: 1, choices, steps });
    }

    /// What another part of the check has collected; parts are merged in order.
    pub(super) fn merge(&mut self, other: Self) {
        for (cause, collected) in other.found {
            match self.found.get_mut(&cause) {
                Some(known) => {
                    known.count += collected.count;
                    if collected.steps < known.steps {
                        let count = known.count;
                        *known = Collected { count, ..collected };
                    }
                }
                None => {
                    self.found.insert(cause, collected);
                }
            }
        }
        self.executions += other.executions;
        self.steps += other.steps;
        self.bound += other.bound;
        self.hung += other.hung;
    }
}

/// The fence that somebody foreign waits for in vain: not who waits is at fault, but who promised it.
fn never_signaled(hang: &Hang) -> Option<u32> {
    match hang.links.as_slice() {
        [link] if hang.kind == HangKind::LostWakeUp && !link.parts.is_empty() => match link.wait {
            Wait::Fence(fence) => Some(fence),
            _ => None,
        },
        _ => None,
    }
}
