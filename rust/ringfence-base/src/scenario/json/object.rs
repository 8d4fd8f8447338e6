//! Declared objects: one table of their fields, for reading and for writing.

use super::fields::{Field, Reader};
use super::value::Json;
use super::write;
use crate::SiteId;
use crate::scenario::closest::unknown;
use crate::scenario::path::Path;
use crate::scenario::{GpuHang, Kind, Object, ObjectKind, ScenarioError, SchedPolicy, Sort};

/// What every object has.
const COMMON: [&str; 4] = ["kind", "name", "driver", "at"];

macro_rules! object_fields {
    ($($variant:ident { $($field:ident $(= $default:expr)?),* })*) => {
        fn read_kind(
            reader: &Reader,
            kind: Kind,
            json: &Json<'_>,
            path: &Path<'_>,
        ) -> Result<ObjectKind, ScenarioError> {
            let [kind_name, name, driver, at] = COMMON;
            match kind {
                $(Kind::$variant => {
                    let known = [kind_name, name, driver, at, $(stringify!($field)),*];
                    let [_, _, _, _, $($field),*] = reader.fields(json, known, path)?;
                    Ok(ObjectKind::$variant {
                        $($field: read_field!(reader, path, $field $(, $default)?)),*
                    })
                })*
                _ => {
                    let message = format!("objects of kind {kind} are made by operations, not declared");
                    Err(reader.error(&path.field("kind"), message))
                }
            }
        }

        fn write_kind(out: &mut String, kind: &ObjectKind) {
            match kind {
                $(ObjectKind::$variant { $($field),* } => {
                    $(write_field!(out, $field $(, $default)?);)*
                })*
            }
        }
    };
}

macro_rules! read_field {
    ($reader:ident, $path:ident, $field:ident) => {
        $reader.required($field, stringify!($field), $path)?
    };
    ($reader:ident, $path:ident, $field:ident, $default:expr) => {
        $reader.or($field, $default, stringify!($field), $path)?
    };
}

macro_rules! write_field {
    ($out:ident, $field:ident) => {
        write::field($out, stringify!($field), $field);
    };
    ($out:ident, $field:ident, $default:expr) => {
        if *$field != $default {
            write::field($out, stringify!($field), $field);
        }
    };
}

object_fields! {
    RawSpinlock { class = None }
    Spinlock { class = None }
    Rwlock { class = None }
    Mutex { class = None }
    Rwsem { class = None }
    LocalLock { class = None }
    WwClass { algorithm }
    WwMutex { class }
    Completion {}
    WaitQueue {}
    Cell { init = 0 }
    Workqueue { ordered = false, mem_reclaim = false, max_active = 0 }
    Work { function }
    DelayedWork { function }
    KthreadWorker {}
    KthreadWork { function }
    Timer { function, irqsafe = false }
    Irq { handler = None, thread = None }
    Tasklet { function }
    IrqWork { function }
    RcuHead { function }
    Task { thread }
    Mm {}
    UserRange { mm }
    Shrinker { count, scan, seeks = 2, batch = 0 }
    MmuNotifier { mm, invalidate = None, release = None }
    IntervalNotifier { range, invalidate }
    FenceOps {
        enable_signaling = None, signaled = None, wait = None, release = None, set_deadline = None,
        use_64bit_seqno = false
    }
    Timeline { lock = None, ops = None, first_seqno = 1, bound = None }
    Fence { timeline, seqno = None }
    FenceCb { function }
    Syncobj {}
    SwSync {}
    Resv {}
    Engine { irq = None, gpu = None, preemption = false }
    Gpu { engine_reset = true, full_reset = true }
    Ring { engine, slots = 4, irq = None }
    GpuJob {
        run_time, hang = GpuHang::No, waits = Vec::new(), signals = Vec::new(), locks = Vec::new(),
        uses = Vec::new(), fault = false
    }
    GpuSemaphore {}
    GpuLock {}
    DrmSched {
        run_job, prepare_job = None, timedout_job = None, free_job, cancel_job = None, update_job_credits = None,
        credit_limit, hang_limit = 0, timeout = i64::MAX, policy = SchedPolicy::Fifo, num_rqs = 4,
        submit_wq = None, timeout_wq = None, without = Vec::new()
    }
    SchedEntity { scheds = Vec::new(), priority = 2, guilty = None }
}

pub(super) fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Object, ScenarioError> {
    let [kind, name, driver, at] = COMMON.map(|field| Reader::peek(json, field));
    let kind_of = |json: &Json<'_>| match json {
        Json::Text(name) => Kind::from_name(name).ok_or_else(|| {
            let declared =
                Kind::ALL.iter().filter(|kind| matches!(kind.sort(), Sort::Declared | Sort::Either));
            let message = unknown("kind of object", name, declared.map(|kind| kind.as_str()));
            reader.error(&path.field("kind"), message)
        }),
        _ => Err(reader.wrong(json, "the name of a kind", &path.field("kind"))),
    };
    let kind = match kind {
        Some(kind) => kind_of(kind)?,
        None if matches!(json, Json::Object(_)) => return Err(reader.error(path, "field `kind` is missing")),
        None => return Err(reader.wrong(json, "an object", path)),
    };
    let kind = read_kind(reader, kind, json, path)?;
    Ok(Object {
        name: reader.required(name, "name", path)?,
        kind,
        driver: reader.or(driver, None, "driver", path)?,
        at: reader.or(at, SiteId::UNKNOWN, "at", path)?,
    })
}

pub(super) fn write(out: &mut String, object: &Object) {
    out.push_str("{\"kind\":");
    object.kind.kind().write(out);
    write::field(out, "name", &object.name);
    write_kind(out, &object.kind);
    write::driver(out, object.driver.as_ref());
    write::site(out, object.at);
    out.push('}');
}
