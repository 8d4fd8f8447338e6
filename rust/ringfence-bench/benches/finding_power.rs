//! Finding power: executions and milliseconds to the first confirmation, of each strategy, for every bad scenario of
//! the repository. Reads what `python -m tests.scenarios.bad` writes, and prints Markdown.
//!
//! `cargo bench -p ringfence-bench --bench finding_power -- SCENARIOS [SEEDS [NAME]]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::Instant;

use ringfence::check::{Hunt, Hunter, Options, Quarry, hunt};
use ringfence_base::scenario::Scenario;
use serde_json::Value;

/// Executions that each strategy may run for one seed.
const EXECUTIONS_MAX: u64 = 1000;
/// Seeds; those strategies that draw nothing run once.
const SEEDS: u64 = 5;

const HUNTERS: [(&str, Hunter); 4] = [
    ("random", Hunter::Random),
    ("PCT(3)", Hunter::Pct { depth: 3 }),
    ("DPOR", Hunter::Dpor),
    ("directed", Hunter::Directed),
];
const DPOR: usize = 2;
const DIRECTED: usize = 3;

/// A scenario, and the rule that it breaks.
struct Bad {
    name: String,
    rule: String,
    scenario: Scenario,
}

/// What one strategy has shown for one scenario.
struct Outcome {
    /// Per seed: executions and milliseconds, if it was confirmed.
    runs: Vec<Option<(u64, f64)>>,
    hangs: bool,
    /// Everything was seen.
    complete: bool,
    /// Of the confirmations: executions towards the goal that led there.
    towards: Vec<u64>,
}

impl Outcome {
    fn of(bad: &Bad, hunter: Hunter, seeds: u64) -> Self {
        let mut outcome = Self { runs: Vec::new(), hangs: false, complete: false, towards: Vec::new() };
        let Options { profile, steps_max, .. } = Options::default();
        let seeds = if hunter == Hunter::Dpor { 1 } else { seeds };
        for seed in 0..seeds {
            let wanted = Hunt {
                profile,
                quarry: Quarry::Rule(&bad.rule),
                // Far apart: a strategy counts up from there.
                seed: seed << 32,
                executions_max: EXECUTIONS_MAX,
                steps_max,
            };
            let start = Instant::now();
            let hunted = hunt(&bad.scenario, hunter, &wanted).expect("a valid scenario");
            let first = hunted.first;
            outcome.complete |= hunted.complete;
            outcome.towards.extend(first.as_ref().and_then(|first| first.towards));
            let milliseconds = start.elapsed().as_secs_f64() * 1e3;
            outcome.hangs |= first.as_ref().is_some_and(|first| first.hangs);
            outcome.runs.push(first.map(|first| (first.execution, milliseconds)));
        }
        outcome
    }

    /// For every seed.
    fn confirms(&self) -> bool {
        self.runs.iter().all(Option::is_some)
    }

    /// Medians of executions and milliseconds; none if most seeds do not confirm.
    fn median(&self) -> Option<(u64, f64)> {
        let mut runs = self.runs.clone();
        runs.sort_by_key(|run| run.map_or(u64::MAX, |(executions, _)| executions));
        let mut times: Vec<f64> = runs.iter().flatten().map(|run| run.1).collect();
        times.sort_by(f64::total_cmp);
        let (executions, _) = runs[runs.len() / 2]?;
        Some((executions, times[times.len() / 2]))
    }

    fn shown(&self) -> String {
        let confirmed = self.runs.iter().flatten().count();
        let share =
            if self.confirms() { String::new() } else { format!(" ({confirmed}/{})", self.runs.len()) };
        match self.median() {
            Some((executions, milliseconds)) => format!("{executions} / {milliseconds:.1}{share}"),
            None => format!("—{share}"),
        }
    }
}

fn read(path: &str) -> Vec<Bad> {
    let text = std::fs::read_to_string(path).expect("the file that tests.scenarios.bad has written");
    let bad = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON lines");
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        let scenario = Scenario::from_json(&line["scenario"].to_string()).expect("a valid scenario");
        Bad { name: text("name"), rule: text("rule"), scenario }
    };
    text.lines().map(bad).collect()
}

/// One scenario under all strategies.
struct Row {
    bad: Bad,
    outcomes: [Outcome; HUNTERS.len()],
}

impl Row {
    fn of(bad: Bad, seeds: u64) -> Self {
        let outcomes = HUNTERS.map(|(_, hunter)| Outcome::of(&bad, hunter, seeds));
        Self { bad, outcomes }
    }

    /// Some strategy has shown a hang.
    fn hangs(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.hangs)
    }

    /// Nobody confirms it, and there is nothing else to see.
    fn refuted(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.runs.iter().all(Option::is_none))
            && self.outcomes[DPOR].complete
    }

    fn shown(&self) -> String {
        let what = match (self.hangs(), self.refuted()) {
            (true, _) => "hangs",
            (_, true) => "refuted",
            _ => "",
        };
        let cells: Vec<String> = self.outcomes.iter().map(Outcome::shown).collect();
        let mut towards = self.outcomes[DIRECTED].towards.clone();
        towards.sort_unstable();
        let towards = towards.get(towards.len() / 2).map_or_else(String::new, u64::to_string);
        let Bad { name, rule, .. } = &self.bad;
        format!("| {name} | {rule} | {what} | {} | {towards} |", cells.join(" | "))
    }
}

fn summary(what: &str, rows: &[&Row]) {
    for (index, (name, _)) in HUNTERS.iter().enumerate() {
        let confirmed = rows.iter().filter(|row| row.outcomes[index].confirms()).count();
        let percent = 100.0 * confirmed as f64 / rows.len().max(1) as f64;
        let total = rows.len();
        println!(
            "* {name} confirms {confirmed} of {total} {what} ({percent:.0} %) within {EXECUTIONS_MAX} executions."
        );
    }
    println!();
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    // `make bench` runs all benchmarks, without arguments.
    let Some(path) = arguments.next() else {
        println!("finding power: no file of scenarios was named; docs/FINDING_POWER.md says how one is made");
        return;
    };
    let seeds = arguments.next().map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds"));
    let only = arguments.next().unwrap_or_default();
    let names = HUNTERS.map(|(name, _)| name).join(" | ");
    println!("| scenario | rule | | {names} | towards |");
    println!("|---|---|---|{}---:|", "---:|".repeat(HUNTERS.len()));
    let mut rows = Vec::new();
    for bad in read(&path).into_iter().filter(|bad| bad.name.contains(&only)) {
        let row = Row::of(bad, seeds);
        println!("{}", row.shown());
        rows.push(row);
    }
    println!();
    summary("that can hang", &rows.iter().filter(|row| row.hangs()).collect::<Vec<_>>());
    summary("in all", &rows.iter().collect::<Vec<_>>());
}
