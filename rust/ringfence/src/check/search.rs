//! The searches of a check: each with executors of its own, its findings merged in a fixed order.

use rayon::prelude::*;
use ringfence_base::End;
use ringfence_diag::SearchView;
use ringfence_explore::{Limits, Random, RoundRobin, RunToCompletion, Strategy, Trail};
use ringfence_model::Plan;

use super::collect::Collector;
use super::execution::Executor;
use super::options::Options;
use super::progress::Watch;

/// Random executions that share a validator. Fixed, so that the outcome does not depend on the number of threads.
const CHUNK: u64 = 512;

/// What every execution of a check is about.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) plan: &'a Plan,
    pub(super) options: &'a Options,
    pub(super) watch: &'a Watch<'a>,
    pub(super) still_wanted: &'a (dyn Fn() -> bool + Sync),
    pub(super) pool: &'a rayon::ThreadPool,
    /// The plan is that of the scenario with everything that the contract allows others.
    pub(super) contract: bool,
}

impl<'a> Job<'a> {
    pub(super) fn limits(&self) -> Limits<'a> {
        Limits { steps_max: self.options.steps_max, go_on: Some(self.still_wanted) }
    }

    pub(super) fn executor(&self) -> Executor<'a> {
        Executor::new(self.plan, self.options.profile)
    }

    /// What a search has done, for the report.
    pub(super) fn view(&self, method: &str, part: &Collector, complete: bool) -> SearchView {
        SearchView {
            method: method.into(),
            contract: self.contract,
            executions: part.executions,
            steps: part.steps,
            complete,
        }
    }
}

/// Takes one execution after the other.
pub(super) struct Taking<'a> {
    pub(super) job: Job<'a>,
    pub(super) all: Collector,
}

impl<'a> Taking<'a> {
    pub(super) fn new(job: Job<'a>) -> Self {
        Self { job, all: Collector::default() }
    }

    /// The latest execution of the executor; whether to go on.
    pub(super) fn take(&mut self, executor: &Executor<'_>, trail: &Trail, end: End) -> bool {
        if end == End::Interrupted {
            return false;
        }
        self.all.count(trail, end);
        self.all.take(self.job.plan, executor, trail);
        self.job.watch.one_more()
    }

    /// Runs one execution; whether to go on.
    pub(super) fn one(&mut self, executor: &mut Executor<'_>, strategy: &mut impl Strategy) -> bool {
        let end = executor.run_within(strategy, self.job.limits(), &mut ());
        self.take(executor, executor.trail(), end)
    }
}

/// Each thread first, to completion; and round-robin.
pub(super) fn ordered(job: Job<'_>) -> Collector {
    let mut executor = job.executor();
    let mut taking = Taking::new(job);
    let threads = job.plan.scenario().threads.len() as u32;
    let go_on = (0..threads).all(|first| taking.one(&mut executor, &mut RunToCompletion::new(first)));
    if go_on {
        taking.one(&mut executor, &mut RoundRobin::default());
    }
    taking.all
}

/// So many executions, each with the strategy of its seed.
pub(super) fn seeded<S: Strategy>(
    job: Job<'_>,
    executions: u64,
    strategy: impl Fn(u64) -> S + Sync,
) -> Collector {
    let mut all = Collector::default();
    let chunks = executions.div_ceil(CHUNK);
    // Many chunks at a time, so that nobody often waits for others; not all, so that memory stays small. They are
    // merged in a fixed order.
    let at_once = 64 * job.pool.current_num_threads() as u64;
    let mut next = 0;
    while next < chunks && job.watch.go_on() {
        let end = chunks.min(next + at_once);
        let one = |chunk| chunk_of(job, chunk, executions, &strategy);
        let parts: Vec<Collector> = job.pool.install(|| (next..end).into_par_iter().map(one).collect());
        for part in parts {
            all.merge(part);
        }
        next = end;
    }
    all
}

fn chunk_of<S: Strategy>(
    job: Job<'_>,
    chunk: u64,
    executions: u64,
    strategy: &(impl Fn(u64) -> S + Sync),
) -> Collector {
    if !job.watch.go_on() {
        return Collector::default();
    }
    let mut executor = job.executor();
    let mut taking = Taking::new(job);
    let first = chunk * CHUNK;
    for number in first..executions.min(first.saturating_add(CHUNK)) {
        let seed = job.options.seed.wrapping_add(number);
        if !taking.one(&mut executor, &mut strategy(seed)) {
            break;
        }
    }
    taking.all
}

/// Random walks.
pub(super) fn random(job: Job<'_>, executions: u64) -> Collector {
    seeded(job, executions, Random::new)
}
