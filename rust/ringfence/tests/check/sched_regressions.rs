//! What random scenarios with schedulers have found, each in the smallest form that shows it.

use ringfence::check::{Options, Report, check};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};
use crate::fifo_sched::fifo_sched;
use crate::survey::run_watched;

const fn r(number: u16) -> Arg {
    Arg::Register(number)
}

fn report_of(build: &Build) -> Report {
    let options = Options { executions: 2_000, steps_max: 1_000, ..crate::unminimised() };
    check(&build.scenario, &options, &|_| true).expect("a valid scenario")
}

fn has(report: &Report, rule: &str, what: &str) -> bool {
    report.findings.iter().any(|finding| finding.rule == rule && finding.summary.contains(what))
}

/// A scheduler whose jobs are done at once, or never if it has a fence for them that nobody signals.
fn scheduler(build: &mut Build, name: &str, ends: bool) -> ObjectId {
    let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    let timeline = build.object("hw", kind);
    let give = |value| Stmt::Return { value: Some(value), at: SiteId::UNKNOWN };
    let body = match ends {
        true => vec![give(Arg::Null)],
        false => vec![op_out(Op::DmaFenceInit, &[obj(timeline)], 1), give(r(1))],
    };
    let run_job = build.handler("run_job", 1, &[Kind::SchedJob, Kind::Fence], Some(Kind::FenceOrErr), body);
    let free = vec![op(Op::DrmSchedJobCleanup, &[r(0)]), op(Op::DrmSchedJobFree, &[r(0)])];
    let free_job = build.handler("free_job", 1, &[Kind::SchedJob], None, free);
    let kind = fifo_sched(run_job, free_job);
    build.object(name, kind)
}

fn entity(build: &mut Build, scheds: &[ObjectId]) -> ObjectId {
    build.object("entity", ObjectKind::SchedEntity { scheds: scheds.to_vec(), priority: 2, guilty: None })
}

/// The job in this register is made.
fn init(job: u16, entity: ObjectId) -> [Stmt; 2] {
    [
        op_out(Op::DrmSchedJobAlloc, &[Arg::Null], job),
        op(Op::DrmSchedJobInit, &[r(job), obj(entity), Arg::Int(1)]),
    ]
}

fn arm(job: u16) -> Stmt {
    op(Op::DrmSchedJobArm, &[r(job)])
}

fn push(job: u16) -> Stmt {
    op(Op::DrmSchedEntityPushJob, &[r(job)])
}

const JOBS: [Kind; 3] = [Kind::SchedJob, Kind::SchedJob, Kind::SchedJob];

#[test]
fn an_entity_moves_between_arming_and_pushing() {
    let mut build = Build::default();
    let scheds = ["a", "b"].map(|name| scheduler(&mut build, name, false));
    let (moves, stays) = (entity(&mut build, &scheds), entity(&mut build, &scheds[..1]));
    // The first scheduler gets busy, so that the entity goes to the second one with its next job.
    let mut body = [init(0, moves), init(1, moves), init(2, stays)].concat();
    body.extend([arm(0), arm(2), push(2), arm(1), push(0), push(1)]);
    build.thread("t", &JOBS, body);
    assert!(has(&report_of(&build), "RF507", "another scheduler than it was armed for"));
    run_watched(&build.scenario, 0, 200, 1_000);
}

#[test]
fn an_entity_loses_its_scheduler_while_it_is_flushed() {
    let mut build = Build::default();
    let scheds = ["a", "b"].map(|name| scheduler(&mut build, name, true));
    let entity = entity(&mut build, &scheds);
    let mut body = init(0, entity).to_vec();
    body.extend([arm(0), push(0), op(Op::DrmSchedEntityFlush, &[obj(entity), Arg::Int(100)])]);
    build.thread("flushes", &JOBS, body);
    let mut body = init(0, entity).to_vec();
    body.extend(scheds.map(|sched| op(Op::DrmSchedSetReady, &[obj(sched), Arg::Int(0)])));
    body.extend([arm(0), push(0)]);
    build.thread("arms", &JOBS, body);
    assert!(has(&report_of(&build), "RF509", "NULL pointer dereference"));
    run_watched(&build.scenario, 0, 2_000, 1_000);
}

#[test]
fn an_entity_is_initialised_again_without_an_end() {
    let mut build = Build::default();
    let sched = scheduler(&mut build, "sched", true);
    let entity = entity(&mut build, &[sched]);
    let mut body = init(0, entity).to_vec();
    body.extend([
        arm(0),
        push(0),
        op(Op::DrmSchedEntityFlush, &[obj(entity), Arg::Int(0)]),
        op(Op::DrmSchedEntityKill, &[obj(entity)]),
        op(Op::DrmSchedEntityInit, &[obj(entity), Arg::Int(2), Arg::List(vec![obj(sched)])]),
    ]);
    build.thread("t", &JOBS, body);
    assert!(has(&report_of(&build), "RF502", "initialised again while it is in use"));
}

#[test]
fn an_entity_moves_away_from_a_scheduler_that_was_taken_down() {
    let mut build = Build::default();
    let scheds = ["a", "b"].map(|name| scheduler(&mut build, name, true));
    let entity = entity(&mut build, &scheds);
    let mut body = [init(0, entity), init(1, entity)].concat();
    body.extend([
        arm(0),
        push(0),
        op(Op::DrmSchedEntityFlush, &[obj(entity), Arg::Int(0)]),
        op(Op::Msleep, &[Arg::Int(5)]),
        op(Op::DrmSchedFini, &[obj(scheds[0])]),
        arm(1),
        push(1),
    ]);
    build.thread("t", &JOBS, body);
    assert!(has(&report_of(&build), "RF502", "used after drm_sched_fini()"));
    run_watched(&build.scenario, 0, 500, 1_000);
}

#[test]
fn two_recoveries_at_once_keep_the_lists_in_order() {
    let mut build = Build::default();
    let sched = scheduler(&mut build, "sched", true);
    let entity = entity(&mut build, &[sched]);
    let mut body = [init(0, entity), init(1, entity), init(2, entity)].concat();
    body.extend([arm(0), push(0), arm(1), push(1), arm(2), push(2)]);
    build.thread("submits", &JOBS, body);
    // Two recoveries at once: one starts the scheduler while the other is still at its jobs.
    for name in ["one", "other"] {
        let stop = op(Op::DrmSchedStop, &[obj(sched), Arg::Null]);
        let start = op(Op::DrmSchedStart, &[obj(sched), Arg::Int(0)]);
        build.thread(name, &[], vec![stop, start]);
    }
    run_watched(&build.scenario, 0, 3_000, 1_000);
}
