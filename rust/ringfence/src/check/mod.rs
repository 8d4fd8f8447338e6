//! Checking a scenario: the three judges predict, searches prove.

pub use ringfence_base::{End, NotAReplayString, Recorded};
pub use ringfence_explore::{
    Directed, Goal, Leg, Limits, Misfit, Random, Replay, RoundRobin, RunToCompletion, Strategy, Then, Trail,
    Watch,
};

mod assemble;
mod collect;
mod describe;
mod execution;
mod fit;
mod goal;
mod holding;
mod hunt;
mod inspect;
mod livelock;
mod made;
mod minimise;
mod options;
mod profile_bits;
mod progress;
mod proof;
mod recording;
mod refute;
mod replay;
mod report;
mod schedule;
mod search;
mod state_executor;
mod step;
mod text;
mod validator_judge;

pub use execution::Executor;
pub use fit::Fit;
pub use goal::goals;
pub use hunt::{First, Hunt, Hunted, Hunter, Quarry, hunt};
pub use inspect::{Execution, FenceView, Snapshot, ThreadView};
pub use minimise::{Minimised, Smallest, minimise};
pub use options::{Method, NoMethod, Options};
pub use progress::{GoOn, Phase, Progress};
pub use replay::{NoSelection, ReplayError, ReplayOptions, STEPS_MAX, Selection};
pub use report::{CheckError, Report, check};
pub use schedule::{NoSchedule, Schedule};
pub use state_executor::{StateExecutor, WorldState};
pub use text::{execution, summary, text};
pub use validator_judge::ValidatorJudge;
