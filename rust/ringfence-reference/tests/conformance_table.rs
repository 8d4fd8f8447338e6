//! What `exact` finds in the recordings and Linux did not, each confirmed by the reference.
//!
//! The answers to all recordings are compared with the reference; those that differ from the kernel's are the
//! table in `docs/EXACT_FINDINGS.md`. A table that does not fit is not overwritten: the new one is put beside
//! it, as `EXACT_FINDINGS.md.new`, to be looked at and then moved over it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use lzma_rust2::XzReader;
use ringfence_diag::Silence;
use ringfence_lockdep::annotations::Profile;
use ringfence_lockdep::trace::{Expected, ExpectedKind, Replay, Trace, parse};
use ringfence_lockdep::{AfterReport, Search, Verdict};

/// File, heading, and the kernel it was recorded on.
const RECORDINGS: [(&str, &str, Profile); 4] = [
    ("random-read", "Linux 6.12", Profile::V6_12),
    ("random-read-trylock", "Signalling annotated as a read trylock", Profile::NEXT),
    (
        "random-no-mmu-notifier",
        "Without `CONFIG_MMU_NOTIFIER`",
        Profile { mmu_notifier: false, ..Profile::V6_12 },
    ),
    ("selftests", "The kernel's own self-tests", Profile::V6_12),
];

const ABOUT: &str = "\
# What the exact search finds and Linux did not

Every recording in `conformance/` was given to `exact`. These are all those where it does not answer what Linux
6.12 answered, each confirmed by a second implementation that only enumerates walks (`ringfence-reference`).
Operations are counted from 0; a cycle is given by its length without the dependency that closes it.

Made by `cargo test -p ringfence-reference --test conformance_table`.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn recording(name: &str) -> impl Iterator<Item = Trace> {
    let path = root().join(format!("conformance/{name}.jsonl.xz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = BufReader::new(XzReader::new(BufReader::new(file), true)).lines();
    lines.map(|line| {
        parse(line.expect("the recording is whole").as_bytes()).expect("the recording is well-formed")
    })
}

/// What lockdep reported on the recording.
fn recorded(trace: &Trace) -> Option<Verdict> {
    match trace.expected {
        Some(Expected::Report { at, kind: ExpectedKind::Lockdep(kind), cycle }) => {
            Some(Verdict { at, kind, cycle })
        }
        _ => None,
    }
}

fn text(verdict: Option<Verdict>) -> String {
    match verdict {
        None => "nothing".into(),
        Some(Verdict { at, kind, cycle: Some(cycle) }) => format!("{kind} at {at}, cycle {cycle}"),
        Some(Verdict { at, kind, cycle: None }) => format!("{kind} at {at}"),
    }
}

struct Row {
    trace: String,
    kernel: Option<Verdict>,
    exact: Option<Verdict>,
    silence: Option<Silence>,
}

impl Row {
    /// What the kernel did with the problem that `exact` reports.
    fn category(&self) -> &'static str {
        match (self.kernel, self.exact) {
            (None, _) => "never reported by Linux",
            (Some(kernel), Some(exact)) if kernel.at > exact.at => "reported later by Linux",
            (Some(kernel), Some(exact)) if kernel.at == exact.at && kernel.kind != exact.kind => {
                "reported as another kind by Linux"
            }
            (Some(kernel), Some(exact)) if kernel.at == exact.at => "reported with a longer circle by Linux",
            _ => "reported by Linux only, or earlier",
        }
    }

    fn line(&self) -> String {
        let (kernel, exact) = (text(self.kernel), text(self.exact));
        let silence = self.silence.map_or("–".into(), |silence| silence.to_string());
        format!("| {} | {kernel} | {exact} | {silence} | yes |", self.trace)
    }
}

/// The row of a trace where the answers differ.
///
/// # Panics
/// If the reference does not confirm the answer of `exact`, whatever the kernel's is.
fn row(replay: &mut Replay, trace: Trace, profile: Profile) -> Option<Row> {
    let exact = replay.run(&trace).expect("the recording is well-formed");
    let reference = ringfence_reference::verdict(&trace, profile);
    let answer = |verdict: Verdict| (verdict.at, verdict.kind);
    assert_eq!(exact.map(answer), reference.map(answer), "{}: exact, reference", trace.id);
    assert!(
        exact.and_then(|exact| exact.cycle) >= reference.and_then(|it| it.cycle),
        "{}: too short",
        trace.id
    );
    let kernel = recorded(&trace);
    (exact != kernel).then(|| {
        let silence = replay.findings().first().and_then(|finding| finding.silence);
        Row { trace: trace.id, kernel, exact, silence }
    })
}

fn table() -> String {
    let mut text = String::from(ABOUT);
    for (name, heading, profile) in RECORDINGS {
        let mut replay = Replay::new(profile, Search::Exact, AfterReport::Stop);
        let mut count = 0_u32;
        let counted = recording(name).inspect(|_| count += 1);
        let rows: Vec<Row> = counted.filter_map(|trace| row(&mut replay, trace, profile)).collect();
        write!(text, "\n## {heading} (`{name}`)\n\n{} of {count} traces differ.\n", rows.len()).unwrap();
        let mut categories: BTreeMap<_, u32> = BTreeMap::new();
        for row in &rows {
            *categories.entry(row.category()).or_default() += 1;
        }
        if rows.is_empty() {
            continue;
        }
        text.push('\n');
        for (category, rows) in categories {
            writeln!(text, "* {rows} {category}").unwrap();
        }
        text.push_str(
            "\n| trace | Linux | exact | why Linux is silent | confirmed |\n|---|---|---|---|---|\n",
        );
        for row in &rows {
            writeln!(text, "{}", row.line()).unwrap();
        }
    }
    text
}

#[test]
fn the_table_is_up_to_date() {
    let committed = root().join("docs/EXACT_FINDINGS.md");
    let new = table();
    if fs::read_to_string(&committed).is_ok_and(|old| old == new) {
        return;
    }
    let beside = committed.with_extension("md.new");
    fs::write(&beside, new).expect("the new table can be written");
    panic!("{} does not fit; compare it with {}", committed.display(), beside.display());
}
