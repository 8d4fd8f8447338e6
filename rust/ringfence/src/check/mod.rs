//! Checking a scenario: the three judges over a set of simple schedules.

mod assemble;
mod collect;
mod describe;
mod execution;
mod inspect;
mod report;
mod schedule;
mod step;
mod strategy;
mod text;
mod validator_judge;

pub use execution::{End, Executor, Watch};
pub use inspect::{Execution, FenceView, Snapshot, ThreadView};
pub use report::{CheckError, Options, Report, check};
pub use schedule::{NoSchedule, Schedule};
pub use strategy::{Misfit, Random, Replay, RoundRobin, RunToCompletion, Strategy};
pub use text::{execution, summary, text};
pub use validator_judge::ValidatorJudge;
