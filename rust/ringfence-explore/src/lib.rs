//! What makes the choices of executions: one algorithm per file, named after its paper. Nothing here knows what it
//! drives, besides the traits of [`ringfence_base`].
//!
//! A *strategy* makes the choices of one execution, one at a time. A *search* runs one execution after the other, and
//! tells a visitor of each.

pub mod cells;
mod choice_tree;
mod deviations;
mod dfs;
mod directed;
mod dpor;
mod estimate;
mod execution;
mod fairness;
mod goal;
mod iterative_widening;
mod lasso;
pub mod minimise;
mod outcomes;
mod pct;
mod random_walk;
mod replay;
mod round_robin;
mod run_to_completion;
mod seen;
mod snapshot_dfs;
mod state_bfs;
mod state_dfs;
mod state_search;
mod strategy;
mod subtree;
mod summary;
mod swarm;

pub use choice_tree::Bound;
pub use deviations::{Follow, Recording, Steps, Until};
pub use dfs::Dfs;
pub use directed::Directed;
pub use dpor::Dpor;
pub use estimate::{random_descents, weighted_backtrack};
pub use execution::{Limits, Noting, Runner, Trail, Visit, Watch};
pub use fairness::FairRounds;
pub use goal::{Goal, Leg, Then};
pub use iterative_widening::widen;
pub use lasso::{Attempt, Lasso, Round, go_round};
pub use pct::{Pct, guarantee};
pub use random_walk::Random;
pub use replay::Replay;
pub use round_robin::RoundRobin;
pub use run_to_completion::RunToCompletion;
pub use seen::{Fingerprints, Seen, WholeStates};
pub use snapshot_dfs::SnapshotDfs;
pub use state_bfs::states_breadth_first;
pub use state_dfs::states_depth_first;
pub use state_search::{Path, VisitStates};
pub use strategy::{Misfit, Strategy};
pub use subtree::{Subtree, split};
pub use summary::{Budget, Stop, Summary};
pub use swarm::Swarm;
