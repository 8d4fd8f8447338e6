//! Two of the three judges: the wait-for graph of a world in which nothing can happen any more, and the monitors
//! of those clauses of the contract that need state. The third, the validator, sees only events.

mod effects;
mod gpu_waits;
mod hang_rule;
mod hooks;
mod monitor;
mod recovery;
mod sched;
mod starvation;
mod unsignaled;
mod wait_for;

pub use gpu_waits::{GpuWork, GpuWorkState};
pub use monitor::{Breach, Certainty, Monitor};
pub use wait_for::{Hang, HangKind, HangLink, Waker, hangs};
