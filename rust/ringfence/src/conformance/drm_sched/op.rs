//! The operations of a recording, understood.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::args::{index, name_and_args, number, options};

/// How many schedulers there are.
pub(super) const SCHEDS: usize = 2;

/// How many fences of somebody else's there are.
pub(super) const OUTSIDE: usize = 6;

/// More entities, or schedulers of one entity, than any recording needs.
const MOST: usize = 64;

/// What is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Op {
    /// `drm_sched_entity_init()`.
    Entity { entity: u64, priority: i64, scheds: Vec<usize> },
    /// From `drm_sched_job_init()` to `drm_sched_entity_push_job()`.
    Push { job: u64, push: Push },
    /// The oldest job of a ring is completed.
    HwDone { sched: usize, job: u64, error: i64 },
    /// A fence of somebody else's is signaled.
    ExternalSignal { fence: usize, error: i64 },
    /// `drm_sched_fault()`.
    Fault(usize),
    /// `drm_sched_entity_set_priority()`.
    SetPriority(u64, i64),
    /// `drm_sched_entity_modify_sched()`.
    ModifySched(u64, Vec<usize>),
    /// `drm_sched_entity_fini()`.
    EntityFini(u64),
}

/// A job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Push {
    pub(super) entity: u64,
    pub(super) credits: i64,
    pub(super) run_job: RunJob,
    pub(super) dependencies: Vec<Dependency>,
    /// What `drm_sched_job_init()` returned, if it was an error.
    pub(super) job_init: Option<i64>,
}

/// What the driver's `run_job` returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunJob {
    /// A new fence, which is on the ring from then on.
    Hw,
    /// NULL.
    Null,
    /// `ERR_PTR(-EIO)`.
    Error,
    /// A fence that is signaled already.
    HwSignaled,
}

impl RunJob {
    /// All of them, with their names.
    pub(super) const ALL: [(Self, &'static str); 4] =
        [(Self::Hw, "hw"), (Self::Null, "null"), (Self::Error, "error"), (Self::HwSignaled, "hw_signaled")];

    /// Where it stands among them.
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// What a job waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dependency {
    /// The finished fence of a job.
    Finished(u64),
    /// The scheduled fence of a job.
    Scheduled(u64),
    /// A fence of somebody else's.
    External(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntity {
    priority: Json,
    scheds: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPush {
    entity: u64,
    credits: u32,
    run_job: RunJob,
    #[serde(default)]
    dependencies: Vec<Json>,
    job_init: Option<i64>,
}

const NAMES: &str = "entity, push, hw_done, external_signal, fault, set_priority, modify_sched, entity_fini";

impl Op {
    /// Understands the `op` of a step; otherwise says what was expected.
    pub(super) fn parse(op: &Json) -> Result<Self, String> {
        let Some((name, args)) = name_and_args(op) else {
            return Err(r#"expected an operation such as ["fault", 0]"#.into());
        };
        match Self::with(name, args) {
            Ok(Some(op)) => Ok(op),
            Ok(None) if NAMES.split(", ").any(|known| known == name) => {
                Err(format!("`{name}`: takes another number of arguments than {}", args.len()))
            }
            Ok(None) => Err(format!("unknown operation `{name}`; expected one of {NAMES}")),
            Err(what) => Err(format!("`{name}`: {what}")),
        }
    }

    fn with(name: &str, args: &[Json]) -> Result<Option<Self>, String> {
        Ok(Some(match (name, args) {
            ("entity", [entity, with]) => {
                let raw: RawEntity = options(with)?;
                let (priority, scheds) = (priority(&raw.priority)?, scheds(&raw.scheds)?);
                Self::Entity { entity: index(entity)?, priority, scheds }
            }
            ("push", [job, with]) => Self::Push { job: index(job)?, push: push(options(with)?)? },
            ("hw_done", [on, job, how]) => {
                Self::HwDone { sched: sched(on)?, job: index(job)?, error: error(how)? }
            }
            ("external_signal", [fence, how]) => {
                Self::ExternalSignal { fence: outside(fence)?, error: error(how)? }
            }
            ("fault", [on]) => Self::Fault(sched(on)?),
            ("set_priority", [entity, new]) => Self::SetPriority(index(entity)?, priority(new)?),
            ("modify_sched", [entity, new]) => match scheds(new)? {
                none if none.is_empty() => return Err("expected at least one scheduler".into()),
                scheds => Self::ModifySched(index(entity)?, scheds),
            },
            ("entity_fini", [entity]) => Self::EntityFini(index(entity)?),
            _ => return Ok(None),
        }))
    }

    /// The entities that come into being, in the order in which they do.
    pub(super) fn entities<'a>(ops: impl Iterator<Item = &'a Self>) -> Result<Vec<u64>, String> {
        let (mut known, mut all) = (BTreeSet::new(), Vec::new());
        for op in ops {
            if let Self::Entity { entity, .. } = *op
                && known.insert(entity)
            {
                all.push(entity);
            }
        }
        if all.len() > MOST {
            return Err(format!("{} entities are more than {MOST}", all.len()));
        }
        Ok(all)
    }
}

fn push(raw: RawPush) -> Result<Push, String> {
    let RawPush { entity, credits, run_job, dependencies, job_init } = raw;
    let dependencies = dependencies.iter().map(dependency).collect::<Result<_, _>>()?;
    Ok(Push { entity, credits: i64::from(credits), run_job, dependencies, job_init })
}

fn dependency(value: &Json) -> Result<Dependency, String> {
    match name_and_args(value) {
        Some(("finished", [job])) => Ok(Dependency::Finished(index(job)?)),
        Some(("scheduled", [job])) => Ok(Dependency::Scheduled(index(job)?)),
        Some(("external", [fence])) => Ok(Dependency::External(outside(fence)?)),
        _ => Err(format!(
            r#"expected a dependency: "finished", "scheduled" or "external" of a number, not {value}"#
        )),
    }
}

fn sched(value: &Json) -> Result<usize, String> {
    below(value, SCHEDS).ok_or_else(|| format!("expected a scheduler, 0 or 1, not {value}"))
}

fn scheds(value: &Json) -> Result<Vec<usize>, String> {
    let list = value.as_array().ok_or_else(|| format!("expected a list of schedulers, not {value}"))?;
    if list.len() > MOST {
        return Err(format!("{} schedulers are more than {MOST}", list.len()));
    }
    list.iter().map(sched).collect()
}

fn outside(value: &Json) -> Result<usize, String> {
    below(value, OUTSIDE)
        .ok_or_else(|| format!("expected an outside fence, 0 to {}, not {value}", OUTSIDE - 1))
}

fn below(value: &Json, end: usize) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).filter(|&number| number < end)
}

fn priority(value: &Json) -> Result<i64, String> {
    let priority = value.as_i64().filter(|priority| (0..=3).contains(priority));
    priority.ok_or_else(|| {
        format!("expected a priority, 0 (KERNEL), 1 (HIGH), 2 (NORMAL) or 3 (LOW), not {value}")
    })
}

/// `MAX_ERRNO`.
const MOST_NEGATIVE: i64 = -4095;

fn error(value: &Json) -> Result<i64, String> {
    let error = number(value)?;
    if (MOST_NEGATIVE..=0).contains(&error) {
        return Ok(error);
    }
    Err(format!("expected 0 or a negative errno, not {error}"))
}
