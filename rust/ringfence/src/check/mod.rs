//! Checking a scenario: the three judges over a set of simple schedules.

pub use ringfence_base::{End, NotAReplayString, Recorded};
pub use ringfence_explore::{
    Limits, Misfit, Random, Replay, RoundRobin, RunToCompletion, Strategy, Trail, Watch,
};

mod assemble;
mod collect;
mod describe;
mod execution;
mod fit;
mod inspect;
mod made;
mod profile_bits;
mod recording;
mod replay;
mod report;
mod schedule;
mod step;
mod text;
mod validator_judge;

pub use execution::Executor;
pub use fit::Fit;
pub use inspect::{Execution, FenceView, Snapshot, ThreadView};
pub use replay::{NoSelection, ReplayError, ReplayOptions, STEPS_MAX, Selection};
pub use report::{CheckError, Options, Report, check};
pub use schedule::{NoSchedule, Schedule};
pub use text::{execution, summary, text};
pub use validator_judge::ValidatorJudge;
