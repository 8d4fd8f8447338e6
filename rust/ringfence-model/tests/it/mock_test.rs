//! A test of the mock scheduler as its thread goes through it: submitting, waiting, moving the hardware on. An
//! expectation that does not hold is a `WARN_ON()`, with the line of the test as its place.

use core::panic::Location;

use ringfence_base::scenario::{Arg, Kind, Op, Operation, Stmt};
use ringfence_base::{ObjectId, SiteId, SourceLocation};
use ringfence_model::KernelVersion;

use crate::build::{obj, op, op_out};
use crate::mock_scheduler::{Declared, HZ, Mock, Work};
use crate::ww::{R, int};

/// Registers that every test has: a number, and a fence for a moment.
const NUMBER: u16 = 0;
const FENCE: u16 = 1;

/// A job that a thread has submitted, with the registers that it is in.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// Its number in the scenario.
    pub(crate) number: usize,
    pub(crate) handle: u16,
    pub(crate) scheduled: u16,
    /// With a reference.
    pub(crate) finished: u16,
}

/// What is special about a job.
#[derive(Clone, Copy)]
pub(crate) struct Special<'t> {
    pub(crate) credits: i64,
    pub(crate) work: Option<Work>,
    /// Its dependency.
    pub(crate) after: Option<&'t Job>,
    /// Held over arming and pushing it.
    pub(crate) lock: Option<ObjectId>,
}

/// Nothing.
pub(crate) const PLAIN: Special<'static> = Special { credits: 1, work: None, after: None, lock: None };

/// The thread in the making.
pub(crate) struct Test<'m> {
    mock: &'m mut Mock,
    thread: usize,
    registers: Vec<Kind>,
    statements: Vec<Stmt>,
    /// Registers of fences that it has a reference to.
    references: Vec<u16>,
}

impl<'m> Test<'m> {
    pub(crate) fn new(mock: &'m mut Mock) -> Self {
        let thread = mock.build.scenario.threads.len();
        let registers = vec![Kind::Int, Kind::Fence];
        Self { mock, thread, registers, statements: Vec::new(), references: Vec::new() }
    }

    /// Its references are dropped at its end.
    pub(crate) fn finish(mut self) -> (Vec<Kind>, Vec<Stmt>) {
        for fence in std::mem::take(&mut self.references) {
            self.push(op(Op::DmaFencePut, &[R(fence)]));
        }
        (self.registers, self.statements)
    }

    pub(crate) fn register(&mut self, kind: Kind) -> u16 {
        self.registers.push(kind);
        u16::try_from(self.registers.len() - 1).expect("few registers")
    }

    pub(crate) fn push(&mut self, statement: Stmt) {
        self.statements.push(statement);
    }

    /// Calls something with objects and numbers only.
    pub(crate) fn call(&mut self, call: Op, args: &[Arg]) {
        self.push(op(call, args));
    }

    /// A loop around what `body` does.
    pub(crate) fn forever(&mut self, body: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.statements);
        body(self);
        let body = std::mem::replace(&mut self.statements, before);
        self.push(crate::ww::forever(body));
    }

    /// Leaves the loop if the job is finished.
    pub(crate) fn break_if_finished(&mut self, job: &Job) {
        self.push(op_out(Op::DmaFenceIsSignaled, &[R(job.finished)], NUMBER));
        self.push(crate::ww::when(R(NUMBER), vec![crate::ww::BREAK]));
    }

    /// A finding at the caller's place unless `value` is that, or unless it is anything else.
    fn expect(&mut self, value: Arg, expected: i64, equal: bool, place: &Location<'_>) {
        let sites = &mut self.mock.build.scenario.sites;
        sites.push(SourceLocation { file: place.file().into(), line: place.line(), function: String::new() });
        let at = SiteId::new(sites.len());
        let wrong = if equal { Op::Ne } else { Op::Eq };
        self.push(op_out(wrong, &[value, Arg::Int(expected)], NUMBER));
        self.push(Stmt::Op(Operation { op: Op::WarnOn, args: vec![R(NUMBER)], out: None, at }));
    }

    /// An operation that has to return 0.
    #[track_caller]
    fn succeeds(&mut self, call: Op, args: &[Arg]) {
        self.push(op_out(call, args, NUMBER));
        self.expect(R(NUMBER), 0, true, Location::caller());
    }

    /// `drm_mock_sched_job_new()` and `drm_mock_sched_job_submit()`.
    #[track_caller]
    pub(crate) fn submit(&mut self, entity: ObjectId) -> Job {
        self.submit_special(entity, PLAIN)
    }

    #[track_caller]
    pub(crate) fn submit_special(&mut self, entity: ObjectId, special: Special<'_>) -> Job {
        let Special { credits, work, after, lock } = special;
        let handle = self.register(Kind::SchedJob);
        let (scheduled, finished) = (self.register(Kind::Fence), self.register(Kind::Fence));
        self.push(op_out(Op::DrmSchedJobAlloc, &[work.map_or(Arg::Null, |work| obj(work.id))], handle));
        self.succeeds(Op::DrmSchedJobInit, &[R(handle), obj(entity), Arg::Int(credits)]);
        if let Some(after) = after {
            self.push(op_out(Op::DmaFenceGet, &[R(after.finished)], FENCE));
            self.succeeds(Op::DrmSchedJobAddDependency, &[R(handle), R(FENCE)]);
        }
        self.statements.extend(lock.map(|lock| op(Op::MutexLock, &[obj(lock)])));
        self.call(Op::DrmSchedJobArm, &[R(handle)]);
        self.push(op_out(Op::DrmSchedJobScheduled, &[R(handle)], scheduled));
        self.push(op_out(Op::DrmSchedJobFinished, &[R(handle)], finished));
        self.call(Op::DmaFenceGet, &[R(finished)]);
        // The log knows the fences from it.
        self.call(Op::DmaFencePublish, &[R(scheduled)]);
        self.call(Op::DmaFencePublish, &[R(finished)]);
        self.call(Op::DrmSchedEntityPushJob, &[R(handle)]);
        self.statements.extend(lock.map(|lock| op(Op::MutexUnlock, &[obj(lock)])));
        self.references.push(finished);
        let after = after.map(|after| after.number);
        self.mock.jobs.push(Declared { thread: self.thread, entity, credits, after });
        Job { number: self.mock.jobs.len() - 1, handle, scheduled, finished }
    }

    /// So many jobs, on one entity after the other; each waits for the one before it if they are a chain.
    #[track_caller]
    pub(crate) fn submit_queue(&mut self, entities: &[ObjectId], depth: usize, chain: bool) -> Vec<Job> {
        let mut jobs: Vec<Job> = Vec::new();
        for number in 0..depth {
            let previous = jobs.last().copied();
            let after = if chain { previous.as_ref() } else { None };
            jobs.push(self.submit_special(entities[number % entities.len()], Special { after, ..PLAIN }));
        }
        jobs
    }

    /// `drm_mock_sched_job_wait_scheduled()`, and what it has to say.
    #[track_caller]
    pub(crate) fn wait_scheduled(&mut self, job: &Job, timeout: i64, expected: bool) {
        self.wait(job.scheduled, timeout, expected, Location::caller());
    }

    /// `drm_mock_sched_job_wait_finished()`, and what it has to say.
    #[track_caller]
    pub(crate) fn wait_finished(&mut self, job: &Job, timeout: i64, expected: bool) {
        self.wait(job.finished, timeout, expected, Location::caller());
    }

    fn wait(&mut self, fence: u16, timeout: i64, expected: bool, place: &Location<'_>) {
        self.push(op_out(Op::DmaFenceWaitTimeout, &[R(fence), Arg::Int(0), Arg::Int(timeout)], NUMBER));
        self.expect(R(NUMBER), 0, !expected, place);
    }

    /// The status of the finished fence.
    #[track_caller]
    pub(crate) fn expect_status(&mut self, job: &Job, status: i64) {
        self.push(op_out(Op::DmaFenceGetStatus, &[R(job.finished)], NUMBER));
        self.expect(R(NUMBER), status, true, Location::caller());
    }

    /// How often `timedout_job` was called so far: never, or at least once.
    #[track_caller]
    pub(crate) fn expect_timeouts(&mut self, any: bool) {
        self.push(op_out(Op::CellRead, &[obj(self.mock.timeouts)], NUMBER));
        self.expect(R(NUMBER), 0, !any, Location::caller());
    }

    /// `drm_mock_sched_advance()` by the job that is next, which has to be there.
    #[track_caller]
    pub(crate) fn advance(&mut self, job: &Job) {
        self.push(op_out(Op::DrmSchedJobParent, &[R(job.handle)], FENCE));
        self.succeeds(Op::DmaFenceSignal, &[R(FENCE)]);
    }

    /// `drm_mock_sched_entity_free()`.
    pub(crate) fn entity_free(&mut self, entity: ObjectId) {
        self.call(Op::DrmSchedEntityDestroy, &[obj(entity)]);
    }

    /// `drm_mock_sched_fini()`.
    pub(crate) fn sched_fini(&mut self, sched: ObjectId) {
        self.call(Op::DrmSchedFini, &[obj(sched)]);
    }

    /// Waits until every job that was declared so far is freed.
    pub(crate) fn wait_freed(&mut self) {
        let all = int(self.mock.jobs.len());
        self.call(Op::WaitEvent, &[obj(self.mock.queue), obj(self.mock.freed), Arg::Int(all)]);
    }

    /// Waits until so many threads have called [`Test::done`].
    pub(crate) fn wait_done(&mut self, threads: usize) {
        let (queue, done) = (obj(self.mock.queue), obj(self.mock.done));
        self.call(Op::WaitEvent, &[queue, done, Arg::Int(int(threads))]);
    }

    pub(crate) fn done(&mut self) {
        self.call(Op::CellAdd, &[obj(self.mock.done), Arg::Int(1)]);
        self.call(Op::WakeUp, &[obj(self.mock.queue)]);
    }

    /// The end of a test. Without `cancel_job`, in 6.12, a driver has to wait for what is pending before it takes
    /// the scheduler down.
    pub(crate) fn tear_down(&mut self, entities: &[ObjectId], scheds: &[ObjectId]) {
        for &entity in entities {
            self.entity_free(entity);
        }
        if self.mock.version == KernelVersion::V6_12 {
            self.wait_freed();
        }
        for &sched in scheds {
            self.sched_fini(sched);
        }
    }

    /// `msleep()`, in nanoseconds.
    pub(crate) fn sleep(&mut self, duration: i64) {
        self.call(Op::Msleep, &[Arg::Int(duration.max(HZ / 1_000_000))]);
    }
}

/// The line of an expectation that does not hold is told, and the seed of the schedule.
#[test]
fn what_does_not_hold_is_told_with_seed_and_line() {
    let mut mock = Mock::new(KernelVersion::V6_12);
    mock.thread("kunit", |t| t.expect_timeouts(true));
    let line = line!() - 1;
    mock.run(|log| {
        let told = log.to_string();
        assert!(told.contains("seed ") && told.contains(&format!("mock_test.rs:{line}")), "{told}");
    });
}
