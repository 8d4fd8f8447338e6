//! Predict, then prove: cheap schedules with the validator on predict, the search towards each predicted hang
//! confirms, in the scenario itself and then against everything that the contract allows others; and what an
//! exhaustive search has shown to be impossible is refuted.

use ringfence_base::End;
use ringfence_diag::{Finding, LockFinding, LockReportKind, SearchView, Verdict};
use ringfence_explore::{Budget, Directed, Dpor, Goal, Limits, Pct, Trail, Visit};
use ringfence_model::Plan;

use super::assemble::{Draft, assemble};
use super::collect::Collector;
use super::execution::Executor;
use super::goal::goals;
use super::options::Method;
use super::progress::Phase;
use super::refute::{Observed, Reason, refutable};
use super::search::{Job, Taking, ordered, random, seeded};

/// Executions towards one predicted hang.
const DIRECTED: u64 = 1000;
/// And steps of them.
const DIRECTED_STEPS: u64 = 200_000;
/// Executions of a search against everything that the contract allows others.
const CONTRACT: u64 = 1000;
/// The search that is exhaustive if it gets to its end may take one in so many of the executions; the rest are
/// random.
const SYSTEMATIC: u64 = 4;

/// Longer executions have too many equivalent ones for a search to get to its end.
const SYSTEMATIC_STEPS: u64 = 1000;

/// Steps of all of them.
const SYSTEMATIC_STEPS_ALL: u64 = 2_000_000;

/// Of what was predicted with an annotation, or a lock inside the kernel, when no execution hangs.
const ELSEWHERE: &str = "nothing in this scenario can hang on it: whoever would close the circle is elsewhere in the \
                         kernel";

/// The same, of two locks of one class.
const NESTED: &str = "nothing in this scenario can hang on it: these are two locks of one class, and nobody takes them \
                      the other way round; the validator can't know that: tell it by a subclass or a nest lock";

/// What is known of a scenario.
pub(super) struct Proof<'a> {
    job: Job<'a>,
    all: Collector,
    pub(super) searches: Vec<SearchView>,
    /// Every execution there is is equivalent to one that was run.
    pub(super) complete: bool,
}

impl<'a> Proof<'a> {
    pub(super) fn new(job: Job<'a>) -> Self {
        Self { job, all: Collector::default(), searches: Vec::new(), complete: false }
    }

    /// What was counted.
    pub(super) fn collected(&self) -> &Collector {
        &self.all
    }

    /// Runs what the options ask for.
    pub(super) fn run(&mut self) {
        // What others may do is only tried for what was predicted.
        let most = if self.job.contract { CONTRACT } else { u64::MAX };
        let executions = self.job.options.executions.min(most);
        self.enter(Phase::Ordered);
        let part = ordered(self.job);
        self.done("ordered", part, false);
        match self.job.options.method {
            Method::Proof => {
                self.systematic(executions.div_ceil(SYSTEMATIC));
                // Where every execution is equivalent to one that was run, others have nothing to add.
                if !self.complete {
                    self.random(executions);
                    self.directed(DIRECTED.min(executions));
                }
            }
            Method::Random => self.random(executions),
            Method::Dpor => self.systematic(executions),
            Method::Directed => self.directed(executions),
            Method::Pct { depth } => {
                self.enter(Phase::Random);
                let steps = self.all.steps / self.all.executions.max(1);
                let part = seeded(self.job, executions, |seed| Pct::new(seed, depth, steps));
                self.done(&Method::Pct { depth }.to_string(), part, false);
            }
        }
    }

    fn enter(&self, phase: Phase) {
        let phase = if self.job.contract { Phase::Contract } else { phase };
        self.job.watch.enter(phase);
        self.job.watch.found(self.all.found.len());
    }

    fn done(&mut self, method: &str, part: Collector, complete: bool) {
        if part.executions != 0 {
            self.searches.push(self.job.view(method, &part, complete));
        }
        self.all.merge(part);
    }

    fn random(&mut self, executions: u64) {
        self.enter(Phase::Random);
        let part = random(self.job, executions);
        self.done("random", part, false);
    }

    fn systematic(&mut self, executions: u64) {
        self.enter(Phase::Systematic);
        let mut executor = self.job.executor();
        let limits =
            Limits { steps_max: self.job.options.steps_max.min(SYSTEMATIC_STEPS), ..self.job.limits() };
        let memory_max = self.job.options.memory_max;
        let budget = Budget { execution: limits, executions_max: executions, memory_max };
        let mut visit = Systematic(Taking::new(self.job));
        let summary = Dpor::default().explore(&mut executor, budget, &mut visit);
        self.job.watch.share(summary.share);
        self.complete = summary.complete();
        self.done("dpor", visit.0.all, self.complete);
    }

    /// Towards each hang that is only predicted.
    fn directed(&mut self, executions: u64) {
        self.enter(Phase::Directed);
        let mut part = Collector::default();
        for draft in self.drafts() {
            if draft.finding.verdict == Verdict::Predicted && self.job.watch.go_on() {
                for goal in goals(self.job.plan, &draft.finding) {
                    part.merge(self.towards(goal, executions));
                }
            }
        }
        self.done("directed", part, false);
    }

    /// Until something hangs.
    fn towards(&self, goal: Goal, executions: u64) -> Collector {
        let mut executor = self.job.executor();
        let mut taking = Taking::new(self.job);
        let budget = Budget { executions_max: executions, ..Budget::each(self.job.limits()) };
        let mut visit = |executor: &mut Executor<'_>, trail: &Trail, end| {
            taking.take(executor, trail, end) && end != End::Hung && taking.all.steps < DIRECTED_STEPS
        };
        Directed::new(goal, self.job.options.seed).run(&mut executor, budget, &mut visit);
        taking.all
    }

    /// Distinct problems so far.
    pub(super) fn drafts(&self) -> Vec<Draft> {
        assemble(self.job.plan, self.all.clone())
    }

    /// What the exhaustive search has shown to be impossible.
    pub(super) fn refute(&self, finding: &mut Finding) {
        let Some(lock) = &finding.lock else { return };
        if !self.complete || finding.verdict != Verdict::Predicted {
            return;
        }
        if refutable(self.job.plan, lock) {
            let reason = self.reason(lock);
            if !matches!(reason, Reason::OneThread(_)) {
                finding.verdict = Verdict::Refuted;
            }
            finding.notes.push(reason.text());
        } else {
            let recursive = lock.kind == LockReportKind::Recursive;
            finding.notes.push(if recursive { NESTED } else { ELSEWHERE }.to_owned());
        }
    }

    /// Looks at every execution once more.
    fn reason(&self, lock: &LockFinding) -> Reason {
        let mut observed = Observed::new(self.job.executor(), self.job.plan, lock);
        let budget = Budget::each(self.job.limits());
        let mut visit = |_: &mut Observed<'_, '_>, _: &Trail, _| self.job.watch.go_on();
        Dpor::default().explore(&mut observed, budget, &mut visit);
        observed.reason()
    }
}

/// Takes what an exhaustive search comes by.
struct Systematic<'a>(Taking<'a>);

impl<'p> Visit<Executor<'p>> for Systematic<'_> {
    fn execution(&mut self, executor: &mut Executor<'p>, trail: &Trail, end: End) -> bool {
        // What is too long for the first execution is so for the others.
        end != End::Bound && self.0.take(executor, trail, end) && self.0.all.steps < SYSTEMATIC_STEPS_ALL
    }

    fn share(&mut self, share: f64) {
        self.0.job.watch.share(share);
    }
}

/// Of what is only predicted in the scenario: whether the same is confirmed against everything that the contract
/// allows others.
pub(super) fn confirmed_against<'d>(predicted: &Finding, others: &'d [Draft]) -> Option<&'d Draft> {
    let same = |draft: &&Draft| {
        let Finding { rule, verdict, at, summary, .. } = &draft.finding;
        let here = at.line.is_some() && at.file == predicted.at.file && at.line == predicted.at.line;
        *verdict == Verdict::Confirmed && *rule == predicted.rule && (here || *summary == predicted.summary)
    };
    others.iter().find(same)
}

/// Whether a plan's environment lets others do everything that the contract allows them.
pub(super) fn is_whole_contract(plan: &Plan) -> bool {
    let mut environment = plan.scenario().environment.clone();
    ringfence_base::scenario::Environment::PARTS
        .iter()
        .all(|part| environment.part(part).is_some_and(|on| *on))
}
