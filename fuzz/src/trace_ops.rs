//! `trace_ops`: what holds for every well-formed trace under every profile.
//!
//! * Nothing panics.
//! * Stopping and going on agree on the first report, and so does running again in the same memory.
//! * The exact search reports no later than the kernel's; and of a first report it says truly whether the
//!   kernel's search made the same.
//! * Findings render in every form, without control characters and within its width.

use ringfence::diag::{LockFinding, render};
use ringfence::validator::annotations::Profile;
use ringfence::validator::trace::{Op, Replay, Trace, parse};
use ringfence::validator::{AfterReport, Search, Verdict};

use crate::trace_bytes::{Decoded, decode};

/// How many findings of a run are rendered.
const RENDERED_MAX: usize = 3;
const WIDTHS: [usize; 3] = [40, 80, 120];

/// Decodes the bytes and checks everything above.
pub fn run(data: &[u8]) {
    let Decoded { profile, line } = decode(data);
    let trace = parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{line}"));
    let kernel = first_report(&trace, profile, Search::Kernel);
    let exact = first_report(&trace, profile, Search::Exact);
    // The planted bug: downgrades make the exact search blind.
    let blind = cfg!(feature = "canary") && trace.ops.iter().any(|op| matches!(op, Op::Downgrade(_)));
    let exact = if blind { None } else { exact };
    compare(kernel.as_ref(), exact.as_ref());
}

/// The first report in one search, after everything that must hold within it.
fn first_report(trace: &Trace, profile: Profile, search: Search) -> Option<LockFinding> {
    let mut stop = Replay::new(profile, search, AfterReport::Stop);
    let verdict = stop.run(trace).expect("a parsed trace can be run");
    let stopped = stop.findings();
    assert_eq!(stop.run(trace), Ok(verdict), "the same again in the same memory");
    assert_eq!(stop.findings(), stopped);

    let mut go_on = Replay::new(profile, search, AfterReport::Continue);
    assert_eq!(go_on.run(trace), Ok(verdict), "going on changed the first verdict");
    let findings = go_on.findings();
    let bare: Vec<Verdict> = findings.iter().map(bare).collect();
    assert_eq!(bare.first(), verdict.as_ref());
    assert!(bare.is_sorted_by_key(|verdict| verdict.at), "findings are in order of discovery");
    assert_eq!(stopped.len(), usize::from(verdict.is_some()));
    for (index, finding) in findings.iter().enumerate() {
        // Rendering takes most of the time: a few findings, in one width each.
        if index < RENDERED_MAX {
            render_all(finding, WIDTHS[(index + trace.ops.len()) % WIDTHS.len()]);
        }
        if search == Search::Kernel {
            assert_eq!(finding.silence, None, "the kernel's search knows nothing that the kernel does not");
        }
    }
    let once = |finding: &LockFinding| LockFinding { count: 1, ..finding.clone() };
    assert_eq!(stopped.first().map(once), findings.first().map(once));
    stopped.into_iter().next()
}

fn bare(finding: &LockFinding) -> Verdict {
    Verdict { at: finding.op(), kind: finding.kind, cycle: finding.cycle_len() }
}

fn compare(kernel: Option<&LockFinding>, exact: Option<&LockFinding>) {
    let Some(kernel) = kernel.map(bare) else {
        if let Some(exact) = exact {
            assert!(
                exact.silence.is_some(),
                "the kernel's search is silent, and the finding does not say so"
            );
        }
        return;
    };
    let exact = exact.expect("the exact search is silent where the kernel's reports");
    let same = (bare(exact).at, exact.kind) == (kernel.at, kernel.kind);
    assert!(exact.op() <= kernel.at, "exact {:?} is later than kernel {kernel:?}", bare(exact));
    assert!(same || exact.silence.is_some(), "exact {:?}, kernel {kernel:?}, no silence", bare(exact));
    assert!(!same || exact.silence.is_none(), "{kernel:?} is said to be silent: {:?}", exact.silence);
}

/// Every form of a finding.
fn render_all(finding: &LockFinding, width: usize) {
    let plain = render::text(finding, &render::TextOptions { width, ..Default::default() });
    assert!(!plain.is_empty());
    for line in plain.lines() {
        assert!(!line.chars().any(char::is_control), "control character in {line:?}");
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
    }
    let splat = render::splat(finding);
    assert!(!splat.is_empty());
    assert!(!splat.chars().any(|c| c.is_control() && c != '\n'), "control character in {splat:?}");
    let json = render::json(finding);
    let value: serde_json::Value = serde_json::from_str(&json).expect("a finding is JSON");
    assert_eq!(value["rule"], finding.rule);
    assert!(!json.contains('\n'));
}
