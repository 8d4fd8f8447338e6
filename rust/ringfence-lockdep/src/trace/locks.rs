//! Names of locks: from the trace's own table, or telling their type by themselves.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::parse::TraceError;
use super::raw::{RawLock, RawLocks};
use super::{LockDecl, LockIndex};
use crate::annotations::LockKind;
use crate::class::{LockType, WaitType};

/// Names in order of appearance, found by hashing: a trace may have very many.
#[derive(Default)]
struct Interned<'a> {
    ids: FxHashMap<Cow<'a, str>, u32>,
    names: Vec<Cow<'a, str>>,
}

impl<'a> Interned<'a> {
    fn find(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    fn add(&mut self, name: Cow<'a, str>) -> u32 {
        let id = u32::try_from(self.names.len()).expect("engine bug: more than 2^32 names in one line");
        self.ids.insert(name.clone(), id);
        self.names.push(name);
        id
    }

    fn into_names(self) -> impl Iterator<Item = String> {
        self.names.into_iter().map(Cow::into_owned)
    }
}

/// The locks of a trace while it is being read.
pub(super) struct Locks<'a> {
    /// With a table, every lock must be in it.
    has_table: bool,
    names: Interned<'a>,
    decls: Vec<(u32, LockKind)>,
    classes: Interned<'a>,
}

impl<'a> Locks<'a> {
    pub(super) fn new(table: Option<RawLocks<'a>>) -> Result<Self, TraceError> {
        let mut locks = Self {
            has_table: table.is_some(),
            names: Interned::default(),
            decls: Vec::new(),
            classes: Interned::default(),
        };
        for (name, raw) in table.map_or_else(Vec::new, |table| table.0) {
            if locks.names.find(&name).is_some() {
                return Err(TraceError::DuplicateLock(name.into_owned()));
            }
            let kind = table_kind(&name, &raw)?;
            locks.declare(name, raw.class, kind);
        }
        Ok(locks)
    }

    fn declare(&mut self, name: Cow<'a, str>, class: Cow<'a, str>, kind: LockKind) -> LockIndex {
        let class = self.classes.find(&class).unwrap_or_else(|| self.classes.add(class));
        self.decls.push((class, kind));
        self.names.add(name)
    }

    /// The lock of this name; a self-describing one is declared by its first use.
    pub(super) fn get(&mut self, name: Cow<'a, str>) -> Option<LockIndex> {
        if let Some(known) = self.names.find(&name) {
            return Some(known);
        }
        if self.has_table {
            return None;
        }
        let (class, kind) = self_describing(&name)?;
        Some(self.declare(name, class, kind))
    }

    pub(super) fn finish(self) -> (Vec<LockDecl>, Vec<String>) {
        let decls = self.names.into_names().zip(self.decls);
        let decls = decls.map(|(name, (class, kind))| LockDecl { name, class, kind });
        (decls.collect(), self.classes.into_names().collect())
    }
}

fn table_kind(name: &str, raw: &RawLock<'_>) -> Result<LockKind, TraceError> {
    let bad = |field, value, expected| TraceError::BadLock { lock: name.into(), field, value, expected };
    let wait = |field, value| {
        WaitType::from_raw(value)
            .ok_or_else(|| bad(field, value, "0 (none), 1 (free), 2 (spin), 3 (config) or 4 (sleep)"))
    };
    let wait_inner = wait("wait_inner", raw.wait_inner)?;
    let wait_outer = wait("wait_outer", raw.wait_outer)?;
    let lock_type = LockType::from_raw(raw.lock_type)
        .ok_or_else(|| bad("lock_type", raw.lock_type, "0 (normal), 1 (per-CPU) or 2 (wait override)"))?;
    let spins = matches!(wait_inner, WaitType::Spin | WaitType::Config);
    let atomic = spins && wait_outer == WaitType::None && lock_type == LockType::Normal;
    Ok(LockKind { wait_inner, wait_outer, lock_type, atomic })
}

/// The class and kind that a name such as `S1'`, `resv2` or `mmap_lock` stands for.
fn self_describing<'a>(name: &str) -> Option<(Cow<'a, str>, LockKind)> {
    let number = |prefix: &str| {
        name.strip_prefix(prefix)
            .filter(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match name {
        "mmap_lock" => return Some((Cow::Borrowed("mmap_lock"), LockKind::SLEEPING)),
        "i_mmap_rwsem" => return Some((Cow::Borrowed("i_mmap_rwsem"), LockKind::SLEEPING)),
        _ if number("resv").is_some() => {
            return Some((Cow::Borrowed("reservation_ww_class_mutex"), LockKind::SLEEPING));
        }
        _ if number("ww_ctx").is_some() => {
            return Some((Cow::Borrowed("reservation_ww_class_acquire"), LockKind::MAP));
        }
        _ => {}
    }
    let class = name.trim_end_matches('\'');
    let (kind, digits) = class.split_at_checked(1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kind = match kind {
        "R" => LockKind::RAW_SPINLOCK,
        "S" | "W" => LockKind::SPINLOCK,
        "M" | "Q" => LockKind::SLEEPING,
        "P" => LockKind::MAP,
        _ => return None,
    };
    Some((Cow::Owned(class.into()), kind))
}
