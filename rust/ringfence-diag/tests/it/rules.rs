//! The registry and its pages.

use ringfence_diag::{LockReportKind, Rule, rule, rules};
use serde_json::Value;

const SECTIONS: [&str; 6] =
    ["What it does", "Why is this bad?", "Bad", "Good", "How to fix", "Where it comes from"];

/// The text of one section of a page.
fn section(rule: &Rule, name: &str) -> &'static str {
    let page = rule.doc.markdown;
    let heading = format!("\n## {name}\n");
    let start =
        page.find(&heading).unwrap_or_else(|| panic!("{}: no section {name}", rule.code)) + heading.len();
    let end = page[start..].find("\n## ").map_or(page.len(), |end| start + end);
    page[start..end].trim()
}

/// The only JSON line in a section.
fn trace(rule: &Rule, name: &str) -> Value {
    let text = section(rule, name);
    let blocks: Vec<&str> = text.split("```json\n").skip(1).collect();
    assert_eq!(blocks.len(), 1, "{} {name}: one trace", rule.code);
    let (json, _) = blocks[0].split_once("\n```").expect("the block is closed");
    assert_eq!(json.lines().count(), 1, "{} {name}: one line", rule.code);
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{} {name}: {error}", rule.code))
}

#[test]
fn codes_are_unique_and_ordered() {
    assert!(rules().is_sorted_by(|a, b| a.code < b.code));
    let mut names: Vec<_> = rules().iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rules().len());
}

#[test]
fn every_kind_has_its_rule() {
    for kind in LockReportKind::ALL {
        assert!(rule(kind.code()).is_some(), "{kind}");
    }
}

#[test]
fn pages_have_their_title_and_sections_in_order() {
    for rule in rules() {
        let page = rule.doc.markdown;
        assert_eq!(page.lines().next(), Some(format!("# {} {}", rule.code, rule.name).as_str()));
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, SECTIONS, "{}", rule.code);
        for name in SECTIONS {
            assert!(!section(rule, name).is_empty(), "{} {name}", rule.code);
        }
    }
}

#[test]
fn what_it_does_pairs_a_permission_with_a_prohibition() {
    for rule in rules() {
        assert!(section(rule, "What it does").to_lowercase().contains("therefore"), "{}", rule.code);
    }
}

#[test]
fn where_it_comes_from_names_a_kernel_function() {
    for rule in rules() {
        let text = section(rule, "Where it comes from");
        assert!(text.contains("kernel/locking/lockdep.c") && text.contains("()"), "{}", rule.code);
    }
}

#[test]
fn bad_traces_break_their_own_rule_and_good_ones_none() {
    for rule in rules() {
        let bad = trace(rule, "Bad");
        let kind = bad["verdict"]["kind"].as_str().and_then(LockReportKind::from_name);
        assert_eq!(kind.map(LockReportKind::code), Some(rule.code));
        let at = bad["verdict"]["at"].as_u64().expect("a verdict has a place");
        let ops = bad["ops"].as_array().expect("a trace has operations");
        assert!(usize::try_from(at).is_ok_and(|at| at < ops.len()), "{}", rule.code);
        let good = trace(rule, "Good");
        assert_eq!(good["verdict"], Value::Null, "{}", rule.code);
        assert_ne!(bad["id"], good["id"], "{}", rule.code);
    }
}

#[test]
fn locks_of_the_traces_are_declared_where_their_names_say_nothing() {
    for rule in rules() {
        for trace in [trace(rule, "Bad"), trace(rule, "Good")] {
            let Some(table) = trace["locks"].as_object() else { continue };
            for op in trace["ops"].as_array().expect("a trace has operations") {
                if matches!(op[0].as_str(), Some("acquire" | "release" | "free" | "sync")) {
                    let lock = op[1].as_str().expect("the lock has a name");
                    assert!(table.contains_key(lock), "{}: {lock}", rule.code);
                }
            }
        }
    }
}

#[test]
fn rules_are_found_by_code_in_any_case_and_by_name() {
    assert_eq!(rule("rf601"), rule("circular-dependency"));
    assert!(rule("RF600").is_none());
}
