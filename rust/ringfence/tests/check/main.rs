//! Checking scenarios: what the three judges say.

mod abba;
#[path = "../../../ringfence-model/tests/it/build.rs"]
mod build;
mod card;
mod commute;
mod contended;
mod counts;
mod determinism;
mod directed;
mod directed_random;
mod equivalence;
mod extremes;
mod fifo_sched;
mod minimise;
mod random;
mod recovery;
mod refuted;
mod regressions;
mod replay;
mod sched_history;
mod sched_random;
mod sched_regressions;
mod sched_scenario;
mod schedules;
mod searches;
mod soak;
mod starvation;
mod strict;
mod survey;
mod ww_mutex;

/// For tests of something else than how small a witness is.
fn unminimised() -> ringfence::check::Options {
    ringfence::check::Options { minimise: false, ..Default::default() }
}
