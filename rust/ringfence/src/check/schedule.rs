//! A schedule as text.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// What makes the choices of one execution.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Schedule {
    /// Each context as long as it can run.
    #[default]
    RunToCompletion,
    /// One step of each in turn.
    RoundRobin,
    /// Every choice at random, from this seed.
    Random(u64),
    /// These choices; behind their end, run to completion.
    Choices(Vec<u32>),
}

/// A text that is no schedule.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error(
    "`{0}` is no schedule; expected choices such as 0,1,0, run-to-completion, round-robin or random:SEED"
)]
pub struct NoSchedule(String);

impl FromStr for Schedule {
    type Err = NoSchedule;

    fn from_str(text: &str) -> Result<Self, NoSchedule> {
        let no_schedule = || NoSchedule(text.chars().take(60).collect());
        match text.trim() {
            "" => Ok(Self::Choices(Vec::new())),
            "run-to-completion" => Ok(Self::RunToCompletion),
            "round-robin" => Ok(Self::RoundRobin),
            other => match other.strip_prefix("random:") {
                Some(seed) => seed.parse().map(Self::Random).map_err(|_| no_schedule()),
                None => {
                    let choices = other.split(',').map(|choice| choice.trim().parse());
                    choices.collect::<Result<_, _>>().map(Self::Choices).map_err(|_| no_schedule())
                }
            },
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunToCompletion => f.write_str("run-to-completion"),
            Self::RoundRobin => f.write_str("round-robin"),
            Self::Random(seed) => write!(f, "random:{seed}"),
            Self::Choices(choices) => {
                for (number, choice) in choices.iter().enumerate() {
                    let comma = if number == 0 { "" } else { "," };
                    write!(f, "{comma}{choice}")?;
                }
                Ok(())
            }
        }
    }
}
