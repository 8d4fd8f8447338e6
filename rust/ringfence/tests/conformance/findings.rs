//! Findings of real traces in all their forms.

use ringfence::diag::{LockFinding, LockReportKind, render, rule};
use ringfence::lockdep::Describe;
use ringfence::validator::{AfterReport, Search};

use crate::support::{RANDOM_READ, decide, lines};

/// Every twelfth trace: 2,000 of them.
const STEP: usize = 12;

fn check(finding: &LockFinding) {
    for width in [40, 80, 120] {
        let text = render::text(finding, &render::TextOptions { width, ..Default::default() });
        assert!(text.starts_with(finding.rule), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= width, "wider than {width}: {line}");
        }
    }
    assert!(!render::splat(finding).is_empty());
    let json: serde_json::Value = serde_json::from_str(&render::json(finding)).expect("it is JSON");
    assert_eq!(json["rule"], finding.rule);
    assert_eq!(json["kind"], finding.kind.as_str());
    assert_eq!(json["report"]["at"]["op"], finding.op());
    assert!(rule(finding.rule).is_some());
    assert!(finding.count >= 1);
}

#[test]
fn every_finding_renders() {
    let text = RANDOM_READ.text();
    let sample: Vec<&str> = text.lines().step_by(STEP).collect();
    assert_eq!(sample.len(), 2_000);
    let mut kinds = Vec::new();
    for search in [Search::Kernel, Search::Exact] {
        let mut options = RANDOM_READ.options(search, 2);
        options.after_report = AfterReport::Continue;
        options.describe = Describe::Everything;
        for decided in decide(lines(&sample.join("\n")), options) {
            decided.findings.iter().for_each(check);
            let first =
                decided.findings.first().map(|finding| (finding.op(), finding.kind, finding.cycle_len()));
            assert_eq!(first, decided.verdict.map(|verdict| (verdict.at, verdict.kind, verdict.cycle)));
            kinds.extend(decided.findings.iter().map(|finding| finding.kind));
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    // Random traces free nothing and stay within the limits.
    let rare = [LockReportKind::HeldLockFreed, LockReportKind::LimitReached];
    let expected: Vec<_> = LockReportKind::ALL.into_iter().filter(|kind| !rare.contains(kind)).collect();
    assert_eq!(kinds, expected);
}
