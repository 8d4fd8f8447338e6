//! Recorded executions, run again.

use core::str::FromStr;

use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_base::{Course, Deviation, NotAReplayString, Recorded, RecordedEnd};
use ringfence_explore::{Follow, Limits, Random, RoundRobin, Steps, Until};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::{MODEL_VERSION, Plan};
use thiserror::Error;

use super::execution::plan;
use super::fit::{Fit, lost};
use super::inspect::Execution;
use super::made::Made;
use super::profile_bits;
use super::schedule::{NoSchedule, Schedule};

/// Steps after which an execution is cut off, if nobody says otherwise.
pub const STEPS_MAX: u64 = 100_000;

/// What selects one execution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// What makes its choices.
    By(Schedule),
    /// One that was recorded.
    Recorded(Recorded),
}

/// A text that selects no execution.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NoSelection {
    /// It is no schedule.
    #[error(transparent)]
    NoSchedule(#[from] NoSchedule),
    /// It was to be a replay string.
    #[error(transparent)]
    NotAReplayString(#[from] NotAReplayString),
}

impl FromStr for Selection {
    type Err = NoSelection;

    fn from_str(text: &str) -> Result<Self, NoSelection> {
        match Recorded::is_meant_by(text) {
            true => Ok(Self::Recorded(text.parse()?)),
            false => Ok(Self::By(text.parse()?)),
        }
    }
}

/// How a recorded execution is run again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplayOptions {
    /// Which kernel, if somebody insists: the recording says it, too.
    pub profile: Option<Profile>,
    /// Only so many of its steps.
    pub steps: Option<u64>,
    /// What makes the choices behind these, or where the recording does not fit any more. Without, it ends there.
    pub then: Option<Schedule>,
    /// Steps after which it is cut off. Without, as many as were recorded, or [`STEPS_MAX`] where it goes on.
    pub steps_max: Option<u64>,
}

/// A recorded execution can't be run again here.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ReplayError {
    /// The scenario makes no sense.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The model has changed.
    #[error(
        "the replay string was recorded by version {recorded} of ringfence's model, and this is version {ours}: the \
         same choices would lead elsewhere; run the check again for a new one, or replay it with the ringfence that \
         made it"
    )]
    OtherModel {
        /// The one that recorded it.
        recorded: u32,
        /// The present one.
        ours: u32,
    },
    /// It is of another scenario.
    #[error(
        "the replay string is of another scenario than `{name}`: neither the name nor what is in it is that of the \
         recording"
    )]
    OtherScenario {
        /// Name of the scenario.
        name: String,
    },
    /// It is of another profile than what was asked for.
    #[error(
        "the replay string was recorded with profile {recorded}, not {asked}; it says so itself: name no profile"
    )]
    OtherProfile {
        /// The one that it was recorded with.
        recorded: String,
        /// The one that was asked for.
        asked: String,
    },
    /// It has a switch that is not known.
    #[error(
        "the replay string was recorded with a switch that this ringfence does not know; replay it with the one \
         that made it"
    )]
    UnknownSwitch,
    /// So many steps were not recorded.
    #[error("steps={asked}: the replay string has {recorded} steps")]
    NotSoManySteps {
        /// How many were asked for.
        asked: u64,
        /// How many there are.
        recorded: u64,
    },
}

impl Execution {
    /// Runs a recorded execution again. `go_on` is asked now and then; if it says false, it ends there.
    ///
    /// # Errors
    /// What keeps it from being run here. That the scenario was edited is no error: [`Execution::fit`] tells.
    pub fn replayed(
        scenario: &Scenario,
        recorded: &Recorded,
        options: &ReplayOptions,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, ReplayError> {
        let profile = profile_of(recorded, options)?;
        let plan = &plan(scenario, profile)?;
        let edited = is_edited(plan, recorded)?;
        if let Some(asked) = options.steps.filter(|steps| *steps > recorded.steps) {
            return Err(ReplayError::NotSoManySteps { asked, recorded: recorded.steps });
        }
        let replay = Again { plan, profile, recorded, options, go_on };
        let steps_max = replay.steps_max(edited);
        let until = replay.until().min(steps_max);
        let (execution, stop) = replay.run(until, steps_max);
        let Some(stop) = stop else {
            let fit = replay.fit(&execution, edited, steps_max);
            return Ok(execution.with_fit(fit));
        };
        let why = lost(plan, stop, execution.steps().len() as u64);
        // Once more, so that it ends, or goes on otherwise, right where it does not fit any more.
        let (until, steps_max) = match options.then {
            Some(_) => (until.min(stop.step), steps_max),
            None => (until, steps_max.min(stop.step)),
        };
        let (execution, _) = replay.run(until.min(steps_max), steps_max);
        let step = stop.step.min(execution.steps().len() as u64);
        let fit = if edited { Fit::Stopped { step, why } } else { Fit::Different { step: Some(step) } };
        Ok(execution.with_fit(fit))
    }

    /// The profile that a recorded execution is run with.
    ///
    /// # Errors
    /// It is none that this version knows, or another one was asked for.
    pub fn profile_of(recorded: &Recorded, options: &ReplayOptions) -> Result<Profile, ReplayError> {
        profile_of(recorded, options)
    }
}

fn profile_of(recorded: &Recorded, options: &ReplayOptions) -> Result<Profile, ReplayError> {
    let profile = profile_bits::from_bits(recorded.profile).ok_or(ReplayError::UnknownSwitch)?;
    match options.profile {
        Some(asked) if profile_bits::to_bits(asked) != recorded.profile => Err(ReplayError::OtherProfile {
            recorded: profile_bits::shown(profile),
            asked: profile_bits::shown(asked),
        }),
        _ => Ok(profile),
    }
}

/// Whether something else is in the scenario than when it was recorded. A name alone may change.
fn is_edited(plan: &Plan, recorded: &Recorded) -> Result<bool, ReplayError> {
    if recorded.model != MODEL_VERSION {
        return Err(ReplayError::OtherModel { recorded: recorded.model, ours: MODEL_VERSION });
    }
    let identity = plan.scenario().identity();
    let (name, content) =
        (identity.name == recorded.scenario.name, identity.content == recorded.scenario.content);
    if !name && !content {
        return Err(ReplayError::OtherScenario { name: plan.scenario().name.clone() });
    }
    Ok(!content)
}

/// A recorded execution that is run again.
#[derive(Clone, Copy)]
struct Again<'a> {
    plan: &'a Plan,
    profile: Profile,
    recorded: &'a Recorded,
    options: &'a ReplayOptions,
    go_on: &'a (dyn Fn() -> bool + Sync),
}

impl Again<'_> {
    /// How many steps are taken as recorded.
    fn until(&self) -> u64 {
        self.options.steps.unwrap_or(self.recorded.steps)
    }

    /// Steps after which it is cut off.
    fn steps_max(&self, edited: bool) -> u64 {
        let ended = self.recorded.end != RecordedEnd::CutOff;
        let goes_on = self.options.then.is_some() || (edited && ended && self.options.steps.is_none());
        let usual = if goes_on { STEPS_MAX.max(self.recorded.steps) } else { self.until() };
        match self.options.steps_max {
            Some(most) if goes_on => most,
            Some(most) => usual.min(most),
            None => usual,
        }
    }

    /// Takes the first `until` steps as recorded. What was not possible among them.
    fn run(&self, until: u64, steps_max: u64) -> (Execution, Option<Deviation>) {
        let steps = &Steps::default();
        let first = match &self.recorded.course {
            Course::Except(deviations) => Made::Follow(Follow::new(deviations, until, steps)),
            Course::RoundRobin => Made::RoundRobin(RoundRobin::default()),
            Course::Random(seed) => Made::Random(Random::new(*seed)),
        };
        let made = match &self.options.then {
            Some(then) => Made::Until(Box::new(Until { first, until, then: then.into(), steps })),
            None => first,
        };
        let limits = Limits { steps_max, go_on: Some(self.go_on) };
        let by = match (&self.recorded.course, &self.options.then) {
            (Course::RoundRobin, None) => Some(Schedule::RoundRobin),
            (Course::Random(seed), None) => Some(Schedule::Random(*seed)),
            _ => None,
        };
        let (execution, made) = Execution::run(self.plan, self.profile, made, by.as_ref(), steps, limits);
        let first = match made {
            Made::Until(until) => until.first,
            made => made,
        };
        let stop = match first {
            Made::Follow(follow) => follow.finish(),
            _ => None,
        };
        (execution, stop)
    }

    /// Of an execution in which everything was possible, of at most so many steps.
    fn fit(&self, execution: &Execution, edited: bool, steps_max: u64) -> Fit {
        let Recorded { end, steps: of, events, .. } = *self.recorded;
        let again = execution.recorded();
        if (again.end, again.steps, again.events) == (end, of, events) {
            return Fit::Identical;
        }
        let wanted = self.until().min(steps_max);
        let is_part = self.options.then.is_some() || wanted < of;
        match (is_part, edited) {
            (true, false) if again.steps < wanted => Fit::Different { step: Some(again.steps) },
            (true, edited) => Fit::Beginning { steps: again.steps.min(wanted), of, edited },
            (false, true) => Fit::Edited,
            (false, false) => Fit::Different { step: None },
        }
    }
}
