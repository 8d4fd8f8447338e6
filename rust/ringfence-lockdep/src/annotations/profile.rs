//! Which kernel is modelled.

use ringfence_base::{KERNEL_LIMITS, Limits};
use thiserror::Error;

use crate::config::{AfterReport, Config, Search};

/// How `dma_fence_begin_signalling()` takes its map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Annotation {
    /// A non-recursive read acquisition (up to 6.12, `drivers/dma-buf/dma-fence.c`).
    Read,
    /// The same as a trylock that succeeded, which depends on nothing taken before it (later kernels).
    ReadTrylock,
}

/// A kernel version and its configuration, as far as it concerns the annotations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// `CONFIG_MMU_NOTIFIER`: reclaim and priming touch the notifier map.
    pub mmu_notifier: bool,
    /// How a signalling section is annotated.
    pub annotation: Annotation,
    /// The boot-time priming takes `i_mmap_rwsem` inside reclaim.
    pub i_mmap_priming: bool,
    /// Every allocation that may reclaim touches the notifier map (since 5.11, `fs_reclaim_acquire()` in
    /// `mm/page_alloc.c`); before, only the priming did.
    pub reclaim_notifier: bool,
    /// `CONFIG_PROVE_RAW_LOCK_NESTING`.
    pub raw_lock_nesting: bool,
    /// `CONFIG_LOCKDEP`: off, everything is a no-op and nothing is ever reported.
    pub lockdep: bool,
    /// Strict mode: whatever runs on a GPU scheduler's workqueues is a signalling section, which Linux does not
    /// annotate.
    pub strict: bool,
    /// Upper bounds of the validator.
    pub limits: Limits,
}

/// A profile or a switch that does not exist.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ProfileError {
    /// No such profile.
    #[error("unknown profile `{0}`; expected one of 5.9, 6.12, next")]
    UnknownProfile(String),
    /// Not of the form `KEY=VALUE`.
    #[error("`{0}` is not of the form KEY=VALUE")]
    NotAnAssignment(String),
    /// No such switch.
    #[error("unknown switch `{0}`; expected one of {keys}", keys = Profile::KEYS.join(", "))]
    UnknownKey(String),
    /// The switch does not take this value.
    #[error("`{key}` does not take `{value}`; expected {expected}")]
    BadValue {
        /// The switch.
        key: &'static str,
        /// What it was given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
}

impl Default for Profile {
    fn default() -> Self {
        Self::V6_12
    }
}

impl Profile {
    /// Linux 6.12.
    pub const V6_12: Self = Self {
        mmu_notifier: true,
        annotation: Annotation::Read,
        i_mmap_priming: true,
        reclaim_notifier: true,
        raw_lock_nesting: true,
        lockdep: true,
        strict: true,
        limits: Limits { classes: None, list_entries: None, chains: None, depth: None, subclasses: None },
    };

    /// Linux 5.9: the commit that wrote the contract down. No `i_mmap_rwsem` in the priming, and
    /// allocations don't touch the notifier map.
    pub const V5_9: Self = Self { i_mmap_priming: false, reclaim_notifier: false, ..Self::V6_12 };

    /// Later than 6.12: sections are annotated as read trylocks.
    pub const NEXT: Self = Self { annotation: Annotation::ReadTrylock, ..Self::V6_12 };

    /// Names of the profiles.
    pub const NAMES: [&str; 3] = ["5.9", "6.12", "next"];

    /// Names of the switches.
    pub const KEYS: [&str; 8] = [
        "annotation",
        "i_mmap_priming",
        "limits",
        "lockdep",
        "mmu_notifier",
        "raw_lock_nesting",
        "reclaim_notifier",
        "strict",
    ];

    /// The profile with this name.
    ///
    /// # Errors
    /// [`ProfileError::UnknownProfile`].
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        match name {
            "5.9" => Ok(Self::V5_9),
            "6.12" => Ok(Self::V6_12),
            "next" => Ok(Self::NEXT),
            _ => Err(ProfileError::UnknownProfile(name.into())),
        }
    }

    /// Sets one switch, given as `KEY=VALUE`.
    ///
    /// # Errors
    /// What is wrong with the assignment.
    pub fn assign(&mut self, assignment: &str) -> Result<(), ProfileError> {
        let (key, value) =
            assignment.split_once('=').ok_or_else(|| ProfileError::NotAnAssignment(assignment.into()))?;
        self.set(key.trim(), value.trim())
    }

    /// Sets one switch.
    ///
    /// # Errors
    /// What is wrong with the key or value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ProfileError> {
        let Some(key) = Self::KEYS.into_iter().find(|known| *known == key) else {
            return Err(ProfileError::UnknownKey(key.into()));
        };
        let bad = |expected| ProfileError::BadValue { key, value: value.into(), expected };
        let flag = || match value {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err(bad("on or off")),
        };
        match key {
            "annotation" => {
                self.annotation = match value {
                    "read" => Annotation::Read,
                    "read_trylock" => Annotation::ReadTrylock,
                    _ => return Err(bad("read or read_trylock")),
                }
            }
            "limits" => {
                self.limits = match value {
                    "kernel" => KERNEL_LIMITS,
                    "none" => Limits::default(),
                    _ => return Err(bad("kernel or none")),
                }
            }
            "i_mmap_priming" => self.i_mmap_priming = flag()?,
            "lockdep" => self.lockdep = flag()?,
            "mmu_notifier" => self.mmu_notifier = flag()?,
            "raw_lock_nesting" => self.raw_lock_nesting = flag()?,
            "reclaim_notifier" => self.reclaim_notifier = flag()?,
            "strict" => self.strict = flag()?,
            _ => unreachable!("engine bug: a key in KEYS without a switch"),
        }
        Ok(())
    }

    /// The validator's part of it.
    pub fn config(&self, search: Search, after_report: AfterReport) -> Config {
        Config { search, after_report, raw_lock_nesting: self.raw_lock_nesting, limits: self.limits }
    }
}
