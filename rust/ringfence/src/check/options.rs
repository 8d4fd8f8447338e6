//! How a scenario is checked.

use core::fmt;
use core::str::FromStr;

use ringfence_lockdep::annotations::Profile;
use thiserror::Error;

/// What makes the choices of a check's executions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    /// Everything: predict, then prove.
    #[default]
    Proof,
    /// Random walks alone.
    Random,
    /// Random priorities with so many minus one points of change.
    Pct {
        /// The depth of a bug that it is sure to find in the end.
        depth: u32,
    },
    /// One execution of each class of equivalent ones.
    Dpor,
    /// Towards what was predicted.
    Directed,
}

/// A text that names no method.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{0}` is no strategy; expected proof, random, pct, pct:DEPTH (1 to 64), dpor or directed")]
pub struct NoMethod(String);

/// Depth of PCT where none is given: few bugs need more.
const DEPTH: u32 = 3;
/// More points of change than this are a random walk.
const DEPTH_MAX: u32 = 64;

impl FromStr for Method {
    type Err = NoMethod;

    fn from_str(text: &str) -> Result<Self, NoMethod> {
        let depth = |text: &str| text.parse().ok().filter(|depth| (1..=DEPTH_MAX).contains(depth));
        match (text, text.strip_prefix("pct:").and_then(depth)) {
            ("proof", _) => Ok(Self::Proof),
            ("random", _) => Ok(Self::Random),
            ("pct", _) => Ok(Self::Pct { depth: DEPTH }),
            ("dpor", _) => Ok(Self::Dpor),
            ("directed", _) => Ok(Self::Directed),
            (_, Some(depth)) => Ok(Self::Pct { depth }),
            _ => Err(NoMethod(text.chars().take(60).collect())),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proof => f.write_str("proof"),
            Self::Random => f.write_str("random"),
            Self::Pct { depth } => write!(f, "pct:{depth}"),
            Self::Dpor => f.write_str("dpor"),
            Self::Directed => f.write_str("directed"),
        }
    }
}

/// How a scenario is checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Which kernel.
    pub profile: Profile,
    /// What makes the choices.
    pub method: Method,
    /// At most so many executions of each search.
    pub executions: u64,
    /// The first seed.
    pub seed: u64,
    /// At most so many steps per execution.
    pub steps_max: u64,
    /// Threads; 0 for one per core. The outcome does not depend on it.
    pub jobs: usize,
    /// Bytes that a search may keep, about, besides what runs. One that would need more ends, as if it had run all its
    /// executions.
    pub memory_max: u64,
    /// Whether witnesses are made as small as they can be.
    pub minimise: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            method: Method::default(),
            executions: 4000,
            seed: 0,
            steps_max: 100_000,
            jobs: 0,
            memory_max: 1 << 30,
            minimise: true,
        }
    }
}
