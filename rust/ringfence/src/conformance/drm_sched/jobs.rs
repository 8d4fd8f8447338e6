//! The jobs of a recording and the rings that they are on, as the model's events tell.

use std::collections::{BTreeMap, VecDeque};

use ringfence_base::scenario::Kind;
use ringfence_base::{Event, EventKind, JobEvent, LockId, TaskId};
use ringfence_model::Value;

use super::log::Entry;
use super::op::{RunJob, SCHEDS};

/// A job that was pushed.
struct Job {
    /// What the driver makes of it.
    ends: RunJob,
    /// The scheduler that it ran on last.
    sched: Option<usize>,
    /// None if it was not even initialised.
    fences: Option<Fences>,
}

/// The fences of a job, with references.
#[derive(Clone, Copy)]
pub(super) struct Fences {
    pub(super) scheduled: Value,
    pub(super) finished: Value,
}

#[derive(Clone, Copy)]
enum JobFence {
    Scheduled(u64),
    Finished(u64),
}

/// All of them.
#[derive(Default)]
pub(super) struct Jobs {
    by_number: BTreeMap<u64, Job>,
    /// Which job the model's are.
    numbers: BTreeMap<u32, u64>,
    /// Which fence the model's are.
    fences: BTreeMap<u32, JobFence>,
    /// Per scheduler what the hardware is at: the job, and its fence with a reference.
    rings: [VecDeque<(u64, Value)>; SCHEDS],
    /// A hang empties the ring.
    recovers: bool,
    /// Fences that were taken off their ring, whose reference is still to be dropped.
    emptied: Vec<Value>,
    /// Whose `run_job` a task has entered last, and on which scheduler, as soon as that is known.
    runs: BTreeMap<TaskId, (u64, Option<usize>)>,
}

impl Jobs {
    pub(super) fn new(recovers: bool) -> Self {
        Self { recovers, ..Self::default() }
    }

    /// `drm_sched_job_init()` has failed.
    pub(super) fn add_failed(&mut self, number: u64, ends: RunJob) {
        self.by_number.insert(number, Job { ends, sched: None, fences: None });
    }

    /// A job is armed.
    pub(super) fn add(&mut self, number: u64, ends: RunJob, job: Value, fences: Fences) {
        self.numbers.insert(index_of(job), number);
        self.fences.insert(index_of(fences.scheduled), JobFence::Scheduled(number));
        self.fences.insert(index_of(fences.finished), JobFence::Finished(number));
        self.by_number.insert(number, Job { ends, sched: None, fences: Some(fences) });
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.by_number.contains_key(&number)
    }

    /// The finished fences of all jobs that have one.
    pub(super) fn finished(&self) -> Vec<(u64, Value)> {
        let finished = |(&number, job): (&u64, &Job)| job.fences.map(|fences| (number, fences.finished));
        self.by_number.iter().filter_map(finished).collect()
    }

    pub(super) fn fences(&self, number: u64) -> Result<Fences, String> {
        let job = self.by_number.get(&number).ok_or_else(|| format!("there is no job {number}"))?;
        job.fences.ok_or_else(|| format!("job {number} has no fences; it was not initialised"))
    }

    /// Takes the oldest job off a ring, which must be this one; its fence.
    pub(super) fn oldest(&mut self, sched: usize, job: u64) -> Result<Value, String> {
        match self.rings[sched].pop_front() {
            Some((oldest, fence)) if oldest == job => Ok(fence),
            Some((oldest, _)) => {
                Err(format!("the oldest job on the ring of scheduler {sched} is {oldest}, not {job}"))
            }
            None => Err(format!("the ring of scheduler {sched} is empty")),
        }
    }

    /// Fences that were taken off a ring since this was last called.
    pub(super) fn take_emptied(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.emptied)
    }

    /// What an event says about a job. `named` is the scheduler whose `run_job` names a lock.
    pub(super) fn observe(
        &mut self,
        event: Event,
        named: impl FnOnce(LockId) -> Option<usize>,
    ) -> Option<Entry> {
        let task = event.origin.task;
        match event.kind {
            EventKind::Job(JobEvent::Run, job) => {
                self.runs.insert(task, (self.numbered(job), None));
                None
            }
            EventKind::Acquire(lock, _) => self.ran(task, || named(lock)),
            EventKind::FenceInit(fence) => {
                self.put_on_ring(task, Value::Object(Kind::Fence, fence));
                None
            }
            EventKind::Job(JobEvent::TimedOut, job) => {
                let number = self.numbered(job);
                self.empty_ring(number);
                Some(Entry::TimedOut(number))
            }
            EventKind::Job(JobEvent::Free, job) => Some(Entry::Free(self.numbered(job))),
            EventKind::FenceSignal(fence) => self.fences.get(&fence).map(|fence| match *fence {
                JobFence::Scheduled(job) => Entry::Scheduled(job),
                JobFence::Finished(job) => Entry::Finished(job, 0),
            }),
            _ => None,
        }
    }

    /// The task names a lock: if it has just begun to run a job, that says on which scheduler.
    fn ran(&mut self, task: TaskId, named: impl FnOnce() -> Option<usize>) -> Option<Entry> {
        let (number, sched @ None) = self.runs.get_mut(&task)? else { return None };
        let found = named()?;
        *sched = Some(found);
        let number = *number;
        self.by_number.get_mut(&number)?.sched = Some(found);
        Some(Entry::Run(number, found as u64))
    }

    /// A fence that `run_job` has made is that of the hardware, unless it signals it itself.
    fn put_on_ring(&mut self, task: TaskId, fence: Value) {
        if let Some(&(number, Some(sched))) = self.runs.get(&task) {
            self.runs.remove(&task);
            if self.by_number.get(&number).is_some_and(|job| job.ends == RunJob::Hw) {
                self.rings[sched].push_back((number, fence));
            }
        }
    }

    /// The driver takes everything off the ring of a job that hangs. Whatever runs from here on comes after that.
    fn empty_ring(&mut self, number: u64) {
        if self.recovers
            && let Some(sched) = self.by_number.get(&number).and_then(|job| job.sched)
        {
            self.emptied.extend(self.rings[sched].drain(..).map(|(_, fence)| fence));
        }
    }

    fn numbered(&self, job: u32) -> u64 {
        *self.numbers.get(&job).expect("engine bug: something is done with a job that nobody pushed")
    }
}

/// Index of an object in the model.
fn index_of(value: Value) -> u32 {
    match value {
        Value::Object(_, index) => index,
        Value::Null | Value::Int(_) => panic!("engine bug: no object where one was made"),
    }
}
