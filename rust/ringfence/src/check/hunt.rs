//! How soon a strategy confirms a finding: what its power is measured by.

use ringfence_base::End;
use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_diag::{Finding, Verdict};
use ringfence_explore::{
    Budget, Directed, Dpor, Limits, Pct, Random, RoundRobin, RunToCompletion, Strategy, Trail,
};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use super::assemble::assemble;
use super::collect::Collector;
use super::execution::{Executor, plan};
use super::goal::goals;

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hunter {
    /// Random walks.
    Random,
    /// Random priorities, with as many points of change less one.
    Pct {
        /// The depth of a bug that it is sure to find in the end.
        depth: u32,
    },
    /// One execution of each class of equivalent ones. Draws nothing.
    Dpor,
    /// Each thread once to completion and all in turn, for predictions; then towards what was predicted, in rounds that
    /// also have random walks, for further predictions.
    Directed,
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quarry<'a> {
    /// A breach of this rule.
    Rule(&'a str),
    /// Any hang.
    Hang,
}

/// What is looked for, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Hunt<'a> {
    /// Which kernel.
    pub profile: Profile,
    /// What has to be confirmed.
    pub quarry: Quarry<'a>,
    /// The first seed.
    pub seed: u64,
    /// At most so many executions.
    pub executions_max: u64,
    /// At most so many steps per execution.
    pub steps_max: u64,
}

/// When something was confirmed first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct First {
    /// In which execution, counted from 1.
    pub execution: u64,
    /// Steps of all executions until then.
    pub steps: u64,
    /// It was confirmed by a hang.
    pub hangs: bool,
    /// Executions towards the goal that led there, if one did.
    pub towards: Option<u64>,
    /// What makes the execution again.
    pub choices: Vec<u32>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hunted {
    /// The first execution that confirms what is looked for, if one does.
    pub first: Option<First>,
    /// Executions that were run.
    pub executions: u64,
    /// Every execution there is is equivalent to one of them.
    pub complete: bool,
}

/// Looks for the first execution that confirms what is looked for.
///
/// # Errors
/// What is wrong with the scenario.
pub fn hunt(scenario: &Scenario, hunter: Hunter, hunt: &Hunt<'_>) -> Result<Hunted, ScenarioError> {
    let plan = &plan(scenario, hunt.profile)?;
    let mut trophies =
        Trophies { hunt, plan, all: Collector::default(), first: None, towards: None, complete: false };
    let mut executor = Executor::new(plan, hunt.profile);
    match hunter {
        Hunter::Random => {
            let mut seeds = hunt.seed..;
            while trophies.left() != 0 {
                trophies.run(&mut executor, &mut Random::new(seeds.next().unwrap_or_default()));
            }
        }
        Hunter::Pct { depth } => {
            let mut seeds = hunt.seed..;
            // As long as the executions are that it has seen.
            let mut steps = 1;
            while trophies.left() != 0 {
                let seed = seeds.next().unwrap_or_default();
                trophies.run(&mut executor, &mut Pct::new(seed, depth, steps));
                steps = steps.max(executor.steps());
            }
        }
        Hunter::Dpor => {
            let budget = Budget {
                executions_max: hunt.executions_max,
                memory_max: MEMORY_MAX,
                ..Budget::each(Limits::steps(hunt.steps_max))
            };
            let summary = Dpor::default().explore(&mut executor, budget, &mut trophies.visit());
            trophies.complete = summary.complete();
        }
        Hunter::Directed => directed(&mut trophies, &mut executor),
    }
    let Trophies { first, complete, all, .. } = trophies;
    Ok(Hunted { first, executions: all.executions, complete })
}

/// What a search may keep, in bytes.
const MEMORY_MAX: u64 = 1 << 30;

/// What was found so far.
struct Trophies<'a> {
    hunt: &'a Hunt<'a>,
    plan: &'a Plan,
    all: Collector,
    first: Option<First>,
    /// Executions towards the goal that the next one is for, with it.
    towards: Option<u64>,
    complete: bool,
}

impl Trophies<'_> {
    /// So many executions may still be run; 0 once it is over.
    fn left(&self) -> u64 {
        if self.first.is_some() { 0 } else { self.hunt.executions_max - self.all.executions }
    }

    fn visit<'p>(&mut self) -> impl FnMut(&mut Executor<'p>, &Trail, End) -> bool {
        |executor, trail, end| self.take(executor, trail, end)
    }

    fn run(&mut self, executor: &mut Executor<'_>, strategy: &mut impl Strategy) {
        let end = executor.run(strategy, self.hunt.steps_max);
        let trail = executor.trail().clone();
        self.take(executor, &trail, end);
    }

    /// Takes what the latest execution has shown; whether to go on.
    fn take(&mut self, executor: &Executor<'_>, trail: &Trail, end: End) -> bool {
        let known = self.all.found.len();
        self.all.executions += 1;
        self.all.steps += trail.steps;
        self.all.hung += u64::from(end == End::Hung);
        self.all.take(self.plan, executor, trail);
        if self.all.found.len() != known {
            let confirmed = |finding: &Finding| {
                let wanted = match self.hunt.quarry {
                    Quarry::Rule(rule) => finding.rule == rule,
                    Quarry::Hang => !finding.chain.is_empty(),
                };
                wanted && finding.verdict == Verdict::Confirmed
            };
            self.first = self.findings().into_iter().find(confirmed).map(|finding| First {
                execution: self.all.executions,
                steps: self.all.steps,
                hangs: !finding.chain.is_empty(),
                towards: self.towards,
                choices: trail.choices.clone(),
            });
        }
        self.left() != 0
    }

    fn findings(&self) -> Vec<Finding> {
        assemble(self.plan, self.all.clone()).into_iter().map(|draft| draft.finding).collect()
    }
}

/// Executions towards each goal in the first rounds; the last number goes on.
const ROUNDS: [u64; 6] = [1, 2, 4, 8, 16, 32];

fn directed(trophies: &mut Trophies<'_>, executor: &mut Executor<'_>) {
    let threads = trophies.plan.scenario().threads.len() as u32;
    for first in 0..threads {
        if trophies.left() == 0 {
            return;
        }
        trophies.run(executor, &mut RunToCompletion::new(first));
    }
    if trophies.left() != 0 {
        trophies.run(executor, &mut RoundRobin::default());
    }
    let mut searches: Vec<(Directed, u64)> = Vec::new();
    let mut seeds = trophies.hunt.seed..;
    let mut known = 0;
    for round in 0.. {
        let share = ROUNDS[round.min(ROUNDS.len() - 1)];
        if known != trophies.all.found.len() {
            known = trophies.all.found.len();
            add_searches(trophies, &mut searches);
        }
        for (search, towards) in &mut searches {
            let budget = Budget {
                executions_max: share.min(trophies.left()),
                ..Budget::each(Limits::steps(trophies.hunt.steps_max))
            };
            let mut visit = |executor: &mut Executor<'_>, trail: &Trail, end| {
                *towards += 1;
                trophies.towards = Some(*towards);
                trophies.take(executor, trail, end)
            };
            search.run(executor, budget, &mut visit);
            trophies.towards = None;
        }
        // Half of all executions, so that it is never much later than random walks alone.
        for _ in 0..share * searches.len().max(1) as u64 {
            if trophies.left() == 0 {
                return;
            }
            trophies.run(executor, &mut Random::new(seeds.next().unwrap_or_default()));
        }
    }
}

/// One towards each goal that there was none for.
fn add_searches(trophies: &Trophies<'_>, searches: &mut Vec<(Directed, u64)>) {
    for finding in trophies.findings() {
        if finding.verdict == Verdict::Confirmed {
            continue;
        }
        for goal in goals(trophies.plan, &finding) {
            if searches.iter().all(|(search, _)| *search.goal() != goal) {
                searches.push((Directed::new(goal, trophies.hunt.seed), 0));
            }
        }
    }
}
