//! Checking a scenario: the three judges over a set of simple schedules.

pub use ringfence_base::End;
pub use ringfence_explore::{
    Limits, Misfit, Random, Replay, RoundRobin, RunToCompletion, Strategy, Trail, Watch,
};

mod assemble;
mod collect;
mod describe;
mod execution;
mod inspect;
mod minimise;
mod report;
mod schedule;
mod step;
mod text;
mod validator_judge;

pub use execution::Executor;
pub use inspect::{Execution, FenceView, Snapshot, ThreadView};
pub use minimise::{Minimised, Smallest, minimise};
pub use report::{CheckError, Options, Report, check};
pub use schedule::{NoSchedule, Schedule};
pub use text::{execution, summary, text};
pub use validator_judge::ValidatorJudge;
