//! Checking a scenario: the three judges over a set of simple schedules.

pub use ringfence_base::End;
pub use ringfence_explore::{
    Directed, Goal, Leg, Limits, Misfit, Random, Replay, RoundRobin, RunToCompletion, Strategy, Then, Trail,
    Watch,
};

mod assemble;
mod collect;
mod describe;
mod execution;
mod goal;
mod holding;
mod hunt;
mod inspect;
mod report;
mod schedule;
mod step;
mod text;
mod validator_judge;

pub use execution::Executor;
pub use goal::goals;
pub use hunt::{First, Hunt, Hunted, Hunter, Quarry, hunt};
pub use inspect::{Execution, FenceView, Snapshot, ThreadView};
pub use report::{CheckError, Options, Report, check};
pub use schedule::{NoSchedule, Schedule};
pub use text::{execution, summary, text};
pub use validator_judge::ValidatorJudge;
