//! What a lockdep report shows, as plain data.

use serde::Serialize;

/// A place, resolved.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct PlaceView {
    /// Name of the task.
    pub task: String,
    /// 0-based index of the operation.
    pub op: u64,
    /// Source file, as the caller gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// 1-based line in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Enclosing function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The kernel function that did it on the caller's behalf, with its gfp mask where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

/// Where and since when a class is in a usage state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UsageView {
    /// The kernel's name of the state: `IN-HARDIRQ-W`, `SOFTIRQ-ON-R`, `INITIAL USE`…
    pub state: &'static str,
    /// The acquisition (or irq-enabling) that put it there first.
    pub at: PlaceView,
}

/// A lock class.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ClassView {
    /// Name with `#n` for a later class of the same name and `/n` for the subclass.
    pub name: String,
    /// The four usage characters: hardirq, hardirq-read, softirq, softirq-read; each one of `.-+?`.
    pub usage: String,
    /// Outer wait type as printed (0 none, 1 free, 2 spin, 3 config, 4 sleep).
    pub wait_outer: u8,
    /// Inner wait type as printed.
    pub wait_inner: u8,
    /// Each usage state with its place, in the kernel's order.
    pub usages: Vec<UsageView>,
}

/// A lock in the hands of a task, or the one it wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeldLockView {
    /// Name of the instance.
    pub instance: String,
    /// A made-up but stable address of the instance, for the splat.
    pub address: u64,
    /// Its class.
    pub class: ClassView,
    /// 0 exclusive, 1 shared, 2 recursive reader.
    pub read: u8,
    /// Taken by trylock.
    pub trylock: bool,
    /// A `lock_sync()`.
    pub sync: bool,
    /// Reference count of merged acquisitions; 0 if none were merged.
    pub references: u32,
    /// Where it was taken.
    pub at: PlaceView,
}

/// Which interrupts were on and what was being served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct IrqState {
    /// In a hard interrupt.
    pub hardirq_context: bool,
    /// Serving soft interrupts.
    pub softirq_context: bool,
    /// Nesting of hard interrupts.
    pub hardirq_count: u32,
    /// Nesting of soft interrupts and `local_bh_disable()`.
    pub softirq_count: u32,
    /// Hard interrupts are on.
    pub hardirqs_enabled: bool,
    /// Soft interrupts are on.
    pub softirqs_enabled: bool,
}

/// The task that made the problem visible.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TaskView {
    /// Its name.
    pub name: String,
    /// A made-up but stable process id.
    pub pid: u32,
    /// Its interrupt state.
    pub irq: IrqState,
    /// The wait type its context allows, as printed in `context-{n:n}`.
    pub wait_context: u8,
}

/// The kernel's four kinds of dependencies (`kernel/locking/lockdep.c`, `DEP_*_BIT`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum DependencyKind {
    /// Shared holder, recursive reader.
    SR,
    /// Exclusive holder, recursive reader.
    ER,
    /// Shared holder, blocking acquisition.
    SN,
    /// Exclusive holder, blocking acquisition.
    EN,
}

/// One link of a chain of dependencies: while holding `from`, somebody took `to`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Link {
    /// The held class.
    pub from: ClassView,
    /// The class taken while holding it.
    pub to: ClassView,
    /// How `from` was held and `to` was taken.
    pub kind: DependencyKind,
    /// How `from` was held: 0 exclusive, 1 shared, 2 recursive reader.
    pub held_read: u8,
    /// How `to` was taken.
    pub taken_read: u8,
    /// Where `from` had been taken.
    pub held_at: PlaceView,
    /// Where `to` was first taken with `from` held.
    pub taken_at: PlaceView,
    /// True for the dependency that is only now being added.
    pub new: bool,
}

/// Two usage states that exclude each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UsageConflict {
    /// `HARDIRQ`, `HARDIRQ-READ`, `SOFTIRQ` or `SOFTIRQ-READ`.
    pub irq: &'static str,
    /// The class used in the interrupt.
    pub safe: ClassView,
    /// Its state, `IN-…`.
    pub safe_state: &'static str,
    /// Where it got that state.
    pub safe_at: PlaceView,
    /// The class held with the interrupt on.
    pub unsafe_: ClassView,
    /// Its state, `…-ON-…`.
    pub unsafe_state: &'static str,
    /// Where it got that state.
    pub unsafe_at: PlaceView,
    /// True if the new usage is the safe one (the search went forwards).
    pub forwards: bool,
}

/// Everything a lockdep report shows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LockReport {
    /// The operation that made the problem visible.
    pub at: PlaceView,
    /// The task that ran.
    pub task: TaskView,
    /// The lock being acquired, released, changed or freed.
    pub lock: HeldLockView,
    /// The held lock it clashes with, if there is one.
    pub holding: Option<HeldLockView>,
    /// All locks the task held at that moment, oldest first.
    pub held: Vec<HeldLockView>,
    /// The whole cycle or irq path in order: each link's `to` is the next link's `from`. For circular
    /// findings the last link is the new one and leads back to the first link's `from`.
    pub links: Vec<Link>,
    /// The clashing usage states, for the irq kinds.
    pub usage: Option<UsageConflict>,
    /// Name of the nest lock that is not held.
    pub nest_lock: Option<String>,
    /// Name of the kernel limit that was reached.
    pub limit: Option<&'static str>,
}
