//! A streaming lock-order, usage and context validator with the semantics of Linux lockdep (6.12,
//! `CONFIG_PROVE_LOCKING`).
//!
//! Two layers. [`Validator`] takes lock events and knows nothing else. [`annotations`] is what Linux puts
//! on top of it: reclaim, MMU notifiers, fence signalling and the boot-time priming, each a few lock
//! events. [`trace`] holds both as data and runs it.
//!
//! Two searches. `kernel` gives the verdict of Linux 6.12 at the same operation, shortcuts included;
//! `exact` is complete under the strong-path rule and says where Linux would have stayed silent.
//!
//! The engine is deterministic: no clock, no threads, no environment, no hash order.

mod acquire;
mod acquire_settled;
pub mod annotations;
mod chain;
mod class;
mod config;
mod dependency;
mod graph;
mod held;
mod irq_flags;
mod irqs;
mod mark_lock;
mod misuse;
mod names;
mod ordered_list;
mod pair_map;
mod problem;
mod reach;
mod release;
mod report;
mod search;
mod sites;
mod topological_order;
pub mod trace;
mod usage;
mod validate_chain;
mod validator;
mod wait_context;
mod wording;

pub use class::{KeyId, LockInit, LockType, WaitType};
pub use config::{AfterReport, Config, Search};
pub use misuse::Misuse;
pub use problem::Verdict;
pub use validator::{Statistics, Validator};
