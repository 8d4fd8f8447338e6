//! What every ringfence crate shares: ids, places, events, scenarios, choices and limits.
//!
//! Plain data only. This crate does no I/O, keeps no state and knows no rule; the pillars
//! (`ringfence-lockdep`, `ringfence-model`, `ringfence-explore`) speak to each other through it.

mod action;
mod choice;
mod digest;
pub mod errno;
mod event;
mod footprint;
mod gfp;
mod id;
pub mod limits;
mod lock_event;
mod place;
mod replay_string;
pub mod rng;
pub mod scenario;
mod shown;
mod system;

pub use action::Action;
pub use choice::{ChoiceKind, Decide, Ordinary};
pub use digest::{Digest, Digester};
pub use event::{Event, EventKind, GpuEvent, JobEvent, ObjectRef, Published, Scope};
pub use footprint::{Access, Footprint, Use};
pub use gfp::{Gfp, UnknownGfp};
pub use id::{ClassId, LockId, ObjectId, ProgramId, SiteId, TaskId};
pub use limits::{KERNEL_LIMITS, Limits};
pub use lock_event::{AcquireFlags, LockEvent, LockEventKind, Observer, Read};
pub use place::{Origin, Place, SourceLocation};
pub use replay_string::{Course, Deviation, Deviations, NotAReplayString, Recorded, RecordedEnd, Taken};
pub use system::{Dependent, End, Holding, Located, Recurrent, Stateful, System};
