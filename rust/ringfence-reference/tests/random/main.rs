//! Random traces: the searches of `ringfence-lockdep` against the reference.
//!
//! Built with `RINGFENCE_CASES` (per flavour) and `RINGFENCE_SEED` it takes longer or looks elsewhere.

mod findings;
mod flavour;
mod generate;
mod line;
#[path = "../common/rng.rs"]
mod rng;
mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};

use flavour::{FLAVOURS, Flavour};
use ringfence_lockdep::annotations::Profile;
use ringfence_lockdep::trace::{Op, Replay, Trace, parse};
use ringfence_lockdep::{AfterReport, Search, Verdict};
use rng::Rng;

const CASES_PER_FLAVOUR: u64 = 30_000;

const SEED: u64 = 612;

/// All ways to run a trace.
struct Judges {
    exact: Replay,
    kernel: Replay,
    going_on: Replay,
    kernel_going_on: Replay,
}

/// What came out of a trace.
#[derive(Default)]
struct Answers {
    exact: Option<Verdict>,
    kernel: Option<Verdict>,
    reference: Option<Verdict>,
}

impl Judges {
    fn new() -> Self {
        let replay = |search, after_report| Replay::new(Profile::V6_12, search, after_report);
        Self {
            exact: replay(Search::Exact, AfterReport::Stop),
            kernel: replay(Search::Kernel, AfterReport::Stop),
            going_on: replay(Search::Exact, AfterReport::Continue),
            kernel_going_on: replay(Search::Kernel, AfterReport::Continue),
        }
    }

    /// The answers, and what is wrong with them.
    fn judge(&mut self, trace: &Trace) -> (Answers, Option<String>) {
        let sensible = "a sensible trace";
        let exact = self.exact.run(trace).expect(sensible);
        let kernel = self.kernel.run(trace).expect(sensible);
        let reference = ringfence_reference::verdict(trace, Profile::V6_12);
        let answers = Answers { exact, kernel, reference };
        let bare = |verdict: Verdict| (verdict.at, verdict.kind);
        if exact.map(bare) != reference.map(bare) {
            return (answers, Some("exact and the reference disagree".into()));
        }
        if exact.and_then(|exact| exact.cycle) < reference.and_then(|reference| reference.cycle) {
            return (answers, Some("the circle is shorter than the shortest".into()));
        }
        if kernel.is_some_and(|kernel| exact.is_none_or(|exact| exact.at > kernel.at)) {
            return (answers, Some("the kernel reports what exact does not, or later".into()));
        }
        if self.kernel_going_on.run(trace).expect(sensible) != kernel {
            return (answers, Some("going on changes the kernel's first finding".into()));
        }
        let first = self.going_on.run(trace).expect(sensible);
        let findings = self.going_on.findings();
        let first_finding = findings.first().map(|finding| (finding.op(), finding.kind));
        if first != exact || first_finding != exact.map(bare) {
            return (answers, Some("going on changes the first finding".into()));
        }
        let complaint = findings.iter().find_map(|finding| findings::complaint(finding, trace));
        (answers, complaint)
    }

    /// The same, with a panic as one more thing that can be wrong.
    fn complaint(&mut self, trace: &Trace) -> Option<String> {
        catch_unwind(AssertUnwindSafe(|| self.judge(trace).1)).unwrap_or_else(|_| {
            *self = Self::new();
            Some("panic".into())
        })
    }

    /// Fails with the smallest trace that shows the same.
    fn fail(&mut self, trace: &Trace, complaint: &str) -> ! {
        // A shrunk trace may show something else; what it must not do is to be right.
        let small = shrink::shrink(trace, &mut |trace| self.complaint(trace).is_some());
        let now = self.complaint(&small).unwrap_or_default();
        let answers = catch_unwind(AssertUnwindSafe(|| self.judge(&small).0)).unwrap_or_default();
        let Answers { exact, kernel, reference } = answers;
        panic!(
            "{complaint}; made smaller: {now}\n{}\nexact {exact:?}\nreference {reference:?}\nkernel {kernel:?}\n\
             all of it: {}",
            line::line(&small),
            line::line(trace)
        );
    }
}

fn number(text: Option<&str>, or: u64) -> u64 {
    text.map_or(or, |text| text.parse().expect("a number"))
}

/// Traces of each flavour.
fn cases() -> u64 {
    number(option_env!("RINGFENCE_CASES"), CASES_PER_FLAVOUR)
}

/// How many traces of a flavour have a problem, and how many have one that the kernel finds later or never.
fn run(flavour: &Flavour) -> (u64, u64) {
    let mut judges = Judges::new();
    let (mut problems, mut missed) = (0, 0);
    let seed = number(option_env!("RINGFENCE_SEED"), SEED);
    for case in 0..cases() {
        let mut rng = Rng::new(seed.wrapping_mul(0x1_0000_0001).wrapping_add(case << 20));
        let trace = generate::trace(&mut rng, flavour, format!("{}-{case}", flavour.name));
        let outcome = catch_unwind(AssertUnwindSafe(|| judges.judge(&trace)));
        let (answers, complaint) = outcome.unwrap_or_else(|_| (Answers::default(), Some("panic".into())));
        if let Some(complaint) = complaint {
            Judges::new().fail(&trace, &complaint);
        }
        problems += u64::from(answers.exact.is_some());
        let at = |verdict: Option<Verdict>| verdict.map_or(u64::MAX, |verdict| verdict.at);
        missed += u64::from(at(answers.exact) < at(answers.kernel));
    }
    (problems, missed)
}

#[test]
fn exact_agrees_with_the_reference() {
    for flavour in &FLAVOURS {
        let (problems, missed) = run(flavour);
        let share = 100 * problems / cases();
        // Traces that are all right, or all wrong, would show little.
        assert!((25..=90).contains(&share), "{}: {share} % have a problem", flavour.name);
        let odd = flavour.recursive != 0 || flavour.nest != 0;
        assert_eq!(missed != 0, odd, "{}: Linux is late or silent in {missed}", flavour.name);
    }
}

#[test]
fn what_was_wrong_once_is_right() {
    for line in include_str!("regressions.jsonl").lines() {
        let trace = parse(line.as_bytes()).expect("well-formed");
        assert_eq!(Judges::new().complaint(&trace), None, "{}", trace.id);
    }
}

#[test]
fn a_trace_survives_writing_and_reading() {
    let mut rng = Rng::new(1);
    for flavour in &FLAVOURS {
        let mut trace = generate::trace(&mut rng, flavour, "id".into());
        // The reader numbers tasks in the order of their first use.
        trace.ops.retain(|op| !matches!(op, Op::Task(_)));
        let read = parse(line::line(&trace).as_bytes()).expect("well-formed");
        assert_eq!(read.ops, trace.ops);
        let kinds = |trace: &Trace| trace.locks.iter().map(|lock| lock.kind.wait_inner).collect::<Vec<_>>();
        assert_eq!(kinds(&read), kinds(&trace));
    }
}
