//! Who waits and who backs off: recordings of threads that contend for `ww_mutex`es.

use std::collections::BTreeMap;

use ringfence_base::scenario::{Object, ObjectKind, Op, Scenario, WwAlgorithm};
use ringfence_base::{ObjectId, SiteId};
use ringfence_model::{Session, Value};
use serde::Deserialize;

use super::{Difference, RecordingError, Replayed};

/// More than any recording needs.
const MOST: usize = 64;

#[derive(Deserialize)]
struct Recording {
    id: String,
    class: Class,
    threads: usize,
    mutexes: usize,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    WaitDie,
    WoundWait,
}

#[derive(Deserialize)]
struct Step {
    thread: u32,
    op: Called,
    /// Per thread whose operation had returned when everything was idle again: its result.
    completed: BTreeMap<u32, i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Called {
    Bare((String,)),
    OnMutex((String, usize)),
}

/// Replays one recording.
///
/// # Errors
/// If the line is none.
pub fn replay(line: &str) -> Result<Replayed, RecordingError> {
    let recording: Recording =
        serde_json::from_str(line).map_err(|error| RecordingError::Json(error.to_string()))?;
    if recording.threads > MOST || recording.mutexes > MOST {
        return Err(RecordingError::Json(format!("more than {MOST} threads or mutexes")));
    }
    let mut replay = Replay::new(&recording);
    let Recording { id, class, .. } = &recording;
    let family = class.name().into();
    let (mut results, mut difference) = (Vec::with_capacity(recording.steps.len()), None);
    for (number, step) in recording.steps.iter().enumerate() {
        let complain = |what| RecordingError::Step { id: id.clone(), step: number, what };
        let completed = replay.step(step).map_err(complain)?;
        results.push(json(&completed));
        if completed != step.completed {
            let recorded = json(&step.completed).to_string();
            let modelled = json(&completed).to_string();
            difference = Some(Difference { step: number, recorded, modelled });
            break;
        }
    }
    Ok(Replayed { id: recording.id, family, steps: results.len(), results, difference })
}

fn json(completed: &BTreeMap<u32, i64>) -> serde_json::Value {
    completed.iter().map(|(thread, result)| (thread.to_string(), serde_json::Value::from(*result))).collect()
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
    fn new(recording: &Recording) -> Self {
        let algorithm = match recording.class {
            Class::WaitDie => WwAlgorithm::WaitDie,
            Class::WoundWait => WwAlgorithm::WoundWait,
        };
        let mut objects = vec![object("ww_class", ObjectKind::WwClass { algorithm })];
        let class = ObjectId::new(0);
        objects.extend(
            (0..recording.mutexes).map(|n| object(&format!("mutex{n}"), ObjectKind::WwMutex { class })),
        );
        let scenario = Scenario { objects, ..Scenario::default() };
        let session =
            Session::new(&scenario, recording.threads).expect("engine bug: a scenario of locks is refused");
        let mutexes = (1..=recording.mutexes).map(|n| session.object(ObjectId::new(n))).collect();
        let contexts = vec![Value::Null; recording.threads];
        Self { session, mutexes, contexts, busy: vec![false; recording.threads] }
    }

    /// Does it, and says who is done then.
    fn step(&mut self, step: &Step) -> Result<BTreeMap<u32, i64>, String> {
        let thread = step.thread as usize;
        let busy = *self.busy.get(thread).ok_or_else(|| format!("there is no thread {thread}"))?;
        let (name, mutex) = match &step.op {
            Called::Bare((name,)) => (name.as_str(), None),
            Called::OnMutex((name, mutex)) => (name.as_str(), Some(*mutex)),
        };
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
    fn completed(&mut self) -> BTreeMap<u32, i64> {
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
