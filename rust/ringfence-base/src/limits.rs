//! Every limit has a name and a unit. The kernel's are a switch.

/// Upper bounds on what a validator may hold. `None` means unlimited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Lock classes (`MAX_LOCKDEP_KEYS`).
    pub classes: Option<usize>,
    /// Directed dependencies, each counted twice, as the kernel keeps both directions
    /// (`MAX_LOCKDEP_ENTRIES`).
    pub list_entries: Option<usize>,
    /// Distinct lock chains (`MAX_LOCKDEP_CHAINS`).
    pub chains: Option<usize>,
    /// Locks held by one task at once (`MAX_LOCK_DEPTH`).
    pub depth: Option<usize>,
    /// Subclasses of one key (`MAX_LOCKDEP_SUBCLASSES`).
    pub subclasses: Option<usize>,
}

/// The limits of a Linux 6.12 kernel with default Kconfig
/// (`kernel/locking/lockdep_internals.h`, `include/linux/sched.h`, `include/linux/lockdep_types.h`).
pub const KERNEL_LIMITS: Limits = Limits {
    classes: Some(1 << 13),
    list_entries: Some(1 << 15),
    chains: Some(1 << 16),
    depth: Some(48),
    subclasses: Some(8),
};

/// Jobs by which a job of the same scheduler can be overtaken before it counts as starved (RF704). A GPU runs some
/// hundred jobs a second: nobody waits for longer than this without noticing.
pub const OVERTAKEN_MAX: u32 = 32;
