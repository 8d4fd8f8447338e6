//! What happened in a step, and in which respects its order counts.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::super::args::{index, name_and_args, number};

/// One line of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// `run_job` of a job was called on that scheduler.
    Run(u64, u64),
    /// Its scheduled fence was signaled.
    Scheduled(u64),
    /// Its finished fence was signaled, with that error.
    Finished(u64, i64),
    /// `free_job` was called.
    Free(u64),
    /// `timedout_job` was called.
    TimedOut(u64),
}

impl Entry {
    fn parse(value: &Json) -> Result<Self, String> {
        Ok(match name_and_args(value) {
            Some(("run", [job, sched])) => Self::Run(index(job)?, index(sched)?),
            Some(("scheduled", [job])) => Self::Scheduled(index(job)?),
            Some(("finished", [job, error])) => Self::Finished(index(job)?, number(error)?),
            Some(("free", [job])) => Self::Free(index(job)?),
            Some(("timedout", [job])) => Self::TimedOut(index(job)?),
            _ => return Err(format!(r#"expected an entry such as ["run", 0, 1], not {value}"#)),
        })
    }

    const fn job(self) -> u64 {
        match self {
            Self::Run(job, _)
            | Self::Scheduled(job)
            | Self::Finished(job, _)
            | Self::Free(job)
            | Self::TimedOut(job) => job,
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Run(job, sched) => ("run", job, sched).serialize(serializer),
            Self::Scheduled(job) => ("scheduled", job).serialize(serializer),
            Self::Finished(job, error) => ("finished", job, error).serialize(serializer),
            Self::Free(job) => ("free", job).serialize(serializer),
            Self::TimedOut(job) => ("timedout", job).serialize(serializer),
        }
    }
}

/// The entries of a step's `log`.
pub(super) fn entries(log: &[Json]) -> Result<Vec<Entry>, String> {
    let entry = |(number, value)| Entry::parse(value).map_err(|what| format!("`log`[{number}]: {what}"));
    log.iter().enumerate().map(entry).collect()
}

/// What happened in one step.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// What `drm_sched_job_init()` returned, if it was an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job_init: Option<i64>,
    /// In the order in which it happened.
    pub(super) log: Vec<Entry>,
    /// The same by who did it.
    #[serde(skip)]
    pub(super) lanes: BTreeMap<Lane, Vec<Entry>>,
    /// After the last step: the status of every finished fence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) final_status: Option<BTreeMap<u64, i64>>,
}

/// The order counts within each lane; how lanes interleave is up to whichever worker runs first.
impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        (self.job_init, &self.lanes, &self.final_status)
            == (other.job_init, &other.lanes, &other.final_status)
    }
}

/// Who does something with a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Lane {
    /// The scheduler that it ran on.
    Sched(u64),
    /// Works that follow one on the other, as the job was killed with its entity before it ran.
    Killed(u64),
}

/// Knows which lane a job is in.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Per job its entity.
    pushed: BTreeMap<u64, u64>,
    /// Per job that ran the scheduler.
    ran: BTreeMap<u64, u64>,
}

impl Lanes {
    /// A job of an entity exists from now on.
    pub(super) fn push(&mut self, job: u64, entity: u64) {
        self.pushed.insert(job, entity);
    }

    /// The log of the next step by lanes.
    pub(super) fn sort(&mut self, log: &[Entry]) -> Result<BTreeMap<Lane, Vec<Entry>>, String> {
        let mut lanes: BTreeMap<Lane, Vec<Entry>> = BTreeMap::new();
        for &entry in log {
            if let Entry::Run(job, sched) = entry {
                self.ran.insert(job, sched);
            }
            lanes.entry(self.lane(entry.job())?).or_default().push(entry);
        }
        Ok(lanes)
    }

    fn lane(&self, job: u64) -> Result<Lane, String> {
        let entity = self.pushed.get(&job).ok_or_else(|| format!("`log`: there is no job {job}"))?;
        Ok(self.ran.get(&job).map_or(Lane::Killed(*entity), |&sched| Lane::Sched(sched)))
    }
}
