//! What became of the jobs of a mock scheduler: read off the events of an execution, under 10,000 random schedules.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use ringfence_base::{Event, EventKind, JobEvent, ObjectId, TaskId};
use ringfence_model::{FenceState, KernelVersion, Plan, State, World};

use crate::later::Random;
use crate::mock_scheduler::Mock;

/// How many random schedules each test is run under.
const SCHEDULES: u64 = 10_000;
/// The longest execution of any of them is far shorter.
const MAX_STEPS: u64 = 100_000;

/// Something that happens to a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Mark {
    Arm,
    Push,
    Run,
    TimedOut,
    Handled,
    Cancel,
    Free,
    /// The hardware's fence, or one of the job's own, is signaled.
    Hardware,
    Scheduled,
    Finished,
}

impl Mark {
    const fn of(event: JobEvent) -> Self {
        match event {
            JobEvent::Arm => Self::Arm,
            JobEvent::Push => Self::Push,
            JobEvent::Run => Self::Run,
            JobEvent::TimedOut => Self::TimedOut,
            JobEvent::Handled => Self::Handled,
            JobEvent::Cancel => Self::Cancel,
            JobEvent::Free => Self::Free,
        }
    }
}

/// The history of a job.
#[derive(Default)]
struct History {
    /// Everything, with the position of its event.
    marks: Vec<(Mark, usize)>,
    /// What `run_job` made.
    hardware: Option<u32>,
    finished: Option<u32>,
}

/// An execution.
pub(crate) struct Log<'r> {
    pub(crate) mock: &'r Mock,
    plan: &'r Plan,
    pub(crate) world: &'r World,
    events: &'r [Event],
    seed: u64,
    histories: Vec<History>,
    /// All fences at the end.
    pub(crate) fences: Vec<FenceState>,
}

impl Mock {
    /// Runs it. All threads come to their end, nothing is broken, nothing leaks, and the claim holds.
    pub(crate) fn always(&self, claim: impl Fn(&Log<'_>)) {
        self.run(|log| {
            log.ends_well();
            log.nothing_leaks();
            claim(log);
        });
    }

    /// [`Mock::always`], and of some executions this is true.
    pub(crate) fn always_and_sometimes(&self, claim: impl Fn(&Log<'_>), some: impl Fn(&Log<'_>) -> bool) {
        let found = Cell::new(false);
        self.always(|log| {
            claim(log);
            found.set(found.get() || some(log));
        });
        assert!(found.get(), "{:?}: no schedule goes that way", self.version);
    }

    /// Runs it. All threads come to their end, and the claim holds.
    pub(crate) fn run(&self, claim: impl Fn(&Log<'_>)) {
        let plan = Plan::new(&self.build.scenario).expect("a valid scenario").with_version(self.version);
        let mut world = plan.initial().clone();
        let (mut events, mut actions) = (Vec::new(), Vec::new());
        for seed in 0..SCHEDULES {
            let (mut schedule, mut choices) = (Random(seed), Random(!seed));
            world.clone_from(plan.initial());
            events.clear();
            for step in 0.. {
                world.enabled(&plan, &mut actions);
                if actions.is_empty() {
                    break;
                }
                assert!(step < MAX_STEPS, "{:?}, seed {seed}: it does not end", self.version);
                let action = actions[schedule.below(actions.len())];
                world.step(&plan, action, step, &mut events, &mut choices);
            }
            let log = Log::new(self, &plan, &world, &events, seed);
            log.threads_end();
            claim(&log);
        }
    }
}

impl<'r> Log<'r> {
    fn new(mock: &'r Mock, plan: &'r Plan, world: &'r World, events: &'r [Event], seed: u64) -> Self {
        let histories = mock.jobs.iter().map(|_| History::default()).collect();
        let fences = world.fences().collect();
        let mut log = Self { mock, plan, world, events, seed, histories, fences };
        let meaning = log.jobs();
        log.fence_signals(&meaning);
        log
    }

    /// Reads what is done with jobs; returns what each of their fences is.
    fn jobs(&mut self) -> BTreeMap<u32, (usize, Mark)> {
        let mut left = self.declared_by_task();
        // Memory of jobs may be used again.
        let (mut number_of, mut published, mut running) =
            (BTreeMap::new(), BTreeMap::<TaskId, Vec<u32>>::new(), BTreeMap::new());
        let mut meaning = BTreeMap::new();
        for (position, event) in self.events.iter().enumerate() {
            let task = event.origin.task;
            match event.kind {
                EventKind::Job(what, job) => {
                    if what == JobEvent::Arm {
                        let next = left.get_mut(&task).and_then(Vec::pop);
                        number_of.insert(job, next.expect("only threads of the test arm jobs, each once"));
                    }
                    let number =
                        *number_of.get(&job).expect("a job is armed before anything else happens to it");
                    self.histories[number].marks.push((Mark::of(what), position));
                    match what {
                        JobEvent::Push => {
                            let of_job = published.remove(&task).unwrap_or_default();
                            self.fences_of_job(number, &of_job, &mut meaning);
                        }
                        JobEvent::Run => {
                            running.insert(task, number);
                        }
                        _ => {}
                    }
                }
                EventKind::FencePublish(fence, _) => published.entry(task).or_default().push(fence),
                EventKind::FenceInit(fence) => {
                    if let Some(number) = running.remove(&task) {
                        self.histories[number].hardware = Some(fence);
                        meaning.insert(fence, (number, Mark::Hardware));
                    }
                }
                _ => {}
            }
        }
        meaning
    }

    /// Numbers of the jobs that each thread submits, the first one last.
    fn declared_by_task(&self) -> BTreeMap<TaskId, Vec<usize>> {
        let threads = &self.mock.build.scenario.threads;
        let mut declared = BTreeMap::<TaskId, Vec<usize>>::new();
        for (number, job) in self.mock.jobs.iter().enumerate().rev() {
            let name = &threads[job.thread].name;
            let task = self.plan.contexts().iter().position(|context| context.name == *name);
            declared.entry(TaskId::new(task.expect("a context of that name"))).or_default().push(number);
        }
        declared
    }

    /// Which of the fences that were published last are the job's two: the context of `finished` comes right after
    /// that of `scheduled`.
    fn fences_of_job(
        &mut self,
        number: usize,
        published: &[u32],
        meaning: &mut BTreeMap<u32, (usize, Mark)>,
    ) {
        let context = |fence: u32| self.fences[fence as usize].context;
        let &[a, b] = published else { panic!("job {number} has two fences of its own, not {published:?}") };
        let (scheduled, finished) = if context(a) < context(b) { (a, b) } else { (b, a) };
        assert_eq!(context(scheduled) + 1, context(finished), "the contexts of the two fences of a job");
        meaning.insert(scheduled, (number, Mark::Scheduled));
        meaning.insert(finished, (number, Mark::Finished));
        self.histories[number].finished = Some(finished);
    }

    fn fence_signals(&mut self, meaning: &BTreeMap<u32, (usize, Mark)>) {
        for (position, event) in self.events.iter().enumerate() {
            if let EventKind::FenceSignal(fence) = event.kind
                && let Some(&(number, mark)) = meaning.get(&fence)
            {
                self.histories[number].marks.push((mark, position));
            }
        }
    }

    /// Fails with the seed and all histories unless it holds.
    #[track_caller]
    pub(crate) fn expect(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n{self}");
    }

    pub(crate) fn version(&self) -> KernelVersion {
        self.mock.version
    }

    /// The first time that happens to the job.
    pub(crate) fn at(&self, job: usize, mark: Mark) -> Option<usize> {
        self.histories[job].marks.iter().find(|&&(known, _)| known == mark).map(|&(_, position)| position)
    }

    pub(crate) fn count(&self, job: usize, mark: Mark) -> usize {
        self.histories[job].marks.iter().filter(|&&(known, _)| known == mark).count()
    }

    /// Whether both happen, one before the other.
    pub(crate) fn before(&self, (a, first): (usize, Mark), (b, second): (usize, Mark)) -> bool {
        matches!((self.at(a, first), self.at(b, second)), (Some(first), Some(second)) if first < second)
    }

    /// The jobs to which that happens, in that order.
    pub(crate) fn order(&self, mark: Mark) -> Vec<usize> {
        let all = (0..self.histories.len()).filter_map(|job| Some((self.at(job, mark)?, job)));
        let all: BTreeSet<(usize, usize)> = all.collect();
        all.into_iter().map(|(_, job)| job).collect()
    }

    /// The error that a job has ended with; 0: none.
    pub(crate) fn error(&self, job: usize) -> i32 {
        self.histories[job].finished.map_or(0, |fence| self.fences[fence as usize].error)
    }

    /// The error of the hardware's fence.
    pub(crate) fn hardware_error(&self, job: usize) -> i32 {
        self.histories[job].hardware.map_or(0, |fence| self.fences[fence as usize].error)
    }

    /// The hardware that a job was run on, by its timeline; each scheduler has its own.
    pub(crate) fn hardware(&self, job: usize) -> Option<u64> {
        self.histories[job].hardware.map(|fence| self.fences[fence as usize].context)
    }

    /// How many of them the jobs of an entity were run on.
    pub(crate) fn hardwares(&self, entity: ObjectId) -> usize {
        let jobs = self.numbers().filter(|&job| self.mock.jobs[job].entity == entity);
        jobs.filter_map(|job| self.hardware(job)).collect::<BTreeSet<u64>>().len()
    }

    /// Numbers of all jobs.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.histories.len()
    }

    /// Which rules were broken, and where.
    pub(crate) fn broken(&self) -> Vec<String> {
        let place = |event: &Event| match self.plan.scenario().site(event.origin.site) {
            Some(place) => format!("{}:{}", place.file, place.line),
            None => "the mock".into(),
        };
        let broken = self.events.iter().filter_map(|event| match event.kind {
            EventKind::Broken(rule, what, _) => Some(format!("{rule} {what}, at {}", place(event))),
            _ => None,
        });
        broken.collect()
    }
}

/// The seed, who still waits, what is broken, and the history of each job.
impl Display for Log<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {:?}", self.seed, self.version())?;
        for (context, thread) in self.plan.contexts().iter().zip(self.world.threads()) {
            if !matches!(thread.state(), State::Done | State::Idle) {
                writeln!(f, "{} is {:?}", context.name, thread.state())?;
            }
        }
        for broken in self.broken() {
            writeln!(f, "{broken}")?;
        }
        for fence in self.fences.iter().filter(|fence| !fence.freed && fence.sort != "stub") {
            writeln!(f, "fence {} is left, with {} references", fence.index, fence.refs)?;
        }
        for (number, (history, job)) in self.histories.iter().zip(&self.mock.jobs).enumerate() {
            let mut marks = history.marks.clone();
            marks.sort_by_key(|&(_, position)| position);
            write!(f, "job {number} of entity {}, error {}:", job.entity.index(), self.error(number))?;
            for (mark, position) in marks {
                write!(f, " {mark:?}@{position}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
