//! The rules about hangs and recovery, RF101 to RF104 and RF107: what breaks them, and what nearly does.

use ringfence_base::scenario::{Arg, GpuHang, Op, Stmt};
use ringfence_base::{ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};
use crate::card::{Card, Config, MS, NORMAL, end_job, r, resets_all, spares, when};

const NOTHING: [&str; 0] = [];

/// One client with one job, published.
fn one_job(mut card: Card, run_time: i64, hang: GpuHang) -> Card {
    let (entity, work) = (card.entity("client", NORMAL), card.work("draw", run_time, hang));
    let body = card.submit(entity, work, 1);
    card.thread("client", body);
    card
}

/// A client whose job hangs, and another one whose job doesn't, a while later.
fn two_jobs(mut card: Card, later: i64) -> Card {
    for (name, hang, sleep) in [("first", GpuHang::Infinite, 0), ("second", GpuHang::No, later)] {
        let (entity, work) = (card.entity(name, NORMAL), card.work(name, MS, hang));
        let mut body = vec![op(Op::Msleep, &[Arg::Int(sleep)])];
        body.extend(card.submit(entity, work, 1));
        card.thread(name, body);
    }
    card
}

fn forever() -> Config {
    Config { timeout: i64::MAX, ..Config::default() }
}

#[test]
fn a_hang_without_a_timeout_is_found_once() {
    assert_eq!(one_job(Card::new(&forever(), spares), MS, GpuHang::Infinite).found(), ["RF101 CONFIRMED"]);
    assert_eq!(one_job(Card::new(&forever(), spares), MS, GpuHang::No).found(), ["RF101 PREDICTED"]);
    assert_eq!(one_job(Card::new(&Config::default(), spares), MS, GpuHang::Infinite).found(), NOTHING);
}

#[test]
fn a_lost_interrupt_is_as_bad_as_a_hang() {
    let mut card = one_job(Card::new(&forever(), spares), MS, GpuHang::No);
    card.build.scenario.environment.irq_loss = true;
    let report = card.report();
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.rule, finding.verdict.as_str()), ("RF101", "CONFIRMED"));
    assert!(finding.needs.contains(&"irq_loss".to_owned()), "{:?}", finding.needs);
}

#[test]
fn who_forgets_a_completed_fence_breaks_another_rule() {
    let mut card = one_job(Card::new(&forever(), spares), MS, GpuHang::No);
    // The interrupt's handler does nothing.
    for program in &mut card.build.scenario.programs {
        if program.name == "irq" {
            program.body = vec![op_out(Op::RingCompleted, &[obj(card.ring)], 0)];
        }
    }
    assert_eq!(card.found(), ["RF106 CONFIRMED", "RF101 PREDICTED"]);
}

/// Resets before submission is stopped.
fn stops_too_late(_: &mut Build, ring: ObjectId, sched: ObjectId) -> Vec<Stmt> {
    vec![
        op(Op::GpuReset, &[obj(ring)]),
        op(Op::DrmSchedStop, &[obj(sched), r(0)]),
        op(Op::DrmSchedStart, &[obj(sched), Arg::Int(0)]),
    ]
}

fn without_engine_reset() -> Config {
    Config { engine_reset: false, ..Config::default() }
}

#[test]
fn what_is_submitted_during_a_reset() {
    let late = two_jobs(Card::new(&without_engine_reset(), stops_too_late), 500 * MS);
    assert_eq!(late.found(), ["RF102 CONFIRMED"]);
    for later in [0, 499 * MS, 500 * MS, 600 * MS] {
        assert_eq!(two_jobs(Card::new(&without_engine_reset(), resets_all), later).found(), NOTHING);
        assert_eq!(two_jobs(Card::new(&Config::default(), spares), later).found(), NOTHING);
    }
}

#[test]
fn the_recovery_itself_may_resubmit() {
    let handler = |_: &mut Build, ring: ObjectId, sched: ObjectId| {
        let mut body =
            vec![op(Op::DrmSchedStop, &[obj(sched), r(0)]), op(Op::DrmSchedIncreaseKarma, &[r(0)])];
        body.push(op(Op::GpuReset, &[obj(ring)]));
        body.push(op(Op::DrmSchedResubmitJobs, &[obj(sched)]));
        // The guilty job hangs again: it is taken off.
        body.push(op(Op::GpuEngineReset, &[obj(ring), r(0)]));
        body.extend(end_job());
        body.push(op(Op::DrmSchedStart, &[obj(sched), Arg::Int(0)]));
        body
    };
    assert_eq!(two_jobs(Card::new(&Config::default(), handler), 0).found(), NOTHING);
}

#[test]
fn work_of_others_while_the_scheduler_is_stopped() {
    // Another part of the driver puts its own work on the ring, after the reset and before the start.
    let handler = |_: &mut Build, ring: ObjectId, sched: ObjectId| {
        vec![
            op(Op::DrmSchedStop, &[obj(sched), r(0)]),
            op(Op::GpuReset, &[obj(ring)]),
            op(Op::Msleep, &[Arg::Int(10 * MS)]),
            op(Op::DrmSchedStart, &[obj(sched), Arg::Int(0)]),
        ]
    };
    for (at, found) in [(505, vec!["RF102 CONFIRMED"]), (100, Vec::new()), (600, Vec::new())] {
        let mut card = one_job(Card::new(&without_engine_reset(), handler), MS, GpuHang::Infinite);
        let work = card.work("clear", MS, GpuHang::No);
        let emit = op(Op::RingEmit, &[obj(card.ring), obj(work), Arg::Null]);
        card.thread("blit", vec![op(Op::Msleep, &[Arg::Int(at * MS)]), emit]);
        assert_eq!(card.found(), found, "{at}");
    }
}

/// Tells the scheduler that the device is gone, and nobody else.
fn gives_up(_: &mut Build, ring: ObjectId, sched: ObjectId) -> Vec<Stmt> {
    let gone = vec![Stmt::Return { value: Some(Arg::Int(2)), at: SiteId::UNKNOWN }];
    vec![
        op(Op::DrmSchedStop, &[obj(sched), r(0)]),
        op_out(Op::GpuReset, &[obj(ring)], 4),
        when(r(4), gone),
        op(Op::DrmSchedStart, &[obj(sched), Arg::Int(-62)]),
    ]
}

#[test]
fn a_recovery_that_leaves_a_fence_behind() {
    let unsupported = Config { engine_reset: false, full_reset: false, ..Config::default() };
    assert_eq!(
        one_job(Card::new(&unsupported, gives_up), MS, GpuHang::Infinite).found(),
        ["RF103 CONFIRMED"]
    );
    assert_eq!(one_job(Card::new(&Config::default(), gives_up), MS, GpuHang::Infinite).found(), NOTHING);
    let mut fails = one_job(Card::new(&Config::default(), gives_up), MS, GpuHang::Infinite);
    fails.build.scenario.environment.reset_failure = true;
    let report = fails.report();
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.rule, finding.verdict.as_str()), ("RF103", "CONFIRMED"));
    assert!(finding.needs.contains(&"reset_failure".to_owned()), "{:?}", finding.needs);
}

#[test]
fn the_innocent_are_spared_where_that_is_possible() {
    assert_eq!(two_jobs(Card::new(&Config::default(), resets_all), 0).found(), ["RF104 CONFIRMED"]);
    assert_eq!(two_jobs(Card::new(&without_engine_reset(), resets_all), 0).found(), NOTHING);
    assert_eq!(two_jobs(Card::new(&Config::default(), spares), 0).found(), NOTHING);
    assert_eq!(one_job(Card::new(&Config::default(), resets_all), MS, GpuHang::Infinite).found(), NOTHING);
}

#[test]
fn who_takes_too_long_is_no_innocent() {
    // The second job runs for longer than it may. That another one has hung before has nothing to do with it.
    let mut card = Card::new(&Config::default(), spares);
    let jobs = [("first", MS, GpuHang::Infinite, 0), ("second", 600 * MS, GpuHang::No, 700 * MS)];
    for (name, run_time, hang, sleep) in jobs {
        let (entity, work) = (card.entity(name, NORMAL), card.work(name, run_time, hang));
        let mut body = vec![op(Op::Msleep, &[Arg::Int(sleep)])];
        body.extend(card.submit(entity, work, 1));
        card.thread(name, body);
    }
    assert_eq!(card.found(), NOTHING);
}

#[test]
fn a_full_reset_after_an_engine_reset_has_failed_is_needed() {
    let handler = |_: &mut Build, ring: ObjectId, sched: ObjectId| {
        let all = vec![op(Op::GpuReset, &[obj(ring)]), op(Op::RingClear, &[obj(ring)])];
        vec![
            op(Op::DrmSchedStop, &[obj(sched), r(0)]),
            op_out(Op::GpuEngineReset, &[obj(ring), r(0)], 4),
            when(r(4), all),
            op(Op::DrmSchedStart, &[obj(sched), Arg::Int(-62)]),
        ]
    };
    let mut card = two_jobs(Card::new(&Config::default(), handler), 0);
    card.build.scenario.environment.reset_failure = true;
    // Where the engine reset works, the innocent job is cancelled all the same: drm_sched_stop() has let go of it.
    let report = card.report();
    let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["RF104"]);
    let steps = report.findings[0].witness.as_ref().map_or(&[][..], |witness| &witness.steps);
    assert!(!steps.is_empty());
    assert!(
        !report.findings[0].needs.contains(&"reset_failure".to_owned()),
        "{:?}",
        report.findings[0].needs
    );
}

/// Ends the job at this try; before, gives it more time.
fn patient(limit: i64) -> impl FnOnce(&mut Build, ObjectId, ObjectId) -> Vec<Stmt> {
    move |build, ring, _| {
        let tries = Card::tries(build);
        let mut end = vec![op(Op::GpuEngineReset, &[obj(ring), r(0)])];
        end.extend(end_job());
        vec![
            op(Op::DrmSchedInsertPendingJob, &[r(0)]),
            op_out(Op::CellAdd, &[obj(tries), Arg::Int(1)], 3),
            op_out(Op::Lt, &[r(3), Arg::Int(limit)], 3),
            op_out(Op::Not, &[r(3)], 3),
            when(r(3), end),
        ]
    }
}

#[test]
fn recovery_that_comes_to_nothing_again_and_again() {
    let slow = || Config { timeout: 2_000 * MS, ..Config::default() };
    assert_eq!(one_job(Card::new(&slow(), patient(9)), MS, GpuHang::Infinite).found(), ["RF107 CONFIRMED"]);
    assert_eq!(one_job(Card::new(&slow(), patient(4)), MS, GpuHang::Infinite).found(), NOTHING);
    // Once may be patience: the fence is just late.
    let once = Config { timeout: 8_000 * MS, ..Config::default() };
    assert_eq!(one_job(Card::new(&once, patient(2)), MS, GpuHang::Infinite).found(), ["RF106 CONFIRMED"]);
}
