//! Reading one line.

use ringfence_base::Read;
use ringfence_diag::LockReportKind;
use rustc_hash::FxHashMap;
use thiserror::Error;

use super::check::WellFormed;
use super::locks::Locks;
use super::raw::{RawArg, RawOp, RawOptions, RawTrace, RawVerdict, Recorded};
use super::{AcquireOp, Expected, ExpectedKind, Op, Trace};
use crate::annotations::{Gfp, Scope, UnknownGfp};
use crate::misuse::Misuse;

/// What is wrong with a line; each says what was expected.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TraceError {
    /// Not JSON, or not of the form of a trace.
    #[error("{message} (column {column})")]
    Json {
        /// What the JSON reader says.
        message: String,
        /// 1-based column in bytes; 0 if there is none.
        column: usize,
    },
    /// A lock twice in the table.
    #[error("lock `{0}` is in the table twice")]
    DuplicateLock(String),
    /// A lock of the table with an impossible field.
    #[error("lock `{lock}`: there is no {field} {value}; expected {expected}")]
    BadLock {
        /// Its name.
        lock: String,
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: u64,
        /// What it may hold.
        expected: &'static str,
    },
    /// The verdict's kind is none.
    #[error(
        "verdict: unknown kind `{0}`; expected one of circular, recursive, irq-dependency, inconsistent-usage, \
         irq-inversion, wait-context, unlock-imbalance, nest-lock-not-held, held-lock-freed, limit-reached, ww-api"
    )]
    UnknownKind(String),
    /// The verdict points behind the end.
    #[error("verdict: at {at} is behind the last of {ops} ops")]
    VerdictBehindEnd {
        /// Where it points.
        at: u64,
        /// How many operations there are.
        ops: usize,
    },
    /// Something is wrong with an operation.
    #[error("op {index} ({name}): {problem}")]
    Op {
        /// 0-based index.
        index: usize,
        /// Name of the operation.
        name: String,
        /// What is wrong.
        problem: OpError,
    },
}

/// What is wrong with an operation.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum OpError {
    /// No such operation.
    #[error("unknown op; expected one of {}", OP_NAMES.join(", "))]
    Unknown,
    /// The lock is neither in the table nor self-describing.
    #[error(
        "unknown lock `{0}`; expected one of the trace's `locks` table, or without a table \
         R, S, W, M, Q or P and a number, resv0…, ww_ctx0…, mmap_lock or i_mmap_rwsem"
    )]
    UnknownLock(String),
    /// The argument is missing or of the wrong type.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A bad gfp mask.
    #[error(transparent)]
    Gfp(#[from] UnknownGfp),
    /// The operation contradicts those before it.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

const OP_NAMES: [&str; 26] = [
    "task",
    "acquire",
    "release",
    "sync",
    "downgrade",
    "free",
    "irq_off",
    "irq_on",
    "bh_disable",
    "bh_enable",
    "hardirq_enter",
    "hardirq_exit",
    "softirq_enter",
    "softirq_exit",
    "alloc",
    "fs_reclaim_acquire",
    "fs_reclaim_release",
    "nofs_save/restore",
    "noio_save/restore",
    "memalloc_save/restore",
    "begin_signalling",
    "end_signalling",
    "fence_might_wait",
    "invalidate_range_start",
    "invalidate_range_end",
    "prime",
];

/// Reads one line, without the line feed.
///
/// # Errors
/// What is wrong with it, and what was expected.
pub fn parse(line: &[u8]) -> Result<Trace, TraceError> {
    refuse_non_object(line)?;
    let raw: RawTrace<'_> = serde_json::from_slice(line).map_err(|error| json_error(&error))?;
    let mut locks = Locks::new(raw.locks)?;
    let mut tasks = Tasks::default();
    let mut check = WellFormed::default();
    let mut ops = Vec::with_capacity(raw.ops.len());
    for (index, op) in raw.ops.into_iter().enumerate() {
        let name = op.name.clone();
        let problem = |problem| TraceError::Op { index, name: name.to_string(), problem };
        let op = resolve(op, &mut locks, &mut tasks).map_err(problem)?;
        check.op(&op).map_err(|misuse| problem(misuse.into()))?;
        ops.push(op);
    }
    let expected = expected(&raw.verdict, ops.len())?;
    let (locks, classes) = locks.finish();
    Ok(Trace {
        id: raw.id.into_owned(),
        family: raw.family.into_owned(),
        locks,
        classes,
        tasks: tasks.numbers,
        ops,
        expected,
    })
}

/// The JSON reader would take some lists for traces, and its complaints about the others name Rust types.
fn refuse_non_object(line: &[u8]) -> Result<(), TraceError> {
    let start = line.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(line.len());
    if line.get(start) == Some(&b'{') {
        return Ok(());
    }
    let message = r#"not a JSON object; expected {"id":…,"ops":[…]}"#.into();
    Err(TraceError::Json { message, column: start + 1 })
}

fn json_error(error: &serde_json::Error) -> TraceError {
    let text = error.to_string();
    // The line is always 1 here; the caller knows the real one.
    let message = text.split(" at line ").next().unwrap_or(&text);
    TraceError::Json { message: message.into(), column: error.column() }
}

fn expected(recorded: &Recorded<'_>, ops: usize) -> Result<Option<Expected>, TraceError> {
    let RawVerdict { at, kind, cycle } = match recorded {
        Recorded::Absent => return Ok(None),
        Recorded::Clean => return Ok(Some(Expected::Clean)),
        Recorded::Report(verdict) => verdict,
    };
    let kind = match &**kind {
        "ww-api" => ExpectedKind::WwApi,
        name => LockReportKind::from_name(name)
            .map(ExpectedKind::Lockdep)
            .ok_or_else(|| TraceError::UnknownKind(name.into()))?,
    };
    if *at >= ops as u64 && kind != ExpectedKind::WwApi {
        return Err(TraceError::VerdictBehindEnd { at: *at, ops });
    }
    Ok(Some(Expected::Report { at: *at, kind, cycle: *cycle }))
}

fn resolve<'a>(op: RawOp<'a>, locks: &mut Locks<'a>, tasks: &mut Tasks) -> Result<Op, OpError> {
    let RawOp { name, arg, options } = op;
    let takes_options = matches!(&*name, "acquire" | "sync");
    if options.is_some() && !takes_options {
        return Err(OpError::Expected("no options"));
    }
    let plain = |op| if matches!(arg, RawArg::None) { Ok(op) } else { Err(OpError::Expected("no argument")) };
    Ok(match &*name {
        "irq_off" => plain(Op::IrqOff)?,
        "irq_on" => plain(Op::IrqOn)?,
        "bh_disable" => plain(Op::BhDisable)?,
        "bh_enable" => plain(Op::BhEnable)?,
        "hardirq_exit" => plain(Op::HardirqExit)?,
        "softirq_enter" => plain(Op::SoftirqEnter)?,
        "softirq_exit" => plain(Op::SoftirqExit)?,
        "nofs_save" => plain(Op::ScopeSave(Scope::Nofs))?,
        "nofs_restore" => plain(Op::ScopeRestore(Scope::Nofs))?,
        "noio_save" => plain(Op::ScopeSave(Scope::Noio))?,
        "noio_restore" => plain(Op::ScopeRestore(Scope::Noio))?,
        "memalloc_save" => plain(Op::ScopeSave(Scope::Memalloc))?,
        "memalloc_restore" => plain(Op::ScopeRestore(Scope::Memalloc))?,
        "begin_signalling" => plain(Op::BeginSignalling)?,
        "end_signalling" => plain(Op::EndSignalling)?,
        "fence_might_wait" => plain(Op::FenceMightWait)?,
        "invalidate_range_start" => plain(Op::InvalidateRangeStart)?,
        "invalidate_range_end" => plain(Op::InvalidateRangeEnd)?,
        "prime" => plain(Op::Prime)?,
        "acquire" => Op::Acquire(acquire(arg, options, locks)?),
        "sync" => Op::Sync(acquire(arg, options, locks)?),
        "release" => Op::Release(lock(arg, locks)?),
        "downgrade" => Op::Downgrade(lock(arg, locks)?),
        "free" => Op::Free(lock(arg, locks)?),
        "alloc" => Op::Alloc(gfp(&arg)?),
        "fs_reclaim_acquire" => Op::FsReclaimAcquire(gfp(&arg)?),
        "fs_reclaim_release" => Op::FsReclaimRelease(gfp(&arg)?),
        "hardirq_enter" => Op::HardirqEnter { threaded: threaded(&arg)? },
        "task" => Op::Task(tasks.get(&arg)?),
        _ => return Err(OpError::Unknown),
    })
}

fn lock<'a>(arg: RawArg<'a>, locks: &mut Locks<'a>) -> Result<u32, OpError> {
    let RawArg::Text(name) = arg else { return Err(OpError::Expected("the name of a lock")) };
    locks.get(name.clone()).ok_or_else(|| OpError::UnknownLock(name.into_owned()))
}

fn acquire<'a>(
    arg: RawArg<'a>,
    options: Option<RawOptions<'a>>,
    locks: &mut Locks<'a>,
) -> Result<AcquireOp, OpError> {
    let lock = lock(arg, locks)?;
    let options = options.unwrap_or_default();
    if options.threaded.is_some() {
        return Err(OpError::Expected("only the options subclass, trylock, read, check and nest"));
    }
    let nest = options
        .nest
        .map(|name| locks.get(name.clone()).ok_or_else(|| OpError::UnknownLock(name.into_owned())));
    Ok(AcquireOp {
        lock,
        subclass: u32::try_from(options.subclass.unwrap_or(0))
            .map_err(|_| OpError::Expected("a subclass below 2^32"))?,
        trylock: flag(options.trylock, false, "trylock to be 0 or 1")?,
        read: Read::from_raw(options.read.unwrap_or(0))
            .ok_or(OpError::Expected("read to be 0 (exclusive), 1 (shared) or 2 (recursive reader)"))?,
        check: flag(options.check, true, "check to be 0 or 1")?,
        nest: nest.transpose()?,
    })
}

fn flag(value: Option<u64>, or: bool, expected: &'static str) -> Result<bool, OpError> {
    match value {
        None => Ok(or),
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(_) => Err(OpError::Expected(expected)),
    }
}

fn gfp(arg: &RawArg<'_>) -> Result<Gfp, OpError> {
    match arg {
        RawArg::Text(text) => Ok(Gfp::parse(text)?),
        _ => Err(OpError::Expected("a gfp mask such as \"GFP_KERNEL\"")),
    }
}

fn threaded(arg: &RawArg<'_>) -> Result<bool, OpError> {
    match arg {
        RawArg::None => Ok(false),
        RawArg::Options(RawOptions {
            threaded,
            subclass: None,
            trylock: None,
            read: None,
            check: None,
            nest: None,
        }) => flag(*threaded, false, "threaded to be 0 or 1"),
        _ => Err(OpError::Expected("nothing, or the option threaded")),
    }
}

/// The tasks of a trace in order of appearance; task 0 comes first.
struct Tasks {
    numbers: Vec<u64>,
    indices: FxHashMap<u64, u32>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { numbers: vec![0], indices: FxHashMap::from_iter([(0, 0)]) }
    }
}

impl Tasks {
    fn get(&mut self, arg: &RawArg<'_>) -> Result<u32, OpError> {
        let RawArg::Number(number) = arg else { return Err(OpError::Expected("the number of a task")) };
        let next = u32::try_from(self.numbers.len()).expect("engine bug: more than 2^32 tasks in one line");
        let index = *self.indices.entry(*number).or_insert(next);
        if index == next {
            self.numbers.push(*number);
        }
        Ok(index)
    }
}
