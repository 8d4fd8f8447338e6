//! The traces on the pages of the rules: the bad one breaks its rule, the good one none.

use ringfence::diag::{LockReportKind, Rule, rules};
use ringfence::lockdep::{Decided, Describe, Options, agrees};
use ringfence::validator::annotations::Profile;
use ringfence::validator::{AfterReport, Search};

use crate::support::{decide, lines};

/// The trace in a section of a page.
fn trace(rule: &Rule, section: &str) -> &'static str {
    let heading = format!("\n## {section}\n");
    let (_, rest) = rule.doc.markdown.split_once(heading.as_str()).expect("the page has the section");
    let section = rest.split("\n## ").next().unwrap_or(rest);
    let (_, json) = section.split_once("```json\n").expect("the section has a trace");
    json.split_once("\n```").expect("the block is closed").0
}

fn run(rule: &Rule, trace: &str, search: Search) -> Decided {
    let mut profile = Profile::V6_12;
    if rule.code == "RF612" {
        profile.assign("limits=kernel").expect("the switch exists");
    }
    let options = Options {
        profile,
        search,
        after_report: AfterReport::Continue,
        describe: Describe::Everything,
        jobs: 1,
    };
    let mut all = decide(lines(trace), options);
    assert_eq!(all.len(), 1, "{}: one trace", rule.code);
    all.remove(0)
}

fn lockdep_rules() -> impl Iterator<Item = &'static Rule> {
    rules().iter().filter(|rule| LockReportKind::ALL.iter().any(|kind| kind.code() == rule.code))
}

#[test]
fn bad_traces_break_their_rule_as_recorded() {
    assert_eq!(lockdep_rules().count(), LockReportKind::ALL.len());
    for rule in lockdep_rules() {
        let bad = run(rule, trace(rule, "Bad"), Search::Kernel);
        let expected = bad.expected.as_ref().unwrap_or_else(|| panic!("{}: no verdict", rule.code));
        assert!(agrees(expected, bad.verdict), "{}: {expected:?}, ours {:?}", rule.code, bad.verdict);
        let exact = run(rule, trace(rule, "Bad"), Search::Exact);
        for finding in [bad.findings.first(), exact.findings.first()] {
            let finding = finding.unwrap_or_else(|| panic!("{}: nothing found", rule.code));
            assert_eq!((finding.rule, finding.kind.code()), (rule.code, rule.code));
        }
    }
}

#[test]
fn good_traces_are_clean() {
    for rule in lockdep_rules() {
        for search in [Search::Kernel, Search::Exact] {
            let good = run(rule, trace(rule, "Good"), search);
            assert_eq!((good.verdict, good.findings.len()), (None, 0), "{} {search:?}", rule.code);
            assert!(agrees(good.expected.as_ref().expect("it has a verdict"), None), "{}", rule.code);
        }
    }
}

#[test]
fn the_limits_are_off_unless_asked_for() {
    let rule = lockdep_rules().find(|rule| rule.code == "RF612").expect("the rule exists");
    let plain = Rule { code: "plain", ..*rule };
    assert_eq!(run(&plain, trace(rule, "Bad"), Search::Kernel).verdict, None);
}
