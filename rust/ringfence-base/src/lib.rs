//! What every ringfence crate shares: ids, places, events, scenarios, choices and limits.
//!
//! Plain data only. This crate does no I/O, keeps no state and knows no rule; the pillars
//! (`ringfence-lockdep`, `ringfence-model` and, later, the explorers) speak to each other through it.

mod choice;
pub mod errno;
mod event;
mod gfp;
mod id;
pub mod limits;
mod lock_event;
mod place;
pub mod rng;
pub mod scenario;
mod shown;

pub use choice::{ChoiceKind, Decide, Ordinary};
pub use event::{Event, EventKind, GpuEvent, JobEvent, ObjectRef, Published, Scope};
pub use gfp::{Gfp, UnknownGfp};
pub use id::{ClassId, LockId, ObjectId, ProgramId, SiteId, TaskId};
pub use limits::{KERNEL_LIMITS, Limits};
pub use lock_event::{AcquireFlags, LockEvent, LockEventKind, Observer, Read};
pub use place::{Origin, Place, SourceLocation};
