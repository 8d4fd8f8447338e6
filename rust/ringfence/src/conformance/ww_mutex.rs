//! Who waits and who backs off: recordings of threads that contend for `ww_mutex`es.

use std::collections::BTreeMap;

use ringfence_base::scenario::{Object, ObjectKind, Op, Scenario, WwAlgorithm};
use ringfence_base::{ObjectId, SiteId};
use ringfence_model::{Session, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::{Recorded, Recording, RecordingError, Replayed};

/// More than any recording needs.
const MOST: usize = 64;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    WaitDie,
    WoundWait,
}

/// What a thread is told to do.
struct Told {
    thread: u32,
    name: String,
    mutex: Option<usize>,
}

/// Per thread whose operation had returned when everything was idle again: its result.
type Completed = BTreeMap<u32, i64>;

pub(super) fn replay(fields: &Fields, recorded: Recorded) -> Result<Replayed, RecordingError> {
    let class: Class = fields.required("class").map_err(RecordingError::Json)?;
    let count = |name| match fields.required(name).map_err(RecordingError::Json)? {
        count if count <= MOST => Ok(count),
        count => Err(RecordingError::Json(format!("`{name}`: {count} is more than {MOST}"))),
    };
    let (threads, mutexes) = (count("threads")?, count("mutexes")?);
    let mut replay = Replay::new(class, threads, mutexes);
    recording(fields, class, recorded)?.drive(|told| replay.step(told))
}

/// The recording with these results, one per step.
pub(super) fn with_results(fields: &Fields, results: &[String]) -> Result<String, RecordingError> {
    let steps: Vec<Fields> = fields.required("steps").map_err(RecordingError::Json)?;
    let steps = steps.iter().zip(results).map(|(step, result)| step.with("completed", result));
    Ok(fields.with("steps", &format!("[{}]", steps.collect::<Vec<_>>().join(","))))
}

fn recording(
    fields: &Fields,
    class: Class,
    recorded: Recorded,
) -> Result<Recording<Told, Completed>, RecordingError> {
    let id: String = fields.required("id").map_err(RecordingError::Json)?;
    let family = fields.optional("family").map_err(RecordingError::Json)?;
    let steps: Vec<Box<RawValue>> = fields.required("steps").map_err(RecordingError::Json)?;
    let (mut ops, mut completed) = (Vec::with_capacity(steps.len()), Vec::with_capacity(steps.len()));
    for (number, text) in steps.iter().enumerate() {
        let complain = |what| RecordingError::Step { id: id.clone(), list: "steps", step: number, what };
        let step: Fields = serde_json::from_str(text.get()).map_err(|_| complain(NO_STEP.into()))?;
        let told = told(&step).map_err(complain)?;
        let op: Box<RawValue> = step.required("op").map_err(complain)?;
        ops.push((
            told,
            format!("thread {} {}", step.required::<u32>("thread").map_err(complain)?, op.get()),
        ));
        completed.push(match recorded {
            Recorded::Compared => step.optional("completed").map_err(complain)?,
            Recorded::Ignored => None,
        });
    }
    let family = family.unwrap_or_else(|| class.name().into());
    Ok(Recording { id, family, list: "steps", ops, recorded: completed })
}

const NO_STEP: &str = r#"expected a step such as {"thread":0,"op":["lock",0],"completed":{"0":0}}"#;

fn told(step: &Fields) -> Result<Told, String> {
    let thread = step.required("thread")?;
    let op: Json = step.required("op")?;
    match op.as_array().map(Vec::as_slice).unwrap_or_default() {
        [Json::String(name)] => Ok(Told { thread, name: name.clone(), mutex: None }),
        [Json::String(name), mutex] => {
            let index = mutex.as_u64().and_then(|mutex| usize::try_from(mutex).ok());
            let mutex =
                index.ok_or_else(|| format!("`{name}`: expected the number of a mutex, not {mutex}"))?;
            Ok(Told { thread, name: name.clone(), mutex: Some(mutex) })
        }
        _ => Err(r#"expected an operation such as ["lock", 0]"#.into()),
    }
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::WaitDie => "wait-die",
            Self::WoundWait => "wound-wait",
        }
    }
}

struct Replay {
    session: Session,
    mutexes: Vec<Value>,
    /// Each thread's acquire context, once it has one.
    contexts: Vec<Value>,
    /// Threads whose operation has not returned.
    busy: Vec<bool>,
}

impl Replay {
    fn new(class: Class, threads: usize, mutexes: usize) -> Self {
        let algorithm = match class {
            Class::WaitDie => WwAlgorithm::WaitDie,
            Class::WoundWait => WwAlgorithm::WoundWait,
        };
        let mut objects = vec![object("ww_class", ObjectKind::WwClass { algorithm })];
        let class = ObjectId::new(0);
        objects.extend((0..mutexes).map(|n| object(&format!("mutex{n}"), ObjectKind::WwMutex { class })));
        let scenario = Scenario { objects, ..Scenario::default() };
        let session = Session::new(&scenario, threads).expect("engine bug: a scenario of locks is refused");
        let mutexes = (1..=mutexes).map(|n| session.object(ObjectId::new(n))).collect();
        let contexts = vec![Value::Null; threads];
        Self { session, mutexes, contexts, busy: vec![false; threads] }
    }

    /// Does it, and says who is done then.
    fn step(&mut self, step: &Told) -> Result<Completed, String> {
        let thread = step.thread as usize;
        let busy = *self.busy.get(thread).ok_or_else(|| format!("there is no thread {thread}"))?;
        let (name, mutex) = (step.name.as_str(), step.mutex);
        if name == "interrupt" {
            self.session.interrupt(step.thread);
        } else if busy {
            return Err(format!("thread {thread} is told `{name}` while it is blocked"));
        } else {
            let (op, args) = self.call(name, thread, mutex)?;
            self.session.issue(step.thread, op, &args, &[]);
            self.busy[thread] = true;
        }
        self.session.settle();
        if name == "interrupt" {
            self.session.clear_signal(step.thread);
        }
        let completed = self.completed();
        if name == "ctx_init" {
            self.contexts[thread] = self.session.result(step.thread).unwrap_or_default();
        }
        Ok(completed)
    }

    fn call(&self, name: &str, thread: usize, mutex: Option<usize>) -> Result<(Op, Vec<Value>), String> {
        let (op, with_mutex, with_context) = match name {
            "ctx_init" => return Ok((Op::WwAcquireInit, vec![self.session.object(ObjectId::new(0))])),
            "ctx_done" => (Op::WwAcquireDone, false, true),
            "ctx_fini" => (Op::WwAcquireFini, false, true),
            "lock" => (Op::WwMutexLockInterruptible, true, true),
            "lock_slow" => (Op::WwMutexLockSlowInterruptible, true, true),
            "lock_no_ctx" => (Op::WwMutexLockInterruptible, true, false),
            "trylock" => (Op::WwMutexTrylock, true, true),
            "trylock_no_ctx" => (Op::WwMutexTrylock, true, false),
            "unlock" => (Op::WwMutexUnlock, true, false),
            _ => return Err(format!("unknown operation `{name}`")),
        };
        let mut args = Vec::new();
        match (with_mutex, mutex) {
            (true, Some(mutex)) => {
                let known = self.mutexes.get(mutex);
                args.push(*known.ok_or_else(|| format!("there is no mutex {mutex}"))?);
            }
            (true, None) => return Err(format!("`{name}` needs a mutex")),
            (false, Some(_)) => return Err(format!("`{name}` takes no mutex")),
            (false, None) => {}
        }
        if with_context {
            let context = self.contexts[thread];
            if context == Value::Null {
                return Err(format!("thread {thread} has no context for `{name}`"));
            }
            args.push(context);
        }
        Ok((op, args))
    }

    /// Threads that have just become idle, with the results of their operations.
    fn completed(&mut self) -> Completed {
        let mut completed = BTreeMap::new();
        for thread in 0..self.busy.len() as u32 {
            if self.busy[thread as usize]
                && let Some(result) = self.session.result(thread)
            {
                self.busy[thread as usize] = false;
                let number = match result {
                    Value::Int(number) => number,
                    Value::Null | Value::Object(..) => 0,
                };
                completed.insert(thread, number);
            }
        }
        completed
    }
}

fn object(name: &str, kind: ObjectKind) -> Object {
    Object { name: name.into(), kind, driver: None, at: SiteId::UNKNOWN }
}
