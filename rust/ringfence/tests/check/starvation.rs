//! Jobs that are overtaken (RF704), and fences that need themselves through jobs (RF305).

use ringfence_base::limits::OVERTAKEN_MAX;
use ringfence_base::scenario::{Arg, GpuHang, Kind, Op, Stmt};

use crate::build::{op, op_out};
use crate::card::{Card, Config, HIGH, MS, NORMAL, r, spares};

/// A client with this many jobs, and one with a single one that takes so many credits.
fn crowd(priority: u32, count: u32, credits: i64) -> Card {
    let mut card = Card::new(&Config { credits: 1, timeout: i64::MAX, ..Config::default() }, spares);
    let work = card.work("draw", MS, GpuHang::No);
    let (game, desktop) = (card.entity("game", priority), card.entity("desktop", NORMAL));
    let body: Vec<Stmt> = (0..count).flat_map(|_| card.submit(game, work, 1)).collect();
    card.thread("game", body);
    let body = card.submit(desktop, work, credits);
    card.thread("desktop", body);
    card
}

fn starves(card: &Card) -> bool {
    card.report().findings.iter().any(|finding| finding.rule == "RF704")
}

#[test]
fn a_job_that_others_overtake() {
    assert!(starves(&crowd(HIGH, OVERTAKEN_MAX + 8, 1)));
    // There are not enough that come later.
    assert!(!starves(&crowd(HIGH, OVERTAKEN_MAX - 1, 1)));
    // Its turn comes when it is the oldest.
    assert!(!starves(&crowd(NORMAL, OVERTAKEN_MAX + 8, 1)));
}

#[test]
fn a_job_that_could_not_run_anyway_does_not_starve() {
    let mut card = Card::new(&Config { credits: 1, timeout: i64::MAX, ..Config::default() }, spares);
    let work = card.work("draw", MS, GpuHang::No);
    let (game, desktop) = (card.entity("game", HIGH), card.entity("desktop", NORMAL));
    // It waits for the last of the jobs that overtake it.
    let mut body: Vec<Stmt> = (0..40).flat_map(|_| card.submit(game, work, 1)).collect();
    let mut waits = card.submit(desktop, work, 1);
    let last = r(2 * 39 + 1);
    waits.insert(2, op(Op::DrmSchedJobAddDependency, &[r(80), last.clone()]));
    waits.insert(2, op(Op::DmaFenceGet, &[last]));
    let push_last = body.pop().expect("a push");
    body.extend(waits);
    body.push(push_last);
    card.thread("client", body);
    assert!(!starves(&card));
}

#[test]
fn jobs_that_need_each_other() {
    let mut card = Card::new(&Config::default(), spares);
    let work = card.work("draw", MS, GpuHang::No);
    let entities = [card.entity("a", NORMAL), card.entity("b", NORMAL)];
    let (mut armed, mut pushes) = (Vec::new(), Vec::new());
    for entity in entities {
        let mut body = card.submit(entity, work, 1);
        pushes.push(body.pop().expect("a push"));
        armed.extend(body);
    }
    for (job, needs) in [(0, 3), (2, 1)] {
        armed.push(op(Op::DmaFenceGet, &[r(needs)]));
        armed.push(op(Op::DrmSchedJobAddDependency, &[r(job), r(needs)]));
    }
    armed.extend(pushes);
    // The jobs' own references go with them.
    card.thread("client", armed.clone());
    let report = card.report();
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.rule, finding.verdict.as_str()), ("RF305", "CONFIRMED"));
    // On the same scheduler it is enough that the other job is on the ring.
    assert_eq!(finding.notes, ["a:1 (scheduled) needs b:1 (scheduled), which needs a:1 (scheduled)"]);
    // The same with somebody who waits: one finding, a hang.
    armed.push(op(Op::DmaFenceWait, &[r(1), Arg::Int(0)]));
    card.build.scenario.threads.clear();
    let registers = [Kind::SchedJob, Kind::Fence, Kind::SchedJob, Kind::Fence];
    card.build.thread("client", &registers, armed);
    let report = card.report();
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.rule, finding.chain.len(), finding.notes.len()), ("RF305", 1, 1));
}

#[test]
fn a_fence_that_needs_an_older_one_is_in_no_circle() {
    let mut card = Card::new(&Config::default(), spares);
    let work = card.work("draw", MS, GpuHang::No);
    let (a, b) = (card.entity("a", NORMAL), card.entity("b", NORMAL));
    let mut body = card.submit(a, work, 1);
    let mut second = card.submit(b, work, 1);
    second.insert(2, op(Op::DrmSchedJobAddDependency, &[r(2), r(1)]));
    second.insert(2, op(Op::DmaFenceGet, &[r(1)]));
    let push = body.pop().expect("a push");
    body.extend(second);
    body.push(push);
    body.push(op_out(Op::DmaFenceWait, &[r(3), Arg::Int(0)], 4));
    let registers = [Kind::SchedJob, Kind::Fence, Kind::SchedJob, Kind::Fence, Kind::Errno];
    card.build.thread("client", &registers, body);
    assert_eq!(card.found(), [""; 0]);
}
