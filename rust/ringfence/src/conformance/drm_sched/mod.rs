//! Recordings of the DRM scheduler: two of them, each with a mock ring, whose jobs are pushed, wait for each other,
//! complete, hang and are killed.

mod jobs;
mod log;
mod op;
mod replay;
mod scenario;

use ringfence_base::scenario::SchedPolicy;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::{Recorded, Recording, RecordingError, Replayed};
use log::{Lanes, Outcome};
use op::Op;
use replay::Replay;
use scenario::{Declared, Recovery};

/// `drm_sched_policy`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Fifo,
    Rr,
}

pub(super) fn replay(fields: &Fields, recorded: Recorded) -> Result<Replayed, RecordingError> {
    let policy: Policy = fields.required("policy").map_err(RecordingError::Json)?;
    let recovery: Recovery = fields.required("recovery").map_err(RecordingError::Json)?;
    let credit_limit: u32 = fields.required("credit_limit").map_err(RecordingError::Json)?;
    if credit_limit == 0 {
        return Err(RecordingError::Json("`credit_limit`: expected at least 1".into()));
    }
    let recording = recording(fields, policy, recovery, recorded)?;
    let ops = recording.ops.iter().map(|(op, _)| op);
    let entities = Op::entities(ops).map_err(RecordingError::Json)?;
    let declared = Declared::new(policy.in_model(), recovery, credit_limit, &entities);
    let asked = recorded == Recorded::Ignored || fields.has("final_status");
    let last = recording.ops.len().checked_sub(1).filter(|_| asked);
    let mut replay = Replay::new(&declared, recovery, &entities);
    let mut step = 0;
    recording.drive(|op| {
        let ends = last == Some(step);
        step += 1;
        replay.step(op, ends)
    })
}

/// The recording with these results, one per step.
pub(super) fn with_results(fields: &Fields, results: &[String]) -> Result<String, RecordingError> {
    let steps: Vec<Fields> = fields.required("steps").map_err(RecordingError::Json)?;
    let (mut texts, mut final_status) = (Vec::with_capacity(steps.len()), None);
    for (step, result) in steps.iter().zip(results) {
        let result: Fields = parsed(result);
        let log: Box<RawValue> = result.required("log").map_err(RecordingError::Json)?;
        let text = step.with("log", log.get());
        texts.push(with_job_init(step, &text, &result).map_err(RecordingError::Json)?);
        final_status = result.optional::<Box<RawValue>>("final_status").map_err(RecordingError::Json)?;
    }
    let text = fields.with("steps", &format!("[{}]", texts.join(",")));
    Ok(match final_status {
        Some(status) => parsed::<Fields>(&text).with("final_status", status.get()),
        None => text,
    })
}

/// The step with the error of `drm_sched_job_init()`, which is among the operands of `push`.
fn with_job_init(step: &Fields, text: &str, result: &Fields) -> Result<String, String> {
    let op: Vec<Box<RawValue>> = step.required("op")?;
    let error = result.optional::<i64>("job_init")?;
    let [name, job, operands] = op.as_slice() else { return Ok(text.into()) };
    let Ok(operands) = serde_json::from_str::<Fields>(operands.get()) else { return Ok(text.into()) };
    let operands = match error {
        Some(error) => operands.with("job_init", &error.to_string()),
        None if operands.has("job_init") => operands.without("job_init"),
        None => return Ok(text.into()),
    };
    let op = format!("[{},{},{operands}]", name.get(), job.get());
    Ok(parsed::<Fields>(text).with("op", &op))
}

/// Text that was JSON before.
fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> T {
    serde_json::from_str(text).expect("engine bug: a result that is no JSON")
}

fn recording(
    fields: &Fields,
    policy: Policy,
    recovery: Recovery,
    recorded: Recorded,
) -> Result<Recording<Op, Outcome>, RecordingError> {
    let id: String = fields.required("id").map_err(RecordingError::Json)?;
    let family = fields.optional("family").map_err(RecordingError::Json)?;
    let family = family.unwrap_or_else(|| format!("{}-{}", policy.name(), recovery.name()));
    let steps: Vec<Box<RawValue>> = fields.required("steps").map_err(RecordingError::Json)?;
    let (mut ops, mut outcomes) = (Vec::with_capacity(steps.len()), Vec::with_capacity(steps.len()));
    let mut lanes = Lanes::default();
    for (number, text) in steps.iter().enumerate() {
        let complain = |what| RecordingError::Step { id: id.clone(), list: "steps", step: number, what };
        let step: Fields = serde_json::from_str(text.get()).map_err(|_| complain(NO_STEP.into()))?;
        let op: Box<RawValue> = step.required("op").map_err(complain)?;
        let parsed = serde_json::from_str(op.get()).map_err(|error| complain(error.to_string()))?;
        let parsed = Op::parse(&parsed).map_err(complain)?;
        outcomes.push(match recorded {
            Recorded::Compared => outcome(&step, &parsed, &mut lanes).map_err(complain)?,
            Recorded::Ignored => None,
        });
        ops.push((parsed, op.get().to_owned()));
    }
    let final_status = match recorded {
        Recorded::Compared => fields.optional("final_status").map_err(RecordingError::Json)?,
        Recorded::Ignored => None,
    };
    if let Some(Some(last)) = outcomes.last_mut() {
        last.final_status = final_status;
    }
    Ok(Recording { id, family, list: "steps", ops, recorded: outcomes })
}

const NO_STEP: &str = r#"expected a step such as {"op":["fault",0],"log":[["timedout",0]]}"#;

/// What the kernel did in a step, if that is known.
fn outcome(step: &Fields, op: &Op, lanes: &mut Lanes) -> Result<Option<Outcome>, String> {
    let job_init = match op {
        Op::Push { job, push } => {
            lanes.push(*job, push.entity);
            push.job_init
        }
        _ => None,
    };
    let Some(log) = step.optional::<Vec<Json>>("log")? else { return Ok(None) };
    let log = log::entries(&log)?;
    Ok(Some(Outcome { job_init, lanes: lanes.sort(&log)?, log, final_status: None }))
}

impl Policy {
    const fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::Rr => "rr",
        }
    }

    const fn in_model(self) -> SchedPolicy {
        match self {
            Self::Fifo => SchedPolicy::Fifo,
            Self::Rr => SchedPolicy::RoundRobin,
        }
    }
}
