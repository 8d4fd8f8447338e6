//! What a search has found, in a form that does not depend on the order in which it found it.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use ringfence::check::{Limits, Replay, StateExecutor, Trail};
use ringfence::model::judge::{Breach, Hang};
use ringfence::model::{Action, Plan, World};
use ringfence_base::End;
use ringfence_diag::LockFinding;
use ringfence_explore::{
    Bound, Budget, Dfs, Dpor, Fingerprints, Path, Runner, Summary, Visit, VisitStates, states_depth_first,
};
use ringfence_lockdep::annotations::Profile;
use rustc_hash::FxHasher;

use super::watched::{Told, Watched};

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    /// Final states.
    pub(crate) ends: BTreeSet<(End, u64)>,
    /// Who waits for whom in vain.
    pub(crate) hangs: BTreeSet<String>,
    /// What the monitors say.
    pub(crate) breaches: BTreeSet<String>,
    /// What the validator was told.
    pub(crate) told: Told,
    /// What it says.
    pub(crate) reports: Vec<LockFinding>,
    pub(crate) summary: Summary,
    seen: Seen,
}

/// What is in words already.
#[derive(Default)]
struct Seen {
    breaches: Vec<Breach>,
    hangs: Vec<Vec<Hang>>,
}

impl Found {
    fn breaches(&mut self, all: &[Breach]) {
        for breach in all {
            let mut breach = *breach;
            breach.origin.op = 0;
            if !self.seen.breaches.contains(&breach) {
                self.breaches.insert(format!("{breach:?}"));
                self.seen.breaches.push(breach);
            }
        }
    }

    fn end(&mut self, end: End, world: &World, hangs: &[Hang]) {
        let mut hasher = FxHasher::default();
        world.hash(&mut hasher);
        self.ends.insert((end, hasher.finish()));
        if !hangs.is_empty() && !self.seen.hangs.iter().any(|seen| seen == hangs) {
            self.seen.hangs.push(hangs.to_vec());
            for hang in hangs {
                self.hangs.insert(told(hang));
            }
        }
    }

    fn executed(&mut self, watched: &Watched<'_>, end: End) {
        self.breaches(watched.executor.monitor().breaches());
        self.end(end, watched.executor.world(), watched.executor.hangs());
    }

    fn closed(mut self, watched: Watched<'_>, summary: Summary) -> Self {
        self.reports = watched.executor.judge().kernel().validator().findings();
        self.told = watched.told;
        self.summary = summary;
        self
    }
}

fn told(hang: &Hang) -> String {
    let mut links: Vec<String> = hang
        .links
        .iter()
        .map(|link| {
            format!("{} waits for {:?} at {:?}, because {:?}", link.task, link.wait, link.cause, link.waker)
        })
        .collect();
    links.sort();
    format!("{} {:?} {links:?}", hang.rule, hang.kind)
}

/// One execution of each class of equivalent ones.
pub(crate) fn by_dpor(plan: &Plan, budget: Budget<'_>, in_words: bool) -> Found {
    executions(plan, in_words, |watched, visit| Dpor::default().explore(watched, budget, &mut { visit }))
}

/// Every execution.
pub(crate) fn by_dfs(plan: &Plan, budget: Budget<'_>, in_words: bool) -> Found {
    executions(plan, in_words, |watched, visit| Dfs::new(Bound::None).run(watched, budget, &mut { visit }))
}

fn executions<'p>(
    plan: &'p Plan,
    in_words: bool,
    search: impl FnOnce(&mut Watched<'p>, &mut dyn FnMut(&mut Watched<'p>, &Trail, End) -> bool) -> Summary,
) -> Found {
    let mut found = Found::default();
    let mut watched = Watched::new(plan, in_words);
    let summary = search(&mut watched, &mut |watched, _, end| {
        found.executed(watched, end);
        true
    });
    found.closed(watched, summary)
}

/// Every state, and every step from one to another; the validator is shown each step, on the way on which the search
/// came to it.
pub(crate) fn by_states(plan: &Plan, budget: Budget<'_>, steps_max: u64, in_words: bool) -> Found {
    let mut executor = StateExecutor::new(plan, Profile::default());
    let mut steps = Steps {
        found: Found::default(),
        watched: Watched::new(plan, in_words),
        runner: Runner::default(),
        left: steps_max,
    };
    let summary = states_depth_first(&mut executor, &mut Fingerprints::new(), budget, &mut steps);
    let Steps { found, watched, .. } = steps;
    found.closed(watched, summary)
}

struct Steps<'p> {
    found: Found,
    watched: Watched<'p>,
    runner: Runner,
    /// So many steps may still be taken.
    left: u64,
}

impl<'p> Visit<StateExecutor<'p>> for Steps<'p> {
    fn execution(&mut self, executor: &mut StateExecutor<'p>, _: &Trail, end: End) -> bool {
        self.found.breaches(executor.monitor().breaches());
        self.found.end(end, executor.world(), executor.hangs());
        true
    }
}

impl<'p> VisitStates<StateExecutor<'p>> for Steps<'p> {
    fn step(&mut self, executor: &mut StateExecutor<'p>, _: Action, path: &dyn Path) -> bool {
        self.found.breaches(executor.monitor().breaches());
        let trail = path.trail();
        let mut replay = Replay::new(trail.choices);
        self.runner.run(&mut self.watched, &mut replay, Limits::steps(trail.steps), &mut ());
        self.left -= 1;
        self.left != 0
    }
}
