//! Finding power: executions and milliseconds to the first confirmation, of each strategy, for every bad scenario of the
//! repository. Reads what `python -m tests.scenarios.bad` writes, and prints Markdown.
//!
//! `cargo bench -p ringfence-bench --bench finding_power -- SCENARIOS [SEEDS [NAME]]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::Instant;

use ringfence::check::{Hunt, Hunter, Options, hunt};
use ringfence_base::scenario::Scenario;
use serde_json::Value;

/// Executions that each strategy may run for one seed.
const EXECUTIONS_MAX: u64 = 1000;
/// Seeds; those strategies that draw nothing run once.
const SEEDS: u64 = 5;

const HUNTERS: [(&str, Hunter); 3] =
    [("random", Hunter::Random), ("PCT(3)", Hunter::Pct { depth: 3 }), ("directed", Hunter::Directed)];

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
}

impl Outcome {
    fn of(bad: &Bad, hunter: Hunter, seeds: u64) -> Self {
        let mut outcome = Self { runs: Vec::new(), hangs: false };
        let Options { profile, steps_max, .. } = Options::default();
        for seed in 0..seeds {
            let wanted = Hunt {
                profile,
                rule: &bad.rule,
                // Far apart: a strategy counts up from there.
                seed: seed << 32,
                executions_max: EXECUTIONS_MAX,
                steps_max,
            };
            let start = Instant::now();
            let first = hunt(&bad.scenario, hunter, &wanted).expect("a valid scenario");
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

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let path = arguments.next().expect("a file of scenarios; see tests/scenarios/bad.py");
    let seeds = arguments.next().map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds"));
    let only = arguments.next().unwrap_or_default();
    let bad = read(&path).into_iter().filter(|bad| bad.name.contains(&only));
    println!("| scenario | rule | hangs | {} |", HUNTERS.map(|(name, _)| name).join(" | "));
    println!("|---|---|---|{}", "---:|".repeat(HUNTERS.len()));
    let mut rows = Vec::new();
    for bad in bad {
        let outcomes = HUNTERS.map(|(_, hunter)| Outcome::of(&bad, hunter, seeds));
        let hangs = outcomes.iter().any(|outcome| outcome.hangs);
        let cells: Vec<String> = outcomes.iter().map(Outcome::shown).collect();
        let yes = if hangs { "yes" } else { "" };
        println!("| {} | {} | {yes} | {} |", bad.name, bad.rule, cells.join(" | "));
        rows.push((hangs, outcomes));
    }
    println!();
    for (index, (name, _)) in HUNTERS.iter().enumerate() {
        let line = |what: &str, rows: Vec<&(bool, [Outcome; 3])>| {
            let confirmed = rows.iter().filter(|(_, outcomes)| outcomes[index].confirms()).count();
            let percent = 100.0 * confirmed as f64 / rows.len().max(1) as f64;
            let total = rows.len();
            println!(
                "{name} confirms {confirmed} of {total} ({percent:.0} %) {what} within {EXECUTIONS_MAX} executions"
            );
        };
        line("that can hang", rows.iter().filter(|(hangs, _)| *hangs).collect());
        line("in all", rows.iter().collect());
    }
}
