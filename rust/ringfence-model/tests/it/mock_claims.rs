//! What is expected of every execution of a mock scheduler, or of many.

use ringfence_model::{KernelVersion, State, Thread};

use crate::mock_log::{Log, Mark};
use crate::mock_scheduler::{ECANCELED, ESRCH};

impl Log<'_> {
    /// Nobody waits any more.
    #[track_caller]
    pub(crate) fn threads_end(&self) {
        let done = |thread: &Thread| matches!(thread.state(), State::Done | State::Idle);
        self.expect(self.world.threads().iter().all(done), "all threads come to their end");
    }

    /// No rule is broken, and no expectation of a thread.
    #[track_caller]
    pub(crate) fn ends_well(&self) {
        self.expect(self.broken().is_empty(), "nothing is broken");
    }

    /// Every fence but the stubs is freed.
    #[track_caller]
    pub(crate) fn nothing_leaks(&self) {
        self.expect(self.fences.iter().all(|fence| fence.freed || fence.sort == "stub"), "no fence leaks");
    }

    /// Every job is pushed and ends once, in this order: run, scheduled, finished, freed. Or it was never run, ended
    /// with -ESRCH after all that it depends on, and was freed.
    #[track_caller]
    pub(crate) fn each_ends_once(&self) {
        for job in self.numbers() {
            let once = [Mark::Arm, Mark::Push, Mark::Scheduled, Mark::Finished, Mark::Free];
            let way = [Mark::Arm, Mark::Push, Mark::Run, Mark::Scheduled, Mark::Finished, Mark::Free];
            let way = if self.count(job, Mark::Run) == 0 { &once[..] } else { &way };
            let well = way.iter().all(|&mark| self.count(job, mark) == 1);
            self.expect(well, &format!("of job {job} there is one of each of {way:?}"));
            let ordered = way.windows(2).all(|pair| self.before((job, pair[0]), (job, pair[1])));
            self.expect(ordered, &format!("what happens to job {job} happens in this order: {way:?}"));
            if way.len() == once.len() {
                self.expect(self.error(job) == ESRCH, &format!("job {job} never ran, and was killed"));
            }
        }
        self.dependencies_hold();
        self.entities_keep_order();
    }

    /// A job runs after what it waits for was scheduled; killed, it ends after that has finished.
    #[track_caller]
    fn dependencies_hold(&self) {
        for job in self.numbers() {
            let Some(after) = self.mock.jobs[job].after else { continue };
            let holds = match self.at(job, Mark::Run) {
                Some(_) => self.before((after, Mark::Scheduled), (job, Mark::Run)),
                None => self.before((after, Mark::Finished), (job, Mark::Finished)),
            };
            self.expect(holds, &format!("job {job} waits for job {after}"));
        }
    }

    /// Of one entity, jobs run in the order in which they were armed, and what is killed comes last. Another scheduler
    /// gets one only when the one before it has finished.
    #[track_caller]
    fn entities_keep_order(&self) {
        let armed = self.order(Mark::Arm);
        for (later, &job) in armed.iter().enumerate() {
            let entity = self.mock.jobs[job].entity;
            let Some(&previous) =
                armed[..later].iter().rev().find(|&&other| self.mock.jobs[other].entity == entity)
            else {
                continue;
            };
            let moved = self.hardware(job) != self.hardware(previous);
            let first = if moved { Mark::Finished } else { Mark::Run };
            let holds = self.at(job, Mark::Run).is_none() || self.before((previous, first), (job, Mark::Run));
            self.expect(holds, &format!("job {job} runs after job {previous} of the same entity"));
        }
    }

    /// Every job runs and ends without an error; or it was still running when the scheduler was taken down, and was
    /// canceled (since 6.17).
    #[track_caller]
    pub(crate) fn each_runs(&self) {
        self.each_ends_once();
        for job in self.numbers() {
            self.expect(self.count(job, Mark::Run) == 1, &format!("job {job} runs"));
            let canceled =
                self.version() == KernelVersion::Next && self.before((job, Mark::Cancel), (job, Mark::Free));
            let well = match self.error(job) {
                0 => true,
                error => canceled && error == ECANCELED && self.hardware_error(job) == ECANCELED,
            };
            self.expect(well, &format!("job {job} ends without an error, or is canceled"));
        }
    }

    /// Every job runs and ends without an error.
    #[track_caller]
    pub(crate) fn each_succeeds(&self) {
        self.each_runs();
        for job in self.numbers() {
            self.expect(self.error(job) == 0, &format!("job {job} ends without an error"));
        }
    }

    /// The hardware completes jobs in the order in which they are run, and so they finish.
    #[track_caller]
    pub(crate) fn finish_as_run(&self) {
        self.expect(
            self.order(Mark::Run) == self.order(Mark::Finished),
            "jobs finish in the order of run_job",
        );
    }

    /// The most credits that were on the hardware at once.
    pub(crate) fn most_credits(&self) -> i64 {
        let on_hardware = |job: usize, moment: usize| {
            self.at(job, Mark::Run).is_some_and(|run| run <= moment)
                && self.at(job, Mark::Hardware).is_none_or(|done| done > moment)
        };
        let moments = self.numbers().filter_map(|job| self.at(job, Mark::Run));
        let credits = |moment| {
            let jobs = self.numbers().filter(|&job| on_hardware(job, moment));
            jobs.map(|job| self.mock.jobs[job].credits).sum()
        };
        moments.map(credits).max().unwrap_or(0)
    }
}
