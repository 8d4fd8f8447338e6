//! The check, and its report.

use rayon::prelude::*;
use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_diag::{Finding, Witness};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use super::assemble::{Draft, assemble};
use super::collect::Collector;
use super::execution::{End, Executor};
use super::inspect::Execution;
use super::strategy::{Random, RoundRobin, RunToCompletion, Strategy};

/// How a scenario is checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Which kernel.
    pub profile: Profile,
    /// How many executions with random schedules, besides the ordered ones.
    pub executions: u64,
    /// The first seed.
    pub seed: u64,
    /// At most so many steps per execution.
    pub steps_max: u64,
    /// Threads; 0 for one per core. The outcome does not depend on it.
    pub jobs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { profile: Profile::default(), executions: 4000, seed: 0, steps_max: 100_000, jobs: 0 }
    }
}

/// What a check has found, and how far it looked.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Report {
    /// Name of the scenario.
    pub scenario: String,
    /// Distinct problems: confirmed ones first, then by rule.
    pub findings: Vec<Finding>,
    /// Executions that were run.
    pub executions: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Executions that were cut off at the bound on steps.
    pub bound: u64,
    /// The bound, in steps.
    pub steps_max: u64,
    /// It was interrupted, and shows what was found until then.
    pub interrupted: bool,
}

/// Random executions that share a validator. Fixed, so that the outcome does not depend on the number of threads.
const CHUNK: u64 = 512;

/// Checks a scenario. `go_on` is asked now and then, with the executions done so far; if it says false, the report
/// shows what was found until then.
///
/// # Errors
/// What is wrong with the scenario.
///
/// # Panics
/// If the threads can't be started.
pub fn check(
    scenario: &Scenario,
    options: &Options,
    go_on: &(dyn Fn(u64) -> bool + Sync),
) -> Result<Report, ScenarioError> {
    let plan = Plan::new(scenario)?;
    let mut all = ordered(&plan, options);
    let chunks = options.executions.div_ceil(CHUNK);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs).build();
    let pool = pool.expect("engine bug: the threads of a check can't be started");
    let mut interrupted = false;
    // A few chunks at a time, so that an interruption is noticed and the order of merging is fixed.
    let at_once = 2 * pool.current_num_threads() as u64;
    let mut next = 0;
    while next < chunks && !interrupted {
        let end = chunks.min(next + at_once);
        let parts: Vec<Collector> =
            pool.install(|| (next..end).into_par_iter().map(|chunk| random(&plan, options, chunk)).collect());
        for part in parts {
            all.merge(part);
        }
        next = end;
        interrupted = !go_on(all.executions);
    }
    Ok(report(&plan, options, all, interrupted))
}

/// Each thread first, to completion; and round-robin.
fn ordered(plan: &Plan, options: &Options) -> Collector {
    let mut executor = Executor::new(plan, options.profile);
    let mut all = Collector::default();
    for first in 0..plan.scenario().threads.len() as u32 {
        one(plan, options, &mut executor, &mut RunToCompletion::new(first), &mut all);
    }
    one(plan, options, &mut executor, &mut RoundRobin::default(), &mut all);
    all
}

fn random(plan: &Plan, options: &Options, chunk: u64) -> Collector {
    let mut executor = Executor::new(plan, options.profile);
    let mut all = Collector::default();
    for number in chunk * CHUNK..options.executions.min((chunk + 1) * CHUNK) {
        one(plan, options, &mut executor, &mut Random::new(options.seed.wrapping_add(number)), &mut all);
    }
    all
}

fn one(
    plan: &Plan,
    options: &Options,
    executor: &mut Executor<'_>,
    strategy: &mut impl Strategy,
    all: &mut Collector,
) {
    let end = executor.run(strategy, options.steps_max);
    all.executions += 1;
    all.steps += executor.steps();
    all.bound += u64::from(end == End::Bound);
    all.hung += u64::from(end == End::Hung);
    all.take(plan, executor);
}

/// From causes to findings.
fn report(plan: &Plan, options: &Options, all: Collector, interrupted: bool) -> Report {
    let (executions, steps, bound) = (all.executions, all.steps, all.bound);
    let drafts = assemble(plan, all).into_iter();
    let mut findings: Vec<Finding> = drafts.map(|draft| finish(plan, options, draft)).collect();
    findings.sort_by(|a, b| {
        b.verdict.cmp(&a.verdict).then(a.rule.cmp(b.rule)).then_with(|| a.summary.cmp(&b.summary))
    });
    Report {
        scenario: plan.scenario().name.clone(),
        findings,
        executions,
        steps,
        bound,
        steps_max: options.steps_max,
        interrupted,
    }
}

/// Runs the witness once more, for its steps.
fn finish(plan: &Plan, options: &Options, draft: Draft) -> Finding {
    let Draft { mut finding, choices, .. } = draft;
    let execution = Execution::replay(plan, options.profile, choices, options.steps_max);
    finding.needs = execution.needs();
    finding.witness =
        Some(Witness { schedule: execution.schedule().to_string(), steps: execution.into_steps() });
    finding
}
