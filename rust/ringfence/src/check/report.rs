//! The check, and its report.

use std::collections::BTreeSet;

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use ringfence_base::SiteId;
use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_diag::{Finding, LockFinding, LockReportKind, PlaceView, Verdict, Witness, rule};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;
use ringfence_model::judge::{Breach, HangKind};
use thiserror::Error;

use super::collect::{Cause, Collected, Collector, Shown};
use super::describe::Describe;
use super::execution::{End, Executor, plan};
use super::inspect::Execution;
use super::schedule::Schedule;
use super::strategy::{Random, Replay, RoundRobin, RunToCompletion, Strategy};

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
    Ok(assemble(plan, options, all, !watch.go_on()))
}

/// What one execution shows: that of these choices.
pub(super) fn findings_of(plan: &Plan, options: &Options, choices: Vec<u32>) -> Vec<Finding> {
    let watch = &Watch { done: AtomicU64::new(0), go_on: &|_| true };
    let mut executor = Executor::new(plan, options.profile);
    let mut all = Collector::default();
    let job = Job { plan, options, watch, still_wanted: &|| true };
    one(job, &mut executor, &mut Replay::new(choices), &mut all);
    assemble(plan, options, all, false).findings
}

/// Each thread first, to completion; and round-robin.
fn ordered(job: Job<'_>) -> Collector {
    let mut executor = Executor::new(job.plan, job.options.profile).asking(job.still_wanted);
    let mut all = Collector::default();
    let threads = job.plan.scenario().threads.len() as u32;
    let go_on = (0..threads).all(|first| one(job, &mut executor, &mut RunToCompletion::new(first), &mut all));
    if go_on {
        one(job, &mut executor, &mut RoundRobin::default(), &mut all);
    }
    all
}

fn random(job: Job<'_>, chunk: u64) -> Collector {
    let mut executor = Executor::new(job.plan, job.options.profile).asking(job.still_wanted);
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
    let end = executor.run(strategy, job.options.steps_max);
    if end == End::Interrupted {
        return false;
    }
    all.executions += 1;
    all.steps += executor.steps();
    all.bound += u64::from(end == End::Bound);
    all.hung += u64::from(end == End::Hung);
    all.take(job.plan, executor);
    job.watch.one_more()
}

/// A finding in the making.
struct Draft {
    finding: Finding,
    site: SiteId,
    classes: Vec<String>,
    choices: Option<Vec<u32>>,
}

/// From causes to findings: what the judges say of the same thing becomes one.
fn assemble(plan: &Plan, options: &Options, all: Collector, interrupted: bool) -> Report {
    let (executions, steps, bound) = (all.executions, all.steps, all.bound);
    let mut drafts: Vec<Draft> = Vec::new();
    let (mut hangs, mut locks) = (Vec::new(), Vec::new());
    for (cause, collected) in all.found {
        match cause {
            Cause::Breach { .. } => drafts.push(breach_draft(plan, collected)),
            Cause::Hang { .. } => hangs.push(collected),
            Cause::Lock { .. } => locks.push(collected),
        }
    }
    for hang in hangs {
        add_hang(&mut drafts, hang);
    }
    for lock in locks {
        add_lock(&mut drafts, lock);
    }
    let mut findings: Vec<Finding> = drafts.into_iter().map(|draft| finish(plan, options, draft)).collect();
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

/// Rules whose breach only shows that something could hang; the others are broken by the execution itself.
fn only_predicts(rule: &str) -> bool {
    matches!(rule, "RF301" | "RF302" | "RF303" | "RF304" | "RF305" | "RF401" | "RF402")
}

fn breach_draft(plan: &Plan, collected: Collected) -> Draft {
    let Shown::Breach(breach, object) = collected.shown else {
        panic!("engine bug: a cause with something else's evidence")
    };
    let at = Describe { plan }.place(breach.origin);
    let verdict = if only_predicts(breach.rule) { Verdict::Predicted } else { Verdict::Confirmed };
    let finding = Finding {
        rule: breach.rule,
        verdict,
        summary: breach_summary(&breach, &object),
        why: why(breach.rule),
        at,
        chain: Vec::new(),
        circular: false,
        lock: None,
        witness: None,
        needs: Vec::new(),
        count: collected.count,
    };
    Draft { finding, site: breach.origin.site, classes: Vec::new(), choices: Some(collected.choices) }
}

fn breach_summary(breach: &Breach, object: &str) -> String {
    match (breach.gfp, object.is_empty()) {
        (Some(gfp), _) => format!("{}: {gfp}", breach.what),
        (None, true) => breach.what.to_owned(),
        (None, false) => format!("{}: {object}", breach.what),
    }
}

fn why(code: &str) -> String {
    rule(code).map_or_else(String::new, |rule| rule.summary.to_owned())
}

/// A hang confirms what a monitor has predicted at the same place; otherwise it is a finding of its own.
fn add_hang(drafts: &mut Vec<Draft>, collected: Collected) {
    let Shown::Hang { hang, chain, classes, guilty, at } = collected.shown else {
        panic!("engine bug: a cause with something else's evidence")
    };
    let summary = hang_summary(hang.kind, &chain);
    let needs: BTreeSet<&str> = hang.links.iter().flat_map(|link| link.parts.iter().copied()).collect();
    let needs: Vec<String> = needs.into_iter().map(str::to_owned).collect();
    let known = predicted(drafts, hang.rule, guilty);
    if let Some(draft) = known {
        let shorter = draft.finding.chain.is_empty() || chain.len() < draft.finding.chain.len();
        if shorter {
            draft.finding.chain = chain;
            draft.finding.needs = needs;
            draft.choices = Some(collected.choices);
            draft.classes = classes;
        }
        draft.finding.verdict = Verdict::Confirmed;
        draft.finding.circular = hang.kind == HangKind::Deadlock;
        draft.finding.count = draft.finding.count.max(collected.count);
        return;
    }
    let finding = Finding {
        rule: hang.rule,
        verdict: Verdict::Confirmed,
        summary,
        why: why(hang.rule),
        at,
        chain,
        circular: hang.kind == HangKind::Deadlock,
        lock: None,
        witness: None,
        needs,
        count: collected.count,
    };
    drafts.push(Draft { finding, site: guilty, classes, choices: Some(collected.choices) });
}

/// What a monitor has predicted of the operation that hangs: the same, or, as a page fault that allocates, that it
/// must not be there at all.
fn predicted<'a>(drafts: &'a mut [Draft], rule: &str, site: SiteId) -> Option<&'a mut Draft> {
    let same = drafts.iter().position(|draft| draft.finding.rule == rule && draft.site == site);
    let other =
        |draft: &Draft| site != SiteId::UNKNOWN && draft.site == site && only_predicts(draft.finding.rule);
    let index = same.or_else(|| if only_predicts(rule) { drafts.iter().position(other) } else { None });
    index.map(|index| &mut drafts[index])
}

fn hang_summary(kind: HangKind, chain: &[ringfence_diag::WaitLink]) -> String {
    match kind {
        HangKind::Deadlock => {
            let names: Vec<&str> = chain.iter().map(|link| link.context.as_str()).collect();
            match names.as_slice() {
                [one] => format!("{one} waits for itself: {}", chain[0].waits_for),
                _ => format!("deadlock: {} wait for each other", names.join(", ")),
            }
        }
        HangKind::LostWakeUp => {
            format!(
                "{} waits for {}, and nobody is left who could end that",
                chain[0].context, chain[0].waits_for
            )
        }
    }
}

/// A report of the validator: evidence for a finding at the same place or with the same locks, or one of its own.
fn add_lock(drafts: &mut Vec<Draft>, collected: Collected) {
    let Shown::Lock(lock) = collected.shown else {
        panic!("engine bug: a cause with something else's evidence")
    };
    let same = drafts.iter_mut().find(|draft| belongs(draft, &lock));
    if let Some(draft) = same {
        let known = draft.finding.lock.as_ref().map(|lock| lock.rule);
        if draft.finding.rule == "RF701" || (known == Some(draft.finding.rule) && says_more(lock.rule, known))
        {
            draft.finding.rule = lock.rule;
            draft.finding.why.clone_from(&lock.why);
        }
        if known.is_none() || says_more(lock.rule, known) {
            draft.finding.lock = Some(*lock);
        }
        return;
    }
    let contract = lock.report.links.iter().any(|link| link.from.name == "dma_fence_map");
    let rule = if lock.kind == LockReportKind::Circular && contract { "RF303" } else { lock.rule };
    let verdict = if is_a_fact(rule) { Verdict::Confirmed } else { Verdict::Predicted };
    let finding = Finding {
        rule,
        verdict,
        summary: lock.summary.clone(),
        why: lock.why.clone(),
        at: lock.report.at.clone(),
        chain: Vec::new(),
        circular: false,
        count: collected.count,
        lock: Some(*lock),
        witness: None,
        needs: Vec::new(),
    };
    let draft =
        Draft { finding, site: SiteId::UNKNOWN, classes: Vec::new(), choices: Some(collected.choices) };
    drafts.push(draft);
}

/// What the validator reports because it has happened, not because it could.
fn is_a_fact(rule: &str) -> bool {
    matches!(rule, "RF607" | "RF608" | "RF609")
}

/// An interrupt that takes a lock which its task holds: that the interrupt takes it says more than that somebody
/// takes it twice.
fn says_more(rule: &str, than: Option<&str>) -> bool {
    let about_interrupts = |rule| matches!(rule, "RF603" | "RF604" | "RF605");
    about_interrupts(rule) && than.is_some_and(|than| !about_interrupts(than))
}

fn same_place(a: &PlaceView, b: &PlaceView) -> bool {
    a.line.is_some() && a.file == b.file && a.line == b.line
}

/// Whether a validator report is about what a draft is about.
fn belongs(draft: &Draft, lock: &LockFinding) -> bool {
    let finding = &draft.finding;
    let links = &lock.report.links;
    // One operation that closes two circles of locks.
    if finding.lock.as_ref().is_some_and(|known| known.rule == lock.rule)
        && same_place(&lock.report.at, &finding.at)
    {
        return true;
    }
    if finding.rule.starts_with("RF3") || finding.rule.starts_with("RF4") {
        let taken = links.iter().any(|link| same_place(&link.taken_at, &finding.at));
        if same_place(&lock.report.at, &finding.at) || taken {
            return true;
        }
    }
    if finding.rule == "RF610" && lock.rule == "RF606" {
        return same_place(&lock.report.at, &finding.at);
    }
    let mut classes: Vec<String> = links.iter().map(|link| link.from.name.clone()).collect();
    if classes.is_empty() {
        classes.push(lock.report.lock.class.name.clone());
    }
    classes.sort();
    !draft.classes.is_empty() && draft.classes.iter().all(|class| classes.contains(class))
}

/// Without the choices at the end that would be made anyway.
fn shortest<'a>(plan: &Plan, options: &Options, choices: &'a [u32]) -> &'a [u32] {
    let mut executor = Executor::new(plan, options.profile);
    let mut is_enough = |count: usize| {
        executor.run(&mut Replay::new(choices[..count].to_vec()), options.steps_max);
        executor.choices() == choices
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

/// Runs the witness once more, for its steps.
fn finish(plan: &Plan, options: &Options, draft: Draft) -> Finding {
    let Draft { mut finding, choices, .. } = draft;
    if let Some(choices) = choices {
        let execution = Execution::replay(plan, options.profile, choices, options.steps_max);
        finding.needs.extend(execution.needs());
        finding.needs.sort_unstable();
        finding.needs.dedup();
        let schedule = Schedule::Choices(shortest(plan, options, execution.choices()).to_vec());
        finding.witness = Some(Witness { schedule: schedule.to_string(), steps: execution.into_steps() });
    }
    finding
}
