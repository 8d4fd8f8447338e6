//! Contestants that run in turn, so that what disturbs one disturbs all.
#![expect(clippy::disallowed_types, reason = "a contest reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::Instant;

use ringfence_bench::table::median;
use rustix::time::{ClockId, clock_gettime};

/// How much was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// Executions, or different states.
    pub units: u64,
    /// Steps, or states made.
    pub steps: u64,
}

impl Work {
    /// Nobody counts the steps.
    pub const fn of(units: u64) -> Self {
        Self { units, steps: 0 }
    }
}

/// What a second is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// One of processor time, of all threads together: neighbours on the machine count little.
    #[default]
    Processor,
    /// One on the wall.
    Wall,
}

impl Clock {
    /// How long it takes.
    pub fn seconds<T>(self, run: impl FnOnce() -> T) -> (f64, T) {
        let processor = || {
            let time = clock_gettime(ClockId::ProcessCPUTime);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        match self {
            Self::Processor => {
                let start = processor();
                let result = run();
                (processor() - start, result)
            }
            Self::Wall => {
                let start = Instant::now();
                let result = run();
                (start.elapsed().as_secs_f64(), result)
            }
        }
    }
}

struct Contestant<'a> {
    name: String,
    run: Box<dyn FnMut(u64) -> Work + 'a>,
    units: Vec<f64>,
    steps: Vec<f64>,
}

/// Median of what a contestant did in a second.
#[derive(Clone, PartialEq, Debug)]
pub struct Rate {
    /// Its name.
    pub name: String,
    /// Executions, or different states.
    pub units: f64,
    /// Steps, or states made; 0 if nobody counts them.
    pub steps: f64,
}

/// A contest.
#[derive(Default)]
pub struct Contest<'a> {
    clock: Clock,
    contestants: Vec<Contestant<'a>>,
}

impl<'a> Contest<'a> {
    /// By this clock.
    pub fn by(clock: Clock) -> Self {
        Self { clock, contestants: Vec::new() }
    }

    /// One more contestant; it is told the number of the round.
    pub fn add(&mut self, name: &str, run: impl FnMut(u64) -> Work + 'a) {
        let name = name.to_owned();
        self.contestants.push(Contestant { name, run: Box::new(run), units: Vec::new(), steps: Vec::new() });
    }

    /// So many rounds, and one before them that does not count. The rates are in the order of the contestants.
    pub fn rates(mut self, rounds: u64) -> Vec<Rate> {
        for round in 0..=rounds {
            for contestant in &mut self.contestants {
                let (seconds, work) = self.clock.seconds(|| (contestant.run)(round));
                if round != 0 {
                    contestant.units.push(work.units as f64 / seconds);
                    contestant.steps.push(work.steps as f64 / seconds);
                }
            }
        }
        let rate =
            |Contestant { name, units, steps, .. }| Rate { name, units: median(units), steps: median(steps) };
        self.contestants.into_iter().map(rate).collect()
    }
}
