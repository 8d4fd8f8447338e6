//! The kernel's words, letter by letter.

use ringfence_diag::render::splat;

use crate::builder::{CONFIG, class, op};
use crate::findings;

#[test]
fn every_kind_reads_like_the_kernel_log() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, finding) in findings::all() {
            insta::assert_snapshot!(format!("splat-{name}"), splat(&finding));
        }
    });
}

/// `kernel/locking/lockdep.c` has the rules as literals; these are their lengths.
#[test]
fn rules_are_as_long_as_the_kernels() {
    let lengths = [
        ("circular-direct", 54),
        ("recursive", 44),
        ("irq-dependency", 53),
        ("inconsistent-usage", 32),
        ("irq-inversion-forwards", 56),
        ("wait-context", 29),
        ("unlock-imbalance", 37),
        ("nest-lock-not-held", 34),
        ("held-lock-freed", 25),
    ];
    let all = findings::all();
    for (name, length) in lengths {
        let (_, finding) = all.iter().find(|(other, _)| *other == name).expect("a finding has this name");
        let splat = splat(finding);
        let lines: Vec<&str> = splat.lines().collect();
        assert_eq!(lines[0], "=".repeat(length), "{name}");
        assert_eq!(lines[2], "6.12.117 #1 Not tainted", "{name}");
        assert_eq!(lines[3], "-".repeat(length), "{name}");
    }
}

#[test]
fn an_unset_outer_wait_type_is_printed_as_the_inner_one() {
    let mut finding = findings::recursive();
    finding.report.lock.class = ringfence_diag::ClassView { wait_outer: 0, ..class("rcu", CONFIG) };
    assert!(splat(&finding).contains(" (rcu){....}-{3:3}, at: "));
    finding.report.lock.class.wait_outer = 1;
    assert!(splat(&finding).contains(" (rcu){....}-{1:3}, at: "));
}

#[test]
fn control_characters_in_names_are_spelled_out() {
    let mut finding = findings::recursive();
    finding.report.lock.class.name = "evil\u{1b}[31m\nlock".to_owned();
    finding.report.lock.at = op("a\tb", 1);
    let splat = splat(&finding);
    assert!(splat.contains("evil\\u{1b}[31m\\u{a}lock"));
    assert!(!splat.contains(['\u{1b}', '\t']));
}

#[test]
fn a_report_without_its_details_still_says_something() {
    for (name, mut finding) in findings::all() {
        finding.report.holding = None;
        finding.report.usage = None;
        finding.report.links.clear();
        assert!(!splat(&finding).is_empty(), "{name}");
    }
}
