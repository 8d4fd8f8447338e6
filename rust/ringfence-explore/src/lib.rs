//! What makes the choices of executions: one algorithm per file, named after its paper. Nothing here knows what it
//! drives, besides the traits of [`ringfence_base`].
//!
//! A *strategy* makes the choices of one execution, one at a time. A *search* runs one execution after the other, and
//! tells a visitor of each.

mod execution;
pub mod minimise;
mod random_walk;
mod replay;
mod round_robin;
mod run_to_completion;
mod strategy;

pub use execution::{Limits, Noting, Runner, Trail, Visit, Watch};
pub use random_walk::Random;
pub use replay::Replay;
pub use round_robin::RoundRobin;
pub use run_to_completion::RunToCompletion;
pub use strategy::{Misfit, Strategy};
