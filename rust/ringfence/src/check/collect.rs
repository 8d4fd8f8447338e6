//! What many executions have shown, each distinct problem once.

use std::collections::BTreeMap;

use ringfence_base::scenario::Kind;
use ringfence_base::{End, ObjectRef, Origin, SiteId, TaskId};
use ringfence_diag::{LockFinding, WaitLink};
use ringfence_explore::Trail;
use ringfence_model::judge::{Breach, Hang, HangLink};
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
    Breach {
        breach: Breach,
        /// The object that it is about.
        object: String,
        /// Fences that need each other, if it is about that.
        circle: Vec<String>,
    },
    Hang {
        hang: Hang,
        chain: Vec<WaitLink>,
        /// Lock classes that are waited for.
        classes: Vec<String>,
        /// Whose fault it is, and where.
        guilty: Origin,
        /// Fences that need each other, if it is about that.
        circle: Vec<String>,
    },
    Lock(Box<LockFinding>),
}

/// One distinct problem.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Collected {
    pub(super) shown: Shown,
    /// In how many executions.
    pub(super) count: u64,
    /// The number of the latest of them.
    latest: u64,
    /// The shortest execution that shows it: its choices and steps.
    pub(super) choices: Vec<u32>,
    pub(super) steps: u64,
}

/// All distinct problems.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Collector {
    pub(super) found: BTreeMap<Cause, Collected>,
    /// What the problems of the validator are, by their index in it: each is put into words once, not in every
    /// execution that meets it. Until it is merged, a collector takes from one executor.
    locks: BTreeMap<usize, Cause>,
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
    /// One execution more.
    pub(super) fn count(&mut self, trail: &Trail, end: End) {
        self.executions += 1;
        self.steps += trail.steps;
        self.bound += u64::from(end == End::Bound);
        self.hung += u64::from(end == End::Hung);
    }

    /// Takes what the latest execution has shown.
    pub(super) fn take(&mut self, plan: &Plan, executor: &Executor<'_>, trail: &Trail) {
        for breach in executor.monitor().breaches() {
            let cause = Cause::Breach { rule: breach.rule, what: breach.what, site: breach.origin.site };
            self.add(trail, cause, || {
                let describe = Describe { plan };
                let world = executor.world();
                let mut object =
                    breach.object.map_or_else(String::new, |object| describe.object(world, object));
                if let (Some(fence), "RF106") = (breach.object, breach.rule)
                    && let Some(job) = world.job_awaited(plan, fence.index)
                {
                    object = format!("{object}; {job}");
                }
                let circle = match breach.object {
                    Some(ObjectRef { kind: Kind::Fence, index }) if breach.rule == "RF305" => {
                        describe.fences(world, &world.fence_circle(index))
                    }
                    _ => Vec::new(),
                };
                Shown::Breach { breach: *breach, object, circle }
            });
        }
        for hang in executor.hangs() {
            let world = executor.world();
            let mut sites: Vec<SiteId> = hang.links.iter().map(|link| link.cause).collect();
            sites.sort_unstable();
            let guilty = guilty(executor, hang);
            let cause = Cause::Hang { rule: hang.rule, sites };
            self.add(trail, cause, || {
                let chain = Describe { plan }.chain(world, hang, executor.steps());
                let circle = Describe { plan }.fences(world, &hang.circle);
                let class = |lock| plan.classes()[world.locks().class(lock) as usize].name.clone();
                let lock_of = |wait| match wait {
                    Wait::Lock { lock, .. } => Some(class(lock)),
                    _ => None,
                };
                let mut classes: Vec<String> =
                    hang.links.iter().filter_map(|link| lock_of(link.wait)).collect();
                classes.sort();
                Shown::Hang { hang: hang.clone(), chain, classes, guilty, circle }
            });
        }
        for &(problem, _) in executor.problems() {
            let finding = || executor.judge().kernel().validator().finding(problem);
            let cause = self.locks.entry(problem).or_insert_with(|| {
                let LockFinding { rule, summary, .. } = finding();
                Cause::Lock { rule, summary }
            });
            let cause = cause.clone();
            self.add(trail, cause, || Shown::Lock(Box::new(finding())));
        }
    }

    fn add(&mut self, trail: &Trail, cause: Cause, shown: impl FnOnce() -> Shown) {
        let (steps, latest) = (trail.steps, self.executions);
        if let Some(known) = self.found.get_mut(&cause) {
            // An execution can meet the same problem several times.
            known.count += u64::from(known.latest != latest);
            known.latest = latest;
            if steps < known.steps {
                known.steps = steps;
                known.choices.clone_from(&trail.choices);
                known.shown = shown();
            }
            return;
        }
        let choices = trail.choices.clone();
        self.found.insert(cause, Collected { shown: shown(), count: 1, latest, choices, steps });
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

/// Who is at fault, and where: if nobody signals, whoever has published the fence.
pub(super) fn guilty(executor: &Executor<'_>, hang: &Hang) -> Origin {
    let HangLink { task, cause, .. } = hang.links[hang.guilty];
    let here = Origin { op: executor.steps(), task: TaskId::from_raw(task), site: cause };
    hang.fault.unwrap_or(here)
}
