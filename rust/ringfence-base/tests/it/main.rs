//! Scenarios: their JSON form, what is refused, how they print, and random ones.

mod assignment;
mod facts;
mod hostile;
mod mutations;
mod pseudo_code;
mod random;
mod refusals;
mod replay_string;
mod round_trip;

/// A driver with a submission path, a reset, an irq handler and a shrinker, as a person would write it.
const SUBMIT: &str = include_str!("../data/submit.json");
