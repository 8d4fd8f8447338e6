//! How an execution compares with the one that was recorded.

use core::fmt;

use ringfence_base::{Action, ChoiceKind, Deviation, Taken};
use ringfence_model::Plan;

use super::describe::Describe;

/// How an execution compares with the one that was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fit {
    /// The same steps, events and end.
    Identical,
    /// So many of its steps, as was asked for.
    Beginning {
        /// How many.
        steps: u64,
        /// Of how many.
        of: u64,
        /// The scenario was edited: those are the recorded choices, which can come to something else.
        edited: bool,
    },
    /// The scenario was edited. What was chosen is still possible, and now comes to something else.
    Edited,
    /// The scenario was edited. At a step something was chosen that is not possible any more.
    Stopped {
        /// The number of the step: so many fit.
        step: u64,
        /// What was to happen.
        why: String,
    },
    /// The scenario is the same, and what happens is not: a bug of ringfence.
    Different {
        /// The first step that is known to be another, if one is.
        step: Option<u64>,
    },
}

impl Fit {
    /// Everything that was chosen was possible.
    pub fn fits(&self) -> bool {
        !matches!(self, Self::Stopped { .. } | Self::Different { .. })
    }

    /// The first step that could not be taken as recorded.
    pub fn stopped_at(&self) -> Option<u64> {
        match self {
            Self::Stopped { step, .. } => Some(*step),
            Self::Different { step } => *step,
            Self::Identical | Self::Beginning { .. } | Self::Edited => None,
        }
    }
}

impl fmt::Display for Fit {
    /// One sentence, without a capital or a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identical => f.write_str("replayed: the same steps and events as recorded"),
            Self::Beginning { steps, of, edited } => {
                let edited = if *edited { "; the scenario was edited since" } else { "" };
                write!(f, "replayed: the first {steps} of {of} recorded steps{edited}")
            }
            Self::Edited => f.write_str(
                "the scenario was edited since this was recorded; all that was chosen is still possible, and this is \
                 what happens now",
            ),
            Self::Stopped { step, why } => write!(
                f,
                "the scenario was edited since this was recorded; the recording fits up to step {step}: there {why}"
            ),
            Self::Different { .. } => f.write_str(
                "the scenario is the recorded one, but other things happen: that is a bug of ringfence; please report \
                 it, with the scenario",
            ),
        }
    }
}

/// What was to happen and did not, in an execution of so many steps.
pub(super) fn lost(plan: &Plan, Deviation { step, taken }: Deviation, steps: u64) -> String {
    let Some(what) = wanted(plan, taken) else {
        return "something was to go on, or to arrive, that there is not any more".to_owned();
    };
    match step < steps {
        true => format!("{what}, which is not possible"),
        false => format!("{what}, but it is over by then"),
    }
}

/// What was to happen; None if it is about something that there is not.
fn wanted(plan: &Plan, taken: Taken) -> Option<String> {
    let context = |task: u32| {
        let is_there = (task as usize) < plan.contexts().len();
        is_there.then(|| Describe { plan }.context(task))
    };
    Some(match taken {
        Taken::Action(Action::Run(task)) => format!("{} was to go on", context(task)?),
        Taken::Action(Action::Interrupt { source, host }) => {
            plan.sources().get(source as usize)?;
            format!("{} was to arrive on {}", plan.source_name(source), context(host)?)
        }
        Taken::Action(Action::Expire) => "time was to move on".to_owned(),
        Taken::Decision { kind, choice, .. } => format!("{} was to come out as {choice}", decision(kind)),
    })
}

/// What is decided, in words.
fn decision(kind: ChoiceKind) -> &'static str {
    match kind {
        ChoiceKind::Allocation => "an allocation",
        ChoiceKind::Trylock => "a trylock",
        ChoiceKind::Interrupted => "an interruptible wait",
        ChoiceKind::DeadlockInjection => "the injection of -EDEADLK",
        ChoiceKind::WorkerCreation => "the creation of a worker",
        ChoiceKind::PageFault => "an access to user memory",
        ChoiceKind::ForeignFence => "the choice of a foreign driver's fence",
        ChoiceKind::Named => "a choice of the scenario's",
        ChoiceKind::Reclaim => "the reclaim of user memory",
        ChoiceKind::GpuHang => "the end of a GPU's work",
        ChoiceKind::GpuIrq => "the interrupt of a GPU",
        ChoiceKind::GpuReset => "the reset of a GPU",
        ChoiceKind::GpuRing => "the choice of an engine's ring",
    }
}
