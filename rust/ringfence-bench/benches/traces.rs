//! Recorded traces: reading them, running them, and the whole command.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark needs a clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::Criterion;
use ringfence_bench::corpus::{self, RANDOM_READ};
use ringfence_bench::estimates::Estimates;
use ringfence_bench::table::{Table, at_most, median};
use ringfence_lockdep::annotations::Profile;
use ringfence_lockdep::trace::{Replay, Trace, parse};
use ringfence_lockdep::{AfterReport, Search};

const GROUP: &str = "traces";
/// Seconds for all traces of the recording: the validator alone, and the command.
const RUN_LIMIT: f64 = 0.4;
const COMMAND_LIMIT: f64 = 2.0;
const COMMAND_RUNS: usize = 9;
const SEARCHES: [(&str, Search); 2] = [("run-kernel", Search::Kernel), ("run-exact", Search::Exact)];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/criterion-traces"))
}

fn run_all(traces: &[Trace], search: Search) -> usize {
    let profile = Profile::named("6.12").expect("a known profile");
    let mut replay = Replay::new(profile, search, AfterReport::Stop);
    let verdicts = traces.iter().map(|trace| replay.run(trace).expect("a recorded trace is well-formed"));
    verdicts.flatten().count()
}

fn measure(criterion: &mut Criterion, text: &[u8], traces: &[Trace]) {
    let mut group = criterion.benchmark_group(GROUP);
    group.bench_function("parse", |b| {
        b.iter(|| corpus::lines(text).filter(|line| black_box(parse(line)).is_ok()).count());
    });
    for (name, search) in SEARCHES {
        group.bench_function(name, |b| b.iter(|| run_all(traces, search)));
    }
    group.bench_function("parse-and-run-kernel", |b| {
        b.iter(|| run_all(&corpus::traces(text), Search::Kernel));
    });
    group.finish();
}

/// Median time of the installed command on the packed recording, if it is installed.
fn command() -> Option<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join(".venv/bin/ringfence");
    program.exists().then(|| {
        let run = || {
            let start = Instant::now();
            let mut command = Command::new(&program);
            command.args(["lockdep", "--check"]).arg(root.join(RANDOM_READ));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.status().expect("the command can be started");
            start.elapsed().as_secs_f64()
        };
        median((0..COMMAND_RUNS).map(|_| run()).collect())
    })
}

fn summarise(estimates: &Estimates, text: &[u8], traces: &[Trace], command: Option<f64>) {
    let operations: usize = traces.iter().map(|trace| trace.ops.len()).sum();
    let title = format!(
        "{RANDOM_READ}: {} traces, {operations} operations, {} bytes; medians, one core",
        traces.len(),
        text.len()
    );
    let mut table = Table::new(&title, &["what", "seconds", "rate", "required"]);
    let seconds = |name: &str| estimates.median(GROUP, name).map(|nanos| nanos / 1e9);
    if let Some(seconds) = seconds("parse") {
        let rate = format!("{:.0} MB/s", text.len() as f64 / 1e6 / seconds);
        table.row(vec!["parse".into(), format!("{seconds:.3}"), rate, String::new()]);
    }
    for (name, _) in SEARCHES {
        if let Some(seconds) = seconds(name) {
            let rate = format!("{:.1} M ops/s", operations as f64 / 1e6 / seconds);
            let required =
                if name == "run-kernel" { at_most(seconds, RUN_LIMIT, "s") } else { String::new() };
            table.row(vec![name.into(), format!("{seconds:.3}"), rate, required]);
        }
    }
    if let Some(seconds) = seconds("parse-and-run-kernel") {
        let required = at_most(seconds, COMMAND_LIMIT, "s");
        table.row(vec!["parse + run-kernel".into(), format!("{seconds:.3}"), String::new(), required]);
    }
    if let Some(seconds) = command {
        let required = at_most(seconds, COMMAND_LIMIT, "s");
        table.row(vec!["ringfence lockdep --check".into(), format!("{seconds:.3}"), String::new(), required]);
    }
    if !table.is_empty() {
        println!("{table}");
    }
}

fn main() {
    let estimates = Estimates::fresh(folder());
    let Some(text) = corpus::text(RANDOM_READ) else {
        return println!("\n## Traces: {RANDOM_READ} is not there, nothing measured");
    };
    let traces = corpus::traces(&text);
    let mut criterion = Criterion::default()
        .output_directory(folder())
        .without_plots()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    measure(&mut criterion, &text, &traces);
    let filter: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wants_command = filter.is_empty() || filter.iter().any(|filter| "command".contains(filter.as_str()));
    let command = if wants_command { command() } else { None };
    summarise(&estimates, &text, &traces, command);
}
