//! The registry and its pages. That the scenarios of the pages break their rules is tested from Python.

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

/// The only block of a language in a section, if there is one.
fn block(rule: &Rule, name: &str, language: &str) -> Option<&'static str> {
    let text = section(rule, name);
    let blocks: Vec<&str> = text.split(&format!("```{language}\n")).skip(1).collect();
    assert!(blocks.len() < 2, "{} {name}: more than one block of {language}", rule.code);
    blocks.first().map(|block| block.split_once("\n```").expect("the block is closed").0)
}

/// The trace of a section: one line of JSON.
fn trace(rule: &Rule, name: &str) -> Option<Value> {
    let json = block(rule, name, "json")?;
    assert_eq!(json.lines().count(), 1, "{} {name}: one line", rule.code);
    Some(serde_json::from_str(json).unwrap_or_else(|error| panic!("{} {name}: {error}", rule.code)))
}

/// Rules of the validator, which traces can show.
fn lock_rules() -> impl Iterator<Item = (&'static Rule, LockReportKind)> {
    LockReportKind::ALL.into_iter().map(|kind| (rule(kind.code()).expect("every kind has its rule"), kind))
}

#[test]
fn codes_and_names_are_unique_and_ordered() {
    assert!(rules().is_sorted_by(|a, b| a.code < b.code));
    let mut names: Vec<_> = rules().iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rules().len());
    for rule in rules() {
        let digits = rule.code.strip_prefix("RF").expect(rule.code);
        assert!(digits.len() == 3 && digits.bytes().all(|c| c.is_ascii_digit()), "{}", rule.code);
        let kebab = rule.name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
        assert!(kebab && !rule.name.starts_with('-') && !rule.name.ends_with('-'), "{}", rule.name);
    }
}

#[test]
fn summaries_are_one_sentence_and_clauses_of_the_contract_pair_a_permission_with_a_prohibition() {
    for rule in rules() {
        let summary = rule.summary;
        assert!(summary.ends_with('.') && !summary.contains(". "), "{}: one sentence", rule.code);
        assert!(summary.chars().count() <= 160, "{}: {} characters", rule.code, summary.chars().count());
        // Lockdep's rules are older than the contract, and have no "therefore".
        let lockdep = lock_rules().any(|(lock_rule, _)| lock_rule == rule);
        assert!(lockdep || summary.contains(", therefore "), "{}: no therefore", rule.code);
        assert!(!summary.contains("RF"), "{}: explains itself by another rule", rule.code);
    }
}

#[test]
fn fixes_are_short_imperatives() {
    for rule in rules() {
        assert!((1..=4).contains(&rule.fixes.len()), "{}: {} fixes", rule.code, rule.fixes.len());
        for fix in rule.fixes {
            assert!(fix.chars().count() <= 72, "{}: {fix}", rule.code);
            assert!(!fix.ends_with('.') && !fix.contains(';'), "{}: {fix}", rule.code);
        }
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
        let long = page.lines().find(|line| line.chars().count() > 120 && !line.starts_with('{'));
        assert_eq!(long, None, "{}: a line of more than 120 columns", rule.code);
    }
}

#[test]
fn every_page_on_disk_is_registered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let mut pages: Vec<String> = std::fs::read_dir(folder)
        .expect("the pages are there")
        .map(|entry| entry.expect("a page").file_name().into_string().expect("an ASCII name"))
        .collect();
    pages.sort_unstable();
    let codes: Vec<String> = rules().iter().map(|rule| format!("{}.md", rule.code)).collect();
    assert_eq!(pages, codes);
}

#[test]
fn links_lead_to_pages() {
    for page in rules() {
        for link in page.doc.markdown.split("](").skip(1) {
            let (target, _) = link.split_once(')').expect("the link is closed");
            let known = target.strip_suffix(".md").and_then(rule);
            assert!(known.is_some(), "{}: {target}", page.code);
        }
    }
}

#[test]
fn what_it_does_pairs_a_permission_with_a_prohibition() {
    for rule in rules() {
        assert!(section(rule, "What it does").contains("THEREFORE"), "{}", rule.code);
    }
}

#[test]
fn where_it_comes_from_names_a_file_and_a_function_of_the_kernel() {
    const TREES: [&str; 7] = ["drivers/", "include/", "kernel/", "mm/", "lib/", "fs/", "Documentation/"];
    for rule in rules() {
        let text = section(rule, "Where it comes from");
        assert!(TREES.iter().any(|tree| text.contains(&format!("`{tree}"))), "{}: no file", rule.code);
        assert!(text.contains("()"), "{}: no function", rule.code);
    }
    for (rule, kind) in lock_rules() {
        assert!(section(rule, "Where it comes from").contains("kernel/locking/lockdep.c"), "{kind}");
    }
}

#[test]
fn every_page_has_a_bad_and_a_good_example() {
    for rule in rules() {
        for name in ["Bad", "Good"] {
            let (scenario, trace) = (block(rule, name, "python"), block(rule, name, "json"));
            assert!(scenario.is_some() || trace.is_some(), "{} {name}: no example", rule.code);
        }
        let scenarios = ["Bad", "Good"].map(|name| block(rule, name, "python").is_some());
        assert_eq!(scenarios[0], scenarios[1], "{}: scenarios come in pairs", rule.code);
    }
}

#[test]
fn bad_traces_break_their_own_rule_and_good_ones_none() {
    for (rule, kind) in lock_rules() {
        let bad = trace(rule, "Bad").unwrap_or_else(|| panic!("{}: no bad trace", rule.code));
        assert_eq!(bad["verdict"]["kind"].as_str().and_then(LockReportKind::from_name), Some(kind));
        let at = bad["verdict"]["at"].as_u64().expect("a verdict has a place");
        let ops = bad["ops"].as_array().expect("a trace has operations");
        assert!(usize::try_from(at).is_ok_and(|at| at < ops.len()), "{}", rule.code);
        let good = trace(rule, "Good").unwrap_or_else(|| panic!("{}: no good trace", rule.code));
        assert_eq!(good["verdict"], Value::Null, "{}", rule.code);
        assert_ne!(bad["id"], good["id"], "{}", rule.code);
    }
}

#[test]
fn locks_of_the_traces_are_declared_where_their_names_say_nothing() {
    for (rule, _) in lock_rules() {
        for trace in ["Bad", "Good"].into_iter().filter_map(|name| trace(rule, name)) {
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
