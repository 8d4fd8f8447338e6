//! What every ringfence crate shares: ids, places, lock events and limits.
//!
//! Plain data only. This crate does no I/O, keeps no state and knows no rule; the pillars
//! (`ringfence-lockdep` and, later, the model and the explorers) speak to each other through it.

mod event;
mod id;
mod limits;
mod place;

pub use event::{AcquireFlags, Event, EventKind, Observer, Read};
pub use id::{ClassId, LockId, SiteId, TaskId};
pub use limits::{KERNEL_LIMITS, Limits};
pub use place::{Origin, Place, SourceLocation};
