//! A recording on the model.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringfence_base::scenario::{Kind, Op as Call};
use ringfence_base::{Event, EventKind, JobEvent, LockId, TaskId};
use ringfence_model::{Session, Value};

use super::log::{Entry, Lanes, Outcome};
use super::op::{Dependency, Op, Push, RunJob, SCHEDS};
use super::scenario::{Declared, Recovery};

/// The model with the recording's objects, and its jobs by number.
pub(super) struct Replay {
    session: Session,
    recovery: Recovery,
    scheds: Vec<Value>,
    /// Per scheduler, the lock that its `run_job` names.
    marks: Vec<String>,
    works: Vec<Value>,
    outside: Vec<Value>,
    entities: BTreeMap<u64, Value>,
    /// Entities between their beginning and their end.
    alive: BTreeSet<u64>,
    jobs: BTreeMap<u64, Job>,
    /// Which job the model's are.
    numbers: BTreeMap<u32, u64>,
    /// Which fence the model's are.
    fences: BTreeMap<u32, JobFence>,
    /// Per scheduler what the hardware is at: the job, and its fence with a reference.
    rings: [VecDeque<(u64, Value)>; SCHEDS],
    /// Fences that were taken off their ring, whose reference is still to be dropped.
    emptied: Vec<Value>,
    /// Whose `run_job` a task has entered last, and on which scheduler, as soon as that is known.
    runs: BTreeMap<TaskId, (u64, Option<usize>)>,
    lanes: Lanes,
}

/// A job that was pushed.
struct Job {
    /// What the driver makes of it.
    ends: RunJob,
    /// The scheduler that it ran on last.
    sched: Option<usize>,
    /// Its scheduled and its finished fence, with references; none if it was not even initialised.
    fences: Option<(Value, Value)>,
}

#[derive(Clone, Copy)]
enum JobFence {
    Scheduled(u64),
    Finished(u64),
}

impl Replay {
    pub(super) fn new(declared: &Declared, recovery: Recovery, entities: &[u64]) -> Self {
        let session = Session::new(&declared.scenario, 1);
        let session = session.unwrap_or_else(|error| panic!("engine bug: schedulers are refused: {error}"));
        let values = |ids: &[_]| ids.iter().map(|&id| session.object(id)).collect::<Vec<_>>();
        let mut replay = Self {
            recovery,
            scheds: values(&declared.scheds),
            marks: declared.marks.clone(),
            works: values(&declared.works),
            outside: values(&declared.outside),
            entities: entities.iter().copied().zip(values(&declared.entities)).collect(),
            alive: BTreeSet::new(),
            jobs: BTreeMap::new(),
            numbers: BTreeMap::new(),
            fences: BTreeMap::new(),
            rings: [const { VecDeque::new() }; SCHEDS],
            emptied: Vec::new(),
            runs: BTreeMap::new(),
            lanes: Lanes::default(),
            session,
        };
        for number in 0..replay.outside.len() {
            let fence = replay.call(Call::DmaFenceInit, &[replay.outside[number]]);
            replay.outside[number] = fence.expect("engine bug: a fence can't be initialised");
        }
        replay
    }

    /// Does it, and says what happened; after the last step also how every job has ended.
    pub(super) fn step(&mut self, op: &Op, last: bool) -> Result<Outcome, String> {
        self.session.take_events();
        let job_init = self.do_op(op)?;
        let mut log = Vec::new();
        for event in self.session.take_events() {
            self.observe(event, &mut log)?;
        }
        for fence in std::mem::take(&mut self.emptied) {
            self.call(Call::DmaFencePut, &[fence])?;
        }
        for entry in &mut log {
            if let Entry::Finished(job, error) = entry {
                *error = self.status(*job)?.unwrap_or_default().min(0);
            }
        }
        let lanes = self.lanes.sort(&log)?;
        let final_status = if last { Some(self.final_status()?) } else { None };
        Ok(Outcome { job_init, log, lanes, final_status })
    }

    /// The error of `drm_sched_job_init()`, if there is one.
    fn do_op(&mut self, op: &Op) -> Result<Option<i64>, String> {
        match op {
            Op::Entity { entity, priority, scheds } => {
                if !self.alive.insert(*entity) {
                    return Err(format!("entity {entity} is initialised already"));
                }
                let scheds = self.scheds(scheds);
                let args = [self.entity(*entity)?, Value::Int(*priority)];
                self.call_list(Call::DrmSchedEntityInit, &args, &scheds)?;
            }
            Op::Push { job, push } => return self.push(*job, push),
            Op::HwDone { sched, job, error } => {
                let fence = self.oldest(*sched, *job)?;
                self.signal(fence, *error)?;
                self.call(Call::DmaFencePut, &[fence])?;
            }
            Op::ExternalSignal { fence, error } => self.signal(self.outside[*fence], *error)?,
            Op::Fault(sched) => {
                self.call(Call::DrmSchedFault, &[self.scheds[*sched]])?;
            }
            Op::SetPriority(entity, priority) => {
                let args = [self.entity(*entity)?, Value::Int(*priority)];
                self.call(Call::DrmSchedEntitySetPriority, &args)?;
            }
            Op::ModifySched(entity, scheds) => {
                let scheds = self.scheds(scheds);
                self.call_list(Call::DrmSchedEntityModifySched, &[self.entity(*entity)?], &scheds)?;
            }
            Op::EntityFini(entity) => {
                self.call(Call::DrmSchedEntityFini, &[self.entity(*entity)?])?;
                self.alive.remove(entity);
            }
        }
        Ok(None)
    }

    /// Everything before the last call changes nothing that anybody else could see.
    fn push(&mut self, number: u64, push: &Push) -> Result<Option<i64>, String> {
        if self.jobs.contains_key(&number) {
            return Err(format!("job {number} was pushed already"));
        }
        let entity = self.entity(push.entity)?;
        let dependencies: Vec<Value> =
            push.dependencies.iter().map(|&on| self.dependency(on)).collect::<Result<_, _>>()?;
        let work = self.works[push.run_job.index()];
        let job = self.call(Call::DrmSchedJobAlloc, &[work])?;
        let error = self.number(Call::DrmSchedJobInit, &[job, entity, Value::Int(push.credits)])?;
        if error != 0 {
            self.call(Call::DrmSchedJobFree, &[job])?;
            self.jobs.insert(number, Job { ends: push.run_job, sched: None, fences: None });
            return Ok(Some(error));
        }
        for fence in dependencies {
            self.call(Call::DmaFenceGet, &[fence])?;
            self.call(Call::DrmSchedJobAddDependency, &[job, fence])?;
        }
        self.call(Call::DrmSchedJobArm, &[job])?;
        let scheduled = self.kept(Call::DrmSchedJobScheduled, job)?;
        let finished = self.kept(Call::DrmSchedJobFinished, job)?;
        self.numbers.insert(index_of(job), number);
        self.fences.insert(index_of(scheduled), JobFence::Scheduled(number));
        self.fences.insert(index_of(finished), JobFence::Finished(number));
        self.lanes.push(number, push.entity);
        let fences = Some((scheduled, finished));
        self.jobs.insert(number, Job { ends: push.run_job, sched: None, fences });
        self.call(Call::DrmSchedEntityPushJob, &[job])?;
        Ok(None)
    }

    /// A fence of a job, with a reference.
    fn kept(&mut self, which: Call, job: Value) -> Result<Value, String> {
        let fence = self.call(which, &[job])?;
        self.call(Call::DmaFenceGet, &[fence])?;
        Ok(fence)
    }

    fn signal(&mut self, fence: Value, error: i64) -> Result<(), String> {
        if error != 0 {
            self.call(Call::DmaFenceSetError, &[fence, Value::Int(error)])?;
        }
        self.call(Call::DmaFenceSignal, &[fence]).map(|_| ())
    }

    /// Takes the oldest job off a ring, which is this one; its fence.
    fn oldest(&mut self, sched: usize, job: u64) -> Result<Value, String> {
        match self.rings[sched].pop_front() {
            Some((oldest, fence)) if oldest == job => Ok(fence),
            Some((oldest, _)) => {
                Err(format!("the oldest job on the ring of scheduler {sched} is {oldest}, not {job}"))
            }
            None => Err(format!("the ring of scheduler {sched} is empty")),
        }
    }

    /// What an event says about a job.
    fn observe(&mut self, event: Event, log: &mut Vec<Entry>) -> Result<(), String> {
        let task = event.origin.task;
        match event.kind {
            EventKind::Job(JobEvent::Run, job) => {
                let number = self.numbered(job)?;
                self.runs.insert(task, (number, None));
            }
            EventKind::Acquire(lock, _) => log.extend(self.ran(task, lock)),
            EventKind::FenceInit(fence) => self.put_on_ring(task, Value::Object(Kind::Fence, fence)),
            EventKind::Job(JobEvent::TimedOut, job) => {
                let number = self.numbered(job)?;
                self.empty_ring(number);
                log.push(Entry::TimedOut(number));
            }
            EventKind::Job(JobEvent::Free, job) => log.push(Entry::Free(self.numbered(job)?)),
            EventKind::FenceSignal(fence) => log.extend(self.fences.get(&fence).map(|fence| match *fence {
                JobFence::Scheduled(job) => Entry::Scheduled(job),
                JobFence::Finished(job) => Entry::Finished(job, 0),
            })),
            _ => {}
        }
        Ok(())
    }

    /// The task names a lock: if it has just begun to run a job, that says on which scheduler.
    fn ran(&mut self, task: TaskId, lock: LockId) -> Option<Entry> {
        let (number, sched @ None) = self.runs.get_mut(&task)? else { return None };
        let name = self.session.plan().lock_name(self.session.world(), lock.raw());
        let found = self.marks.iter().position(|mark| *mark == name)?;
        *sched = Some(found);
        let number = *number;
        if let Some(job) = self.jobs.get_mut(&number) {
            job.sched = *sched;
        }
        Some(Entry::Run(number, found as u64))
    }

    /// A fence that `run_job` has made is that of the hardware, unless it signals it itself.
    fn put_on_ring(&mut self, task: TaskId, fence: Value) {
        if let Some(&(number, Some(sched))) = self.runs.get(&task) {
            self.runs.remove(&task);
            if self.jobs.get(&number).is_some_and(|job| job.ends == RunJob::Hw) {
                self.rings[sched].push_back((number, fence));
            }
        }
    }

    /// The driver takes everything off the ring of a job that hangs. Whatever runs from here on comes after that.
    fn empty_ring(&mut self, number: u64) {
        if self.recovery != Recovery::Enodev
            && let Some(sched) = self.jobs.get(&number).and_then(|job| job.sched)
        {
            self.emptied.extend(self.rings[sched].drain(..).map(|(_, fence)| fence));
        }
    }

    /// The status of every finished fence.
    fn final_status(&mut self) -> Result<BTreeMap<u64, i64>, String> {
        let numbers: Vec<u64> = self.jobs.keys().copied().collect();
        let mut all = BTreeMap::new();
        for number in numbers {
            if let Some(status) = self.status(number)? {
                all.insert(number, status);
            }
        }
        Ok(all)
    }

    /// The status of the finished fence of a job; none if it has no fences.
    fn status(&mut self, number: u64) -> Result<Option<i64>, String> {
        let fences = self.jobs.get(&number).and_then(|job| job.fences);
        fences.map(|(_, finished)| self.number(Call::DmaFenceGetStatus, &[finished])).transpose()
    }

    fn call(&mut self, op: Call, args: &[Value]) -> Result<Value, String> {
        self.call_list(op, args, &[])
    }

    fn call_list(&mut self, op: Call, args: &[Value], list: &[Value]) -> Result<Value, String> {
        let result = self.session.call(0, op, args, list);
        result.ok_or_else(|| format!("{} never returns", op.name()))
    }

    /// A call that returns a number.
    fn number(&mut self, op: Call, args: &[Value]) -> Result<i64, String> {
        match self.call(op, args)? {
            Value::Int(number) => Ok(number),
            Value::Null => Ok(0),
            Value::Object(kind, _) => Err(format!("engine bug: {} returned a {kind}", op.name())),
        }
    }

    fn entity(&self, number: u64) -> Result<Value, String> {
        let alive = self.entities.get(&number).filter(|_| self.alive.contains(&number));
        alive.copied().ok_or_else(|| format!("entity {number} is not initialised"))
    }

    fn scheds(&self, numbers: &[usize]) -> Vec<Value> {
        numbers.iter().map(|&number| self.scheds[number]).collect()
    }

    fn dependency(&self, on: Dependency) -> Result<Value, String> {
        let fences = |number| match self.jobs.get(&number) {
            Some(Job { fences: Some(fences), .. }) => Ok(*fences),
            Some(_) => Err(format!("job {number} has no fences; it was not initialised")),
            None => Err(format!("there is no job {number}")),
        };
        Ok(match on {
            Dependency::Scheduled(job) => fences(job)?.0,
            Dependency::Finished(job) => fences(job)?.1,
            Dependency::External(fence) => self.outside[fence],
        })
    }

    fn numbered(&self, job: u32) -> Result<u64, String> {
        self.numbers.get(&job).copied().ok_or_else(|| "engine bug: a job that nobody pushed".into())
    }
}

/// Index of an object in the model.
fn index_of(value: Value) -> u32 {
    match value {
        Value::Object(_, index) => index,
        Value::Null | Value::Int(_) => panic!("engine bug: no object where one was made"),
    }
}
