//! The check, and its report.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use ringfence_base::End;
use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_diag::{Finding, Witness};
use ringfence_explore::{Limits, Random, Replay, RoundRobin, RunToCompletion, Strategy};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;
use thiserror::Error;

use super::assemble::{Draft, assemble};
use super::collect::Collector;
use super::execution::{Executor, plan};
use super::inspect::Execution;
use super::schedule::Schedule;

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

/// Counts executions, and asks after each whether to go on.
struct Watch<'a> {
    done: AtomicU64,
    go_on: &'a (dyn Fn(u64) -> bool + Sync),
}

impl Watch<'_> {
    fn go_on(&self) -> bool {
        (self.go_on)(self.done.load(Ordering::Relaxed))
    }

    fn one_more(&self) -> bool {
        (self.go_on)(1 + self.done.fetch_add(1, Ordering::Relaxed))
    }
}

/// What each execution of a check is about.
#[derive(Clone, Copy)]
struct Job<'a> {
    plan: &'a Plan,
    options: &'a Options,
    watch: &'a Watch<'a>,
    still_wanted: &'a (dyn Fn() -> bool + Sync),
}

/// Checks a scenario. `go_on` is asked all the time, by all threads, with the executions done so far; once it says
/// false, the report shows what was found until then.
///
/// # Errors
/// What is wrong with the scenario, or that the threads can't be started.
pub fn check(
    scenario: &Scenario,
    options: &Options,
    go_on: &(dyn Fn(u64) -> bool + Sync),
) -> Result<Report, CheckError> {
    let plan = &plan(scenario, options.profile)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs).build();
    let pool = pool.map_err(|error| CheckError::Threads { jobs: options.jobs, why: error.to_string() })?;
    let watch = &Watch { done: AtomicU64::new(0), go_on };
    let job = Job { plan, options, watch, still_wanted: &|| watch.go_on() };
    let mut all = ordered(job);
    let chunks = options.executions.div_ceil(CHUNK);
    // A few chunks at a time, so that memory stays small; merged in a fixed order.
    let at_once = 2 * pool.current_num_threads() as u64;
    let mut next = 0;
    while next < chunks && watch.go_on() {
        let end = chunks.min(next + at_once);
        let parts: Vec<Collector> =
            pool.install(|| (next..end).into_par_iter().map(|chunk| random(job, chunk)).collect());
        for part in parts {
            all.merge(part);
        }
        next = end;
    }
    Ok(report(plan, options, all, !watch.go_on()))
}

/// What one execution shows: that of these choices.
pub(super) fn findings_of(plan: &Plan, options: &Options, choices: Vec<u32>) -> Vec<Finding> {
    let watch = &Watch { done: AtomicU64::new(0), go_on: &|_| true };
    let mut executor = Executor::new(plan, options.profile);
    let mut all = Collector::default();
    let job = Job { plan, options, watch, still_wanted: &|| true };
    one(job, &mut executor, &mut Replay::new(choices), &mut all);
    report(plan, options, all, false).findings
}

/// Each thread first, to completion; and round-robin.
fn ordered(job: Job<'_>) -> Collector {
    let mut executor = Executor::new(job.plan, job.options.profile);
    let mut all = Collector::default();
    let threads = job.plan.scenario().threads.len() as u32;
    let go_on = (0..threads).all(|first| one(job, &mut executor, &mut RunToCompletion::new(first), &mut all));
    if go_on {
        one(job, &mut executor, &mut RoundRobin::default(), &mut all);
    }
    all
}

fn random(job: Job<'_>, chunk: u64) -> Collector {
    let mut executor = Executor::new(job.plan, job.options.profile);
    let mut all = Collector::default();
    let first = chunk * CHUNK;
    for number in first..job.options.executions.min(first.saturating_add(CHUNK)) {
        let seed = job.options.seed.wrapping_add(number);
        if !one(job, &mut executor, &mut Random::new(seed), &mut all) {
            break;
        }
    }
    all
}

/// One execution; whether to go on then.
fn one(job: Job<'_>, executor: &mut Executor<'_>, strategy: &mut impl Strategy, all: &mut Collector) -> bool {
    let limits = Limits { steps_max: job.options.steps_max, go_on: Some(job.still_wanted) };
    let end = executor.run_within(strategy, limits, &mut ());
    if end == End::Interrupted {
        return false;
    }
    all.executions += 1;
    all.steps += executor.steps();
    all.bound += u64::from(end == End::Bound);
    all.hung += u64::from(end == End::Hung);
    all.take(job.plan, executor, executor.trail());
    job.watch.one_more()
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
    finding.needs.extend(execution.needs());
    finding.needs.sort_unstable();
    finding.needs.dedup();
    let schedule = Schedule::Choices(shortest(plan, options, execution.choices()).to_vec());
    let (schedule, steps) = (schedule.to_string(), execution.into_steps());
    finding.witness = Some(Witness { schedule, steps, deviations: None, fewest: false });
    finding
}

/// Without the choices at the end that would be made anyway.
fn shortest<'a>(plan: &Plan, options: &Options, choices: &'a [u32]) -> &'a [u32] {
    let mut executor = Executor::new(plan, options.profile);
    let mut is_enough = |count: usize| {
        executor.run(&mut Replay::new(choices[..count].to_vec()), options.steps_max);
        executor.trail().choices == choices
    };
    let (mut low, mut high) = (0, choices.len());
    while low < high {
        let middle = low.midpoint(high);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    &choices[..high]
}
