//! The report of a finding that was made as small as can be.

use ringfence_diag::render::{Style, TextOptions, finding};
use ringfence_diag::{DeviationView, Finding, SmallestView, StepView, Verdict, Witness};

use crate::builder::at;
use crate::text::snapshots;

/// One context runs before its turn, and an allocation reclaims.
fn deviations() -> Vec<DeviationView> {
    let instead = DeviationView {
        step: 2,
        context: "kworker/0".into(),
        instead_of: Some("client".into()),
        what: "kworker/0 runs instead of client".into(),
    };
    let reclaims = DeviationView {
        step: 3,
        context: "kworker/0".into(),
        instead_of: None,
        what: "the allocation reclaims memory first".into(),
    };
    vec![instead, reclaims]
}

fn step(number: u64, context: &str, what: &str, line: u32) -> StepView {
    let at = at(context, number, context, "flip.c", line);
    StepView { number, context: context.into(), what: vec![what.into()], at }
}

fn minimised(deviations: &[DeviationView], fewest: bool, lines: usize) -> Finding {
    let steps = vec![
        step(0, "client", "queue_work(commit_work)", 10),
        step(1, "client", "mutex_lock(lock)", 11),
        step(2, "kworker/0", "dma_fence_begin_signalling()", 20),
        step(3, "kworker/0", "kmalloc(GFP_KERNEL)", 21),
    ];
    let body = "        cond_resched();\n".repeat(lines - 3);
    let smallest = SmallestView {
        threads: 1,
        of_threads: 3,
        statements: lines - 3,
        of_statements: 57,
        scenario: "{}".into(),
        code: format!("void client(void)\n{{\n{body}\n}}\n"),
        choices: vec![0, 1],
        deviations: deviations[..deviations.len().min(1)].to_vec(),
        fewest,
    };
    Finding {
        rule: "RF401",
        verdict: Verdict::Confirmed,
        summary: "kworker/0 must signal flip, but waits for dma_fence flip".into(),
        why: String::new(),
        at: at("kworker/0", 3, "commit_tail", "flip.c", 21),
        chain: Vec::new(),
        circular: false,
        lock: None,
        witness: Some(Witness {
            schedule: "0,1".into(),
            steps,
            deviations: Some(deviations.to_vec()),
            fewest,
        }),
        smallest: Some(smallest),
        against_contract: false,
        searched: Vec::new(),
        needs: vec!["memory_pressure".into()],
        notes: Vec::new(),
        count: 1,
    }
}

fn plain(item: &Finding, width: usize) -> String {
    finding(item, &TextOptions { style: Style::Plain, width })
}

#[test]
fn what_is_special_about_a_schedule() {
    snapshots(|| {
        let item = minimised(&deviations(), true, 6);
        insta::assert_snapshot!("text-minimised", plain(&item, 100));
        insta::assert_snapshot!("text-minimised-40", plain(&item, 40));
        insta::assert_snapshot!("text-minimised-ordinary", plain(&minimised(&[], true, 6), 100));
        insta::assert_snapshot!("text-minimised-unproved", plain(&minimised(&deviations(), false, 40), 100));
    });
}

#[test]
fn code_of_up_to_25_lines_is_shown() {
    let shown = |lines| plain(&minimised(&deviations(), true, lines), 100).matches("cond_resched").count();
    assert_eq!((shown(25), shown(26)), (22, 0));
}

#[test]
fn a_schedule_that_was_not_minimised_says_nothing_of_it() {
    let mut item = minimised(&deviations(), true, 6);
    item.smallest = None;
    item.witness.as_mut().expect("there is one").deviations = None;
    let text = plain(&item, 100);
    assert!(!text.contains("FIFO") && !text.contains("Smallest"), "{text}");
}
