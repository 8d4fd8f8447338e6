//! A recording on the model.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringfence_base::scenario::Op as Call;
use ringfence_base::{EventKind, Ordinary};
use ringfence_model::{Action, Session, Value};

use super::jobs::{Fences, Jobs};
use super::log::{Entry, Lanes, Outcome};
use super::op::{Dependency, Op, Push};
use super::scenario::{Declared, Recovery};

/// The model with the recording's objects, and its jobs by number.
pub(super) struct Replay {
    session: Session,
    scheds: Vec<Value>,
    /// Per scheduler, the lock that its `run_job` names.
    marks: Vec<String>,
    works: Vec<Value>,
    outside: Vec<Value>,
    entities: BTreeMap<u64, Value>,
    /// Entities between their beginning and their end.
    alive: BTreeSet<u64>,
    jobs: Jobs,
    lanes: Lanes,
}

impl Replay {
    pub(super) fn new(declared: &Declared, recovery: Recovery, entities: &[u64]) -> Self {
        let session = Session::new(&declared.scenario, 1);
        let session = session.unwrap_or_else(|error| panic!("engine bug: schedulers are refused: {error}"));
        let values = |ids: &[_]| ids.iter().map(|&id| session.object(id)).collect::<Vec<_>>();
        let mut replay = Self {
            scheds: values(&declared.scheds),
            marks: declared.marks.clone(),
            works: values(&declared.works),
            outside: values(&declared.outside),
            entities: entities.iter().copied().zip(values(&declared.entities)).collect(),
            alive: BTreeSet::new(),
            jobs: Jobs::new(recovery != Recovery::Enodev),
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
            let (session, marks) = (&self.session, &self.marks);
            log.extend(self.jobs.observe(event, |lock| {
                let name = session.plan().lock_name(session.world(), lock.raw());
                marks.iter().position(|mark| *mark == name)
            }));
        }
        for fence in self.jobs.take_emptied() {
            self.call(Call::DmaFencePut, &[fence])?;
        }
        for entry in &mut log {
            if let Entry::Finished(job, error) = entry {
                let finished = self.jobs.fences(*job)?.finished;
                *error = self.number(Call::DmaFenceGetStatus, &[finished])?.min(0);
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
                let fence = self.jobs.oldest(*sched, *job)?;
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
        if self.jobs.has(number) {
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
            self.jobs.add_failed(number, push.run_job);
            return Ok(Some(error));
        }
        for fence in dependencies {
            self.call(Call::DmaFenceGet, &[fence])?;
            self.call(Call::DrmSchedJobAddDependency, &[job, fence])?;
        }
        self.call(Call::DrmSchedJobArm, &[job])?;
        let scheduled = self.kept(Call::DrmSchedJobScheduled, job)?;
        let finished = self.kept(Call::DrmSchedJobFinished, job)?;
        self.jobs.add(number, push.run_job, job, Fences { scheduled, finished });
        self.lanes.push(number, push.entity);
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

    /// The status of every finished fence.
    fn final_status(&mut self) -> Result<BTreeMap<u64, i64>, String> {
        let finished = self.jobs.finished();
        let status = |(number, fence)| Ok((number, self.number(Call::DmaFenceGetStatus, &[fence])?));
        finished.into_iter().map(status).collect()
    }

    fn call(&mut self, op: Call, args: &[Value]) -> Result<Value, String> {
        self.call_list(op, args, &[])
    }

    fn call_list(&mut self, op: Call, args: &[Value], list: &[Value]) -> Result<Value, String> {
        self.session.issue(0, op, args, list);
        self.settle();
        self.session.result(0).ok_or_else(|| format!("{} never returns", op.name()))
    }

    /// Runs everything to idle as on the recordings' one CPU: the caller first, then works in the order in which
    /// they were queued, each to its end.
    fn settle(&mut self) {
        let mut awake: VecDeque<u32> = VecDeque::new();
        let mut seen = self.session.events().len();
        let next = |actions: &[Action], awake: &VecDeque<u32>| {
            let position = |task: u32| actions.iter().position(|&action| action == Action::Run(task));
            std::iter::once(0).chain(awake.iter().copied()).find_map(position).unwrap_or(0)
        };
        while self.session.step(&mut Ordinary, &mut |actions| next(actions, &awake)) {
            for event in &self.session.events()[seen..] {
                if let EventKind::WorkerAwake(task) = event.kind {
                    awake.retain(|&known| known != task);
                    awake.push_back(task);
                }
            }
            seen = self.session.events().len();
        }
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
        Ok(match on {
            Dependency::Scheduled(job) => self.jobs.fences(job)?.scheduled,
            Dependency::Finished(job) => self.jobs.fences(job)?.finished,
            Dependency::External(fence) => self.outside[fence],
        })
    }
}
