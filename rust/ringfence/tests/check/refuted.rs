//! Circles of locks that the validator predicts and that cannot close: the check says so, and why.

use std::slice::from_ref;

use ringfence::check::{Method, Options, Report, check, text};
use ringfence::diag::Verdict;
use ringfence::diag::render::{Again, TextOptions};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};
use crate::directed::with_places;
use crate::fifo_sched::fifo_sched;

/// One lock inside another.
fn nested(outer: ObjectId, inner: ObjectId) -> Vec<Stmt> {
    vec![
        op(Op::MutexLock, &[obj(outer)]),
        op(Op::MutexLock, &[obj(inner)]),
        op(Op::MutexUnlock, &[obj(inner)]),
        op(Op::MutexUnlock, &[obj(outer)]),
    ]
}

fn report_of(build: Build, options: &Options) -> Report {
    let scenario = with_places(build.scenario);
    check(&scenario, options, &|_| true).expect("a valid scenario")
}

/// There is one finding, and it is refuted for this reason; the report says so.
fn refuted(build: Build, why: &str) {
    refuted_with(build, &Options::default(), why);
}

fn refuted_with(build: Build, options: &Options, why: &str) {
    let report = report_of(build, options);
    let [finding] = report.findings.as_slice() else { panic!("one finding: {report:#?}") };
    assert_eq!((finding.rule, finding.verdict), ("RF601", Verdict::Refuted), "{finding:#?}");
    assert!(report.complete && finding.lock.is_some() && finding.chain.is_empty(), "{finding:#?}");
    let reason = format!("it cannot happen here: {why}");
    assert_eq!(finding.notes, [reason.as_str()]);
    let options = TextOptions { width: 200, ..TextOptions::default() };
    let text = text(&report, &options, Again::Call);
    assert!(text.contains("REFUTED") && text.contains(&format!("Refuted: {reason}.")), "{text}");
    assert!(text.contains(", which stand for all there are"), "{text}");
}

/// Two threads take two locks in two orders, both under a third one or not.
fn two_orders(guarded: [bool; 2]) -> Build {
    let mut build = Build::default();
    let [guard, a, b] = ["guard", "a", "b"].map(|name| build.mutex(name));
    for (name, [outer, inner], guarded) in [("one", [a, b], guarded[0]), ("two", [b, a], guarded[1])] {
        let mut body = nested(outer, inner);
        if guarded {
            body.insert(0, op(Op::MutexLock, &[obj(guard)]));
            body.push(op(Op::MutexUnlock, &[obj(guard)]));
        }
        build.thread(name, &[], body);
    }
    build
}

#[test]
fn a_guard_lock() {
    refuted(two_orders([true, true]), "whoever takes these locks holds guard");
}

/// A guard that one of them does without guards nothing.
#[test]
fn half_a_guard_lock() {
    for guarded in [[true, false], [false, true]] {
        let report = report_of(two_orders(guarded), &Options::default());
        let [finding] = report.findings.as_slice() else { panic!("one finding: {report:#?}") };
        assert_eq!((finding.rule, finding.verdict), ("RF601", Verdict::Confirmed), "{finding:#?}");
        assert!(finding.notes.is_empty());
    }
}

/// What one thread of the scenario does, two can do at the same time in the kernel: that refutes nothing.
#[test]
fn one_thread_alone() {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    build.thread("alone", &[], [nested(a, b), nested(b, a)].concat());
    let report = report_of(build, &Options::default());
    let [finding] = report.findings.as_slice() else { panic!("one finding: {report:#?}") };
    assert_eq!((finding.rule, finding.verdict), ("RF601", Verdict::Predicted), "{finding:#?}");
    assert!(
        report.complete && finding.notes[0].starts_with("here only alone takes these locks"),
        "{finding:#?}"
    );
}

/// The second one begins when the first one is done.
#[test]
fn one_after_the_other() {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    let done = build.object("done", ObjectKind::Completion);
    let mut first = nested(a, b);
    first.push(op(Op::Complete, &[obj(done)]));
    build.thread("first", &[], first);
    let mut second = nested(b, a);
    second.insert(0, op(Op::WaitForCompletion, &[obj(done)]));
    build.thread("second", &[], second);
    refuted(build, "a and b are never held at the same time on this circle");
}

/// A workqueue that runs one work after the other, in the order in which they were queued.
#[test]
fn works_of_an_ordered_workqueue() {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    let wq = build.object("wq", ObjectKind::Workqueue { ordered: true, mem_reclaim: false, max_active: 0 });
    let works = [("forth", a, b), ("back", b, a)].map(|(name, outer, inner)| {
        let function = build.program(name, &[], nested(outer, inner));
        build.object(name, ObjectKind::Work { function })
    });
    for (number, work) in works.into_iter().enumerate() {
        build.thread(&format!("queues {number}"), &[], vec![op(Op::QueueWork, &[obj(wq), obj(work)])]);
    }
    refuted(build, "kworker/0-wq takes all these locks, and nobody else does");
}

/// A scheduler whose `run_job` and `free_job` do this.
fn scheduler(build: &mut Build, name: &str, mut run: Vec<Stmt>, mut free: Vec<Stmt>) -> ObjectId {
    run.push(Stmt::Return { value: Some(Arg::Null), at: SiteId::UNKNOWN });
    let program = format!("{name}_run_job");
    let run_job = build.handler(&program, 1, &[Kind::SchedJob], Some(Kind::FenceOrErr), run);
    let job = Arg::Register(0);
    free.extend([Op::DrmSchedJobCleanup, Op::DrmSchedJobFree].map(|last| op(last, from_ref(&job))));
    let free_job = build.handler(&format!("{name}_free_job"), 1, &[Kind::SchedJob], None, free);
    let sched = fifo_sched(run_job, free_job);
    build.object(name, sched)
}

/// A job in this register; behind the one of another register, if there is one.
fn submit(build: &mut Build, sched: ObjectId, register: u16, behind: Option<(u16, u16)>) -> Vec<Stmt> {
    let entity = ObjectKind::SchedEntity { scheds: vec![sched], priority: 2, guilty: None };
    let entity = build.object(&format!("entity{register}"), entity);
    let job = Arg::Register(register);
    let mut stmts = vec![
        op_out(Op::DrmSchedJobAlloc, &[Arg::Null], register),
        op(Op::DrmSchedJobInit, &[job.clone(), obj(entity), Arg::Int(1)]),
    ];
    if let Some((first, finished)) = behind {
        let fence = Arg::Register(finished);
        stmts.extend([
            op_out(Op::DrmSchedJobFinished, &[Arg::Register(first)], finished),
            op_out(Op::DmaFenceGet, from_ref(&fence), finished),
            op(Op::DrmSchedJobAddDependency, &[job.clone(), fence]),
        ]);
    }
    stmts.extend([Op::DrmSchedJobArm, Op::DrmSchedEntityPushJob].map(|last| op(last, from_ref(&job))));
    stmts
}

/// The GPU scheduler frees a job when it has run it, on the same workqueue, which is an ordered one.
#[test]
fn the_handlers_of_a_job() {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    let sched = scheduler(&mut build, "sched", nested(a, b), nested(b, a));
    let body = submit(&mut build, sched, 0, None);
    build.thread("client", &[Kind::SchedJob], body);
    refuted(build, "kworker/0-sched takes all these locks, and nobody else does");
}

/// A job on one scheduler depends on one on another: the scheduler does not run it before.
#[test]
fn a_job_that_depends_on_another() {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    let scheds = [("copy", a, b), ("render", b, a)]
        .map(|(name, outer, inner)| scheduler(&mut build, name, nested(outer, inner), Vec::new()));
    let first = submit(&mut build, scheds[0], 0, None);
    // Its fence is taken before it is pushed, as it may be gone then.
    let second = submit(&mut build, scheds[1], 1, Some((0, 2)));
    let (arm, push) = first.split_at(first.len() - 1);
    let body = [arm, &second, push].concat();
    build.thread("client", &[Kind::SchedJob, Kind::SchedJob, Kind::Fence], body);
    // Two schedulers do much at the same time that makes no difference, and partial order reduction can't tell.
    let options = Options { method: Method::Dpor, executions: 40_000, ..Options::default() };
    refuted_with(build, &options, "a and b are never held at the same time on this circle");
}
