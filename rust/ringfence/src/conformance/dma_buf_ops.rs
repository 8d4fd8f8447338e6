//! The operations of a dma-buf recording, understood.

use serde::Deserialize;
use serde_json::Value as Json;

use super::args::{index, name_and_args, number, options};

/// One call. Fences are numbered in the order in which they came into being, merged ones included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Init { fence: u64, init: Init },
    HwDone(u64),
    Signal(u64),
    SetError(u64, i64),
    AddCallback(u64, u64),
    RemoveCallback(u64, u64),
    IsSignaled(u64),
    GetStatus(u64),
    EnableSwSignaling(u64),
    WaitTimeout0(u64),
    IsLaterAndLater(u64, u64),
    Array { fence: u64, array: Array },
    Chain { fence: u64, chain: Chain },
    FindSeqno(u64, u64),
    Walk(u64),
    Unwrap(u64),
    Merge(Vec<u64>),
    ResvLock(u64),
    ResvUnlock(u64),
    ReserveFences(u64, i64),
    AddFence(u64, u64, i64),
    ReplaceFences(u64, Replace),
    CopyFences(u64, u64),
    ListLocked(u64, i64),
    ListUnlocked(u64, i64),
    TestSignaled(u64, i64),
    ResvWaitTimeout0(u64, i64),
    GetSingleton(u64, i64),
}

/// A driver's fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Init {
    pub(super) context: u64,
    pub(super) seqno: u64,
    pub(super) ops: FenceOps,
}

/// What a driver's fence can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct FenceOps {
    /// It has `enable_signaling`, which returns that.
    pub(super) enable_signaling: Option<bool>,
    /// It has `signaled`.
    pub(super) poll: bool,
    pub(super) use_64bit_seqno: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInit {
    context: u64,
    seqno: u64,
    ops: String,
    enable_signaling: Option<bool>,
}

/// `dma_fence_array_create()`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Array {
    pub(super) fences: Vec<u64>,
    pub(super) signal_on_any: bool,
    pub(super) seqno: u64,
}

/// `dma_fence_chain_init()`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    pub(super) prev: Option<u64>,
    pub(super) fence: u64,
    pub(super) seqno: u64,
}

/// `dma_resv_replace_fences()`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replace {
    pub(super) context_of: u64,
    pub(super) by: u64,
    pub(super) usage: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    fences: Vec<u64>,
}

const NAMES: &str = "init, hw_done, signal, set_error, add_callback, remove_callback, is_signaled, get_status, \
                     enable_sw_signaling, wait_timeout_0, is_later_and_later, array, chain, find_seqno, walk, \
                     unwrap, merge, resv_lock, resv_unlock, reserve_fences, add_fence, replace_fences, \
                     copy_fences, list_locked, list_unlocked, test_signaled, resv_wait_timeout_0, get_singleton";

impl Op {
    /// Understands one element of `ops`; otherwise says what was expected.
    pub(super) fn parse(op: &Json) -> Result<Self, String> {
        let Some((name, args)) = name_and_args(op) else {
            return Err(r#"expected an operation such as ["signal", 0]"#.into());
        };
        let complain = |what: String| format!("`{name}`: {what}");
        let op = match args {
            [only] => Self::with_one(name, only),
            [first, second] => Self::with_two(name, first, second),
            [first, second, third] => Self::with_three(name, first, second, third),
            _ => Ok(None),
        };
        match op {
            Ok(Some(op)) => Ok(op),
            Ok(None) if NAMES.split(", ").any(|known| known == name) => {
                Err(complain(format!("takes another number of arguments than {}", args.len())))
            }
            Ok(None) => Err(format!("unknown operation `{name}`; expected one of {NAMES}")),
            Err(what) => Err(complain(what)),
        }
    }

    fn with_one(name: &str, arg: &Json) -> Result<Option<Self>, String> {
        Ok(Some(match name {
            "hw_done" => Self::HwDone(index(arg)?),
            "signal" => Self::Signal(index(arg)?),
            "is_signaled" => Self::IsSignaled(index(arg)?),
            "get_status" => Self::GetStatus(index(arg)?),
            "enable_sw_signaling" => Self::EnableSwSignaling(index(arg)?),
            "wait_timeout_0" => Self::WaitTimeout0(index(arg)?),
            "walk" => Self::Walk(index(arg)?),
            "unwrap" => Self::Unwrap(index(arg)?),
            "merge" => Self::Merge(options::<Merge>(arg)?.fences),
            "resv_lock" => Self::ResvLock(index(arg)?),
            "resv_unlock" => Self::ResvUnlock(index(arg)?),
            _ => return Ok(None),
        }))
    }

    fn with_two(name: &str, first: &Json, second: &Json) -> Result<Option<Self>, String> {
        Ok(Some(match name {
            "init" => Self::Init { fence: index(first)?, init: init(second)? },
            "array" => Self::Array { fence: index(first)?, array: options(second)? },
            "chain" => Self::Chain { fence: index(first)?, chain: options(second)? },
            "replace_fences" => Self::ReplaceFences(index(first)?, options(second)?),
            "set_error" => Self::SetError(index(first)?, number(second)?),
            "add_callback" => Self::AddCallback(index(first)?, index(second)?),
            "remove_callback" => Self::RemoveCallback(index(first)?, index(second)?),
            "is_later_and_later" => Self::IsLaterAndLater(index(first)?, index(second)?),
            "find_seqno" => Self::FindSeqno(index(first)?, index(second)?),
            "reserve_fences" => Self::ReserveFences(index(first)?, number(second)?),
            "copy_fences" => Self::CopyFences(index(first)?, index(second)?),
            "list_locked" => Self::ListLocked(index(first)?, usage(second)?),
            "list_unlocked" => Self::ListUnlocked(index(first)?, usage(second)?),
            "test_signaled" => Self::TestSignaled(index(first)?, usage(second)?),
            "resv_wait_timeout_0" => Self::ResvWaitTimeout0(index(first)?, usage(second)?),
            "get_singleton" => Self::GetSingleton(index(first)?, usage(second)?),
            _ => return Ok(None),
        }))
    }

    fn with_three(name: &str, first: &Json, second: &Json, third: &Json) -> Result<Option<Self>, String> {
        Ok(match name {
            "add_fence" => Some(Self::AddFence(index(first)?, index(second)?, usage(third)?)),
            _ => None,
        })
    }

    /// The reservations that it names.
    pub(super) fn resvs(&self) -> Vec<u64> {
        match *self {
            Self::ResvLock(resv)
            | Self::ResvUnlock(resv)
            | Self::ReserveFences(resv, _)
            | Self::AddFence(resv, ..)
            | Self::ReplaceFences(resv, _)
            | Self::ListLocked(resv, _)
            | Self::ListUnlocked(resv, _)
            | Self::TestSignaled(resv, _)
            | Self::ResvWaitTimeout0(resv, _)
            | Self::GetSingleton(resv, _) => vec![resv],
            Self::CopyFences(dst, src) => vec![dst, src],
            _ => Vec::new(),
        }
    }
}

fn usage(value: &Json) -> Result<i64, String> {
    let usage = value.as_i64().filter(|usage| (0..=3).contains(usage));
    usage.ok_or_else(|| {
        format!("expected a usage, 0 (KERNEL), 1 (WRITE), 2 (READ) or 3 (BOOKKEEP), not {value}")
    })
}

fn init(value: &Json) -> Result<Init, String> {
    let raw: RawInit = options(value)?;
    let (name, use_64bit_seqno) = match raw.ops.strip_suffix("64") {
        Some(name) => (name, true),
        None => (raw.ops.as_str(), false),
    };
    let (enables, poll) = match name {
        "plain" => (false, false),
        "enable" => (true, false),
        "poll" => (false, true),
        "enable+poll" => (true, true),
        _ => {
            let expected = "plain, enable, poll or enable+poll, with 64 behind it or not";
            return Err(format!("unknown ops `{}`; expected {expected}", raw.ops));
        }
    };
    if enables != raw.enable_signaling.is_some() {
        return Err("expected `enable_signaling` exactly if the ops have it".into());
    }
    let ops = FenceOps { enable_signaling: raw.enable_signaling, poll, use_64bit_seqno };
    Ok(Init { context: raw.context, seqno: raw.seqno, ops })
}
