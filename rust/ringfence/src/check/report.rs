//! The check, and its report.

use ringfence_base::scenario::{Environment, Scenario, ScenarioError};
use ringfence_diag::{Finding, SearchView, Verdict, Witness};
use ringfence_explore::Replay;
use ringfence_model::Plan;
use thiserror::Error;

use super::assemble::{Draft, assemble};
use super::collect::Collector;
use super::execution::{Executor, plan};
use super::inspect::Execution;
use super::livelock::livelocks;
use super::minimise::minimise;
use super::options::{Method, Options};
use super::progress::{GoOn, Phase, Watch};
use super::proof::{Proof, confirmed_against, is_whole_contract};
use super::search::Job;

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
    /// Every execution there is is equivalent to one that was run.
    pub complete: bool,
    /// What was run, in order.
    pub searches: Vec<SearchView>,
    /// It was interrupted, and shows what was found until then.
    pub interrupted: bool,
}

/// Steps of an execution of a scenario with a livelock.
const ROUNDS_MAX: u64 = 2000;

/// A scenario can't be checked.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CheckError {
    /// It makes no sense.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// So many threads are not to be had.
    #[error("can't start {jobs} threads: {why}; ask for fewer jobs")]
    Threads {
        /// How many were asked for.
        jobs: usize,
        /// What the system says.
        why: String,
    },
}

/// Checks a scenario. `go_on` is asked all the time, by all threads, with how far the check is; once it says false,
/// the report shows what was found until then.
///
/// # Errors
/// What is wrong with the scenario, or that the threads can't be started.
pub fn check(scenario: &Scenario, options: &Options, go_on: GoOn<'_>) -> Result<Report, CheckError> {
    let plan = &plan(scenario, options.profile)?;
    let pool = &rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .map_err(|error| CheckError::Threads { jobs: options.jobs, why: error.to_string() })?;
    let watch = &Watch::new(go_on);
    let still_wanted = &|| watch.go_on();
    let mut findings = match options.method {
        Method::Proof => livelocks(plan, options, still_wanted),
        _ => Vec::new(),
    };
    // What goes round for ever is not to be run up to the bound in every execution.
    let steps_max = if findings.is_empty() { options.steps_max } else { options.steps_max.min(ROUNDS_MAX) };
    let options = &Options { steps_max, ..options.clone() };
    watch.known(findings.len());
    let job = Job { plan, options, watch, still_wanted, pool, contract: false };
    let mut proof = Proof::new(job);
    proof.run();
    let mut searches = proof.searches.clone();
    let mut predicted = Vec::new();
    for draft in proof.drafts() {
        match draft.finding.verdict {
            Verdict::Confirmed => findings.push(confirmed(scenario, plan, job, draft)),
            _ => predicted.push(draft),
        }
    }
    let asked = options.method == Method::Proof && !is_whole_contract(plan);
    if asked && !predicted.is_empty() && watch.go_on() {
        findings.extend(against_contract(scenario, job, &mut predicted, &mut searches)?);
    }
    for mut draft in predicted {
        proof.refute(&mut draft.finding);
        draft.finding.searched.clone_from(&searches);
        findings.push(finish(plan, options, draft));
    }
    findings.sort_by(|a, b| {
        b.verdict.cmp(&a.verdict).then(a.rule.cmp(b.rule)).then_with(|| a.summary.cmp(&b.summary))
    });
    Ok(Report {
        scenario: plan.scenario().name.clone(),
        findings,
        executions: searches.iter().map(|search| search.executions).sum(),
        steps: searches.iter().map(|search| search.steps).sum(),
        bound: proof.collected().bound,
        steps_max: options.steps_max,
        complete: proof.complete,
        searches,
        interrupted: !watch.go_on(),
    })
}

/// Predicted findings go against everything that the contract allows others; those that are confirmed then are taken
/// out of `predicted`.
fn against_contract(
    scenario: &Scenario,
    job: Job<'_>,
    predicted: &mut Vec<Draft>,
    searches: &mut Vec<SearchView>,
) -> Result<Vec<Finding>, ScenarioError> {
    let environment =
        Environment { fence_bound: scenario.environment.fence_bound, ..Environment::contract() };
    let scenario = Scenario { environment, ..scenario.clone() };
    let plan = plan(&scenario, job.options.profile)?;
    let mut proof = Proof::new(Job { plan: &plan, contract: true, ..job });
    proof.run();
    searches.append(&mut proof.searches);
    let others = proof.drafts();
    let mut found = Vec::new();
    predicted.retain(|draft| {
        let Some(other) = confirmed_against(&draft.finding, &others) else { return true };
        let mut finding = confirmed(&scenario, &plan, job, other.clone());
        finding.against_contract = true;
        found.push(finding);
        false
    });
    Ok(found)
}

/// What is longer, in steps, or larger, in objects, programs and threads, would take too long to be made smaller.
const MINIMISED_MAX: usize = 1000;

/// A finding on the smallest schedule, and in the smallest scenario, that show it.
fn confirmed(scenario: &Scenario, plan: &Plan, job: Job<'_>, draft: Draft) -> Finding {
    let choices = draft.choices.clone();
    let mut finding = finish(plan, job.options, draft);
    let long = finding.witness.as_ref().is_some_and(|witness| witness.steps.len() > MINIMISED_MAX);
    let large = scenario.objects.len() + scenario.programs.len() + scenario.threads.len() > MINIMISED_MAX;
    if job.options.minimise && !long && !large && job.watch.go_on() {
        job.watch.enter(Phase::Minimising);
        if let Some(minimised) = minimise(scenario, &finding, &choices, job.options, job.still_wanted) {
            minimised.tell(scenario, &mut finding);
            finding.needs.extend(minimised.execution.needs());
            finding.needs.sort_unstable();
            finding.needs.dedup();
        }
    }
    finding
}

/// What one execution shows: that of these choices.
pub(super) fn findings_of(plan: &Plan, options: &Options, choices: Vec<u32>) -> Vec<Finding> {
    let mut executor = Executor::new(plan, options.profile);
    let end = executor.run(&mut Replay::new(choices), options.steps_max);
    let mut all = Collector::default();
    all.count(executor.trail(), end);
    all.take(plan, &executor, executor.trail());
    let drafts = assemble(plan, all).into_iter();
    drafts.map(|draft| finish(plan, options, draft)).collect()
}

/// Runs the witness once more, for its steps.
fn finish(plan: &Plan, options: &Options, draft: Draft) -> Finding {
    let Draft { mut finding, choices, .. } = draft;
    let execution = Execution::replay(plan, options.profile, choices, options.steps_max);
    finding.needs.extend(execution.needs());
    finding.needs.sort_unstable();
    finding.needs.dedup();
    let schedule = execution.recorded().to_string();
    finding.witness =
        Some(Witness { schedule, steps: execution.into_steps(), deviations: None, fewest: false });
    finding
}
