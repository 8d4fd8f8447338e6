//! The report for people: its layout at every width, and that nothing gets lost.

use ringfence_diag::render::{Style, TextOptions, text};
use ringfence_diag::{LockFinding, Silence, rule};
use unicode_width::UnicodeWidthStr;

use crate::findings;

const WIDTHS: [usize; 5] = [40, 60, 80, 100, 160];
const LONG: &str =
    "mmu_notifier_invalidate_range_start_of_the_userptr_interval_tree_of_a_very_large_driver->lock/1";

fn plain(finding: &LockFinding, width: usize) -> String {
    text(finding, &TextOptions { style: Style::Plain, width })
}

/// The findings of every kind, and cycles that strain the layout.
fn strained() -> Vec<(String, LockFinding)> {
    let mut all: Vec<_> =
        findings::all().into_iter().map(|(name, finding)| (name.to_owned(), finding)).collect();
    all.extend([2, 3, 6, 12].map(|n| (format!("ring {n}"), findings::ring(n))));
    all.push((
        "long names".to_owned(),
        findings::ring_of(&[LONG, "vm->lock", &LONG.replace("/1", "/2")], true),
    ));
    all.push(("no location".to_owned(), findings::ring_of(&["a", "b", "c"], false)));
    all.push((
        "wide glyphs".to_owned(),
        findings::ring_of(&["鎖の名前はとても長いのでここで切れる", "b->lock"], true),
    ));
    all.push(("spaces".to_owned(), findings::ring_of(&["a lock  with spaces", " "], true)));
    all
}

/// Without anything that wrapping adds or takes away.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn every_kind_at_the_usual_width() {
    snapshots(|| {
        for (name, finding) in findings::all() {
            insta::assert_snapshot!(format!("text-{name}"), plain(&finding, 100));
        }
    });
}

#[test]
fn cycles_at_other_widths() {
    snapshots(|| {
        for width in [40, 60, 160] {
            insta::assert_snapshot!(format!("text-circular-contract-{width}"), {
                plain(&findings::circular_contract(), width)
            });
        }
        insta::assert_snapshot!("text-circular-12-80", plain(&findings::ring(12), 80));
        let long = findings::ring_of(&[LONG, "vm->lock", &LONG.replace("/1", "/2")], true);
        insta::assert_snapshot!("text-long-names-80", plain(&long, 80));
        insta::assert_snapshot!("text-irq-dependency-long-60", plain(&findings::irq_dependency_long(), 60));
    });
}

#[test]
fn colours_are_part_of_the_snapshot() {
    let options = TextOptions { style: Style::Colour, width: 80 };
    snapshots(|| {
        let coloured = text(&findings::circular_direct(), &options).replace('\u{1b}', "^");
        insta::assert_snapshot!("text-colour", coloured);
    });
}

#[test]
fn no_line_is_wider_than_asked_for() {
    for (name, finding) in strained() {
        for width in WIDTHS.into_iter().chain([TextOptions::MIN_WIDTH, 41, 53, 67, 99]) {
            for line in plain(&finding, width).lines() {
                assert!(line.width() <= width, "{name} at {width}: {} columns\n{line}", line.width());
                assert_eq!(line, line.trim_end(), "{name} at {width}: trailing space");
            }
        }
    }
}

#[test]
fn a_width_below_the_minimum_counts_as_the_minimum() {
    let finding = findings::circular_contract();
    assert_eq!(plain(&finding, 0), plain(&finding, TextOptions::MIN_WIDTH));
}

#[test]
fn every_class_and_place_is_named_in_full() {
    for (name, finding) in strained() {
        for width in WIDTHS {
            let text = squeezed(&plain(&finding, width));
            for link in &finding.report.links {
                for class in [&link.from.name, &link.to.name] {
                    assert!(text.contains(&squeezed(class)), "{name} at {width}: no {class}");
                }
                for place in [&link.held_at, &link.taken_at] {
                    let op = squeezed(&format!("op {} of {}", place.op, place.task));
                    assert!(text.contains(&op), "{name} at {width}: no {op}");
                    for part in [&place.file, &place.function, &place.via].into_iter().flatten() {
                        assert!(text.contains(&squeezed(part)), "{name} at {width}: no {part}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_context_waits_for_the_next_one() {
    for n in [2, 3, 6, 12] {
        for width in WIDTHS {
            let text = squeezed(&plain(&findings::ring(n), width));
            for context in 1..=n {
                assert!(text.contains(&format!("waitsfor[{context}]")), "{n} contexts at {width}");
                assert!(
                    text.contains(&format!("[{context}]task_{}", context - 1)),
                    "{n} contexts at {width}"
                );
            }
        }
    }
}

#[test]
fn plain_has_no_escapes_even_in_names() {
    for (name, mut finding) in strained() {
        finding.report.lock.class.name.push_str("\u{1b}[2J");
        finding.report.task.name.push('\u{7}');
        finding.summary.push('\u{1b}');
        let text = plain(&finding, 80);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{name}: {text:?}");
    }
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    for (name, finding) in strained() {
        let coloured = text(&finding, &TextOptions { style: Style::Colour, width: 80 });
        assert!(coloured.contains("\u{1b}[1m\u{1b}[31mRF6"), "{name}");
        assert_eq!(without_escapes(&coloured), plain(&finding, 80), "{name}");
    }
}

#[test]
fn reports_begin_with_the_rule_and_end_with_its_page() {
    for (name, finding) in findings::all() {
        let text = plain(&finding, 100);
        let rule = rule(finding.rule).expect("the rule is registered");
        assert!(text.starts_with(&format!("{} {}: PREDICTED at op ", rule.code, rule.name)), "{name}");
        assert!(text.ends_with(&format!("\nringfence explain {}", rule.code)), "{name}");
        assert!(squeezed(&text).contains(&squeezed(&finding.why)), "{name}");
        assert!(squeezed(&text).contains(&squeezed(&finding.summary)), "{name}");
    }
}

#[test]
fn silence_and_count_are_told_where_there_are_any() {
    let mut finding = findings::circular_direct();
    let text = plain(&finding, 100);
    assert!(!text.contains("Silence") && !text.contains("Met "));
    finding.silence = Some(Silence::NearestLockOnly);
    finding.count = 3;
    let text = plain(&finding, 100);
    assert!(squeezed(&text).contains(&squeezed(Silence::NearestLockOnly.explanation())));
    assert!(text.contains("Met 3 times."));
}

#[test]
fn the_lock_that_forbids_waiting_is_found_among_the_held_ones() {
    let mut finding = findings::wait_context();
    let shown = plain(&finding, 100);
    finding.report.holding = None;
    assert_eq!(plain(&finding, 100), shown);
}

#[test]
fn a_report_without_its_details_still_prints() {
    for (name, mut finding) in findings::all() {
        finding.report.holding = None;
        finding.report.usage = None;
        finding.report.links.clear();
        assert!(squeezed(&plain(&finding, 80)).contains(&squeezed(&finding.summary)), "{name}");
    }
}

#[test]
fn the_default_is_plain_and_100_columns() {
    assert_eq!(TextOptions::default(), TextOptions { style: Style::Plain, width: 100 });
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    plain.extend(parts.filter_map(|part| part.split_once('m')).map(|(_, rest)| rest));
    plain
}

pub(crate) fn snapshots(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(check);
}
