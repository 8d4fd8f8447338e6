//! Short runs of several programs in turn, so that a slow moment of the machine hits all of them alike.

#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::time::Instant;

use crate::table::median;

/// Rounds of a race.
const ROUNDS: usize = 1000;
/// Runs of one contestant in a round: long against the clock, short against the machine's moods.
const RUNS: u32 = 1000;

/// A program that takes part.
pub struct Contestant<'a> {
    run: Box<dyn FnMut() + 'a>,
    nanos: Vec<f64>,
}

impl<'a> Contestant<'a> {
    /// Takes part with this program.
    pub fn new(run: impl FnMut() + 'a) -> Self {
        Self { run: Box::new(run), nanos: Vec::with_capacity(ROUNDS) }
    }

    /// Median nanoseconds of one run.
    pub fn median(&self) -> f64 {
        median(self.nanos.clone())
    }
}

/// Lets all run in turn, round after round.
pub fn race(contestants: &mut [Contestant<'_>]) {
    for round in 0..=ROUNDS {
        for contestant in &mut *contestants {
            let start = Instant::now();
            (0..RUNS).for_each(|_| (contestant.run)());
            // The first round only warms up.
            if round > 0 {
                contestant.nanos.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(RUNS));
            }
        }
    }
}
