//! Large graphs: what a new dependency costs as the graph grows, in time and memory.
//!
//! Every figure comes from a process of its own, which builds one graph and says how long it took and how much
//! memory it needed. Memory is read from `/proc/self/status`, so on Linux only; elsewhere it is shown as 0.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_types, reason = "a benchmark needs a clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::env;
use std::fs;
use std::process::Command;
use std::time::Instant;

use ringfence_bench::breadth_first::BreadthFirst;
use ringfence_bench::locks::Bench;
use ringfence_bench::patterns::Pattern;
use ringfence_bench::table::{Table, at_most, median};
use ringfence_lockdep::Search;

const SIZES: [usize; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const ROUNDS: usize = 3;
/// Seconds and megabytes for the largest graph.
const SECONDS: f64 = 5.0;
const MEGABYTES: f64 = 700.0;
/// The full search is not tried where it would take longer than this, in seconds.
const PATIENCE: f64 = 10.0;

/// Who builds the graph.
const RINGFENCE: &str = "ringfence";
const BREADTH_FIRST: &str = "breadth-first";
const CHILD: &str = "--child";

/// What one process measured.
#[derive(Clone, Copy)]
struct Figures {
    dependencies: f64,
    /// Nanoseconds: the whole build, and its last tenth.
    total: f64,
    last_tenth: f64,
    /// Bytes: before the build, and at most.
    before: f64,
    peak: f64,
    /// Edges looked at.
    looked_at: f64,
}

impl Figures {
    fn to_line(self) -> String {
        let Self { dependencies, total, last_tenth, before, peak, looked_at } = self;
        format!("{dependencies} {total} {last_tenth} {before} {peak} {looked_at}")
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(str::parse::<f64>).map_while(Result::ok);
        let mut next = || numbers.next();
        Some(Self {
            dependencies: next()?,
            total: next()?,
            last_tenth: next()?,
            before: next()?,
            peak: next()?,
            looked_at: next()?,
        })
    }
}

/// A field of `/proc/self/status`, in bytes.
fn memory(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}

/// Builds one graph in this process.
fn build(engine: &str, pattern: Pattern, classes: usize) -> Figures {
    let dependencies = pattern.dependencies(classes);
    // Forget the peak of making the input.
    drop(fs::write("/proc/self/clear_refs", "5"));
    let before = memory("VmRSS");
    let (most, last) = dependencies.split_at(dependencies.len() / 10 * 9);
    let start = Instant::now();
    let (split, looked_at);
    if engine == RINGFENCE {
        let mut bench = Bench::new(Search::Exact, classes);
        for dependency in most {
            bench.depend(*dependency);
        }
        split = start.elapsed();
        for dependency in last {
            bench.depend(*dependency);
        }
        let statistics = bench.validator.statistics();
        assert_eq!((statistics.dependencies, bench.validator.problem_count()), (dependencies.len(), 0));
        looked_at = statistics.order_steps as f64;
    } else {
        let mut graph = BreadthFirst::new(classes);
        for dependency in most {
            graph.depend(*dependency);
        }
        split = start.elapsed();
        for dependency in last {
            graph.depend(*dependency);
        }
        assert_eq!(graph.circles, 0);
        looked_at = graph.visited as f64;
    }
    let total = start.elapsed();
    Figures {
        dependencies: dependencies.len() as f64,
        total: total.as_nanos() as f64,
        last_tenth: total.saturating_sub(split).as_nanos() as f64,
        before,
        peak: memory("VmHWM"),
        looked_at,
    }
}

/// Builds one graph in several processes, one after the other: the medians.
fn measure(engine: &str, pattern: Pattern, classes: usize, rounds: usize) -> Figures {
    let program = env::current_exe().expect("a program knows its own file");
    let run = |_| {
        let mut command = Command::new(&program);
        let output = command.args([CHILD, engine, pattern.name(), &classes.to_string()]).output();
        let output = output.expect("a benchmark can start itself");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Figures::from_line(&String::from_utf8_lossy(&output.stdout)).expect("a line of figures")
    };
    let figures: Vec<Figures> = (0..rounds).map(run).collect();
    let middle = |field: fn(&Figures) -> f64| median(figures.iter().map(field).collect());
    Figures {
        total: middle(|figures| figures.total),
        last_tenth: middle(|figures| figures.last_tenth),
        before: middle(|figures| figures.before),
        peak: middle(|figures| figures.peak),
        ..figures[0]
    }
}

/// The growth curve of one pattern.
fn curve(pattern: Pattern) {
    let head = [
        "classes",
        "dependencies",
        "seconds",
        "ns/dep.",
        "ns/dep., last tenth",
        "edges looked at/dep.",
        "bytes/dep.",
        "peak MB",
        "breadth-first: ns/dep.",
        "classes visited/dep.",
    ];
    let mut table = Table::new(&format!("Growth, pattern {}, exact search", pattern.name()), &head);
    let mut full_search_ends = true;
    let mut required = String::new();
    for classes in SIZES {
        let figures = measure(RINGFENCE, pattern, classes, ROUNDS);
        let count = figures.dependencies;
        let mut row = vec![
            classes.to_string(),
            format!("{count}"),
            format!("{:.3}", figures.total / 1e9),
            format!("{:.0}", figures.total / count),
            format!("{:.0}", figures.last_tenth / (count / 10.0)),
            format!("{:.2}", figures.looked_at / count),
            format!("{:.0}", (figures.peak - figures.before) / count),
            format!("{:.0}", figures.peak / 1e6),
        ];
        if full_search_ends {
            let full = measure(BREADTH_FIRST, pattern, classes, 1);
            row.extend([format!("{:.0}", full.total / count), format!("{:.1}", full.looked_at / count)]);
            // Three times the classes, and at worst three times the cost of each.
            full_search_ends = full.total / 1e9 * 9.0 < PATIENCE;
        } else {
            row.extend([String::from("too long"), String::new()]);
        }
        table.row(row);
        let (seconds, megabytes) = (figures.total / 1e9, figures.peak / 1e6);
        required = format!(
            "{classes} classes: {seconds:.2} s ({}), {megabytes:.0} MB ({})",
            at_most(seconds, SECONDS, "s"),
            at_most(megabytes, MEGABYTES, "MB")
        );
    }
    println!("{table}\n{required}");
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [flag, engine, pattern, classes] = &arguments[..]
        && flag == CHILD
    {
        let pattern = Pattern::named(pattern).expect("a known pattern");
        let figures = build(engine, pattern, classes.parse().expect("a number of classes"));
        return println!("{}", figures.to_line());
    }
    // How busy the machine is with other things: large graphs live in its shared caches.
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average before: {}", load.trim());
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for pattern in Pattern::ALL {
        let name = format!("scale/{}", pattern.name());
        if filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())) {
            curve(pattern);
        }
    }
}
