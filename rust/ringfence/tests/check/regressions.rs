//! What random scenarios and invariants have found, each in the smallest form that shows it.

use ringfence::check::{Options, Report, check};
use ringfence_base::SiteId;
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};

use crate::build::{Build, obj, op, op_out};
use crate::survey::run_watched;

fn report_of(build: &Build) -> Report {
    let options = Options { executions: 3_000, steps_max: 1_000, ..crate::unminimised() };
    check(&build.scenario, &options, &|_| true).expect("a valid scenario")
}

fn has(report: &Report, rule: &str, what: &str) -> bool {
    report.findings.iter().any(|finding| finding.rule == rule && finding.summary.contains(what))
}

fn register(number: u16) -> Arg {
    Arg::Register(number)
}

fn spinlock(build: &mut Build, name: &str) -> ringfence_base::ObjectId {
    build.object(name, ObjectKind::Spinlock { class: None })
}

#[test]
fn preemption_enabled_under_a_spinlock_is_missed_when_it_is_given_back() {
    let mut build = Build::default();
    let lock = spinlock(&mut build, "lock");
    let body =
        vec![op(Op::SpinLock, &[obj(lock)]), op(Op::PreemptEnable, &[]), op(Op::SpinUnlock, &[obj(lock)])];
    build.thread("t", &[], body);
    assert!(has(&report_of(&build), "RF614", "preemption enabled before"));
}

#[test]
fn a_lock_kept_by_a_thread_that_has_returned_hangs_the_next() {
    let mut build = Build::default();
    let lock = build.mutex("lock");
    build.thread("keeps", &[], vec![op(Op::MutexLock, &[obj(lock)])]);
    build.thread("waits", &[], vec![op(Op::MutexLock, &[obj(lock)]), op(Op::MutexUnlock, &[obj(lock)])]);
    let report = report_of(&build);
    let hang = report.findings.iter().find(|finding| finding.rule == "RF613" && !finding.chain.is_empty());
    let hang = hang.unwrap_or_else(|| panic!("the hang is missed: {:#?}", report.findings));
    assert_eq!(hang.chain[0].context, "waits");
    assert_eq!(hang.chain[0].others, ["keeps"]);
}

/// A fence whose ops have this one, which runs `body` with the fence in register 0; and a callback.
fn fence_with(
    build: &mut Build,
    op_name: &str,
    body: Vec<Stmt>,
    result: Option<Kind>,
) -> ringfence_base::ObjectId {
    let program = build.handler(op_name, 1, &[Kind::Fence], result, body);
    let named = |name: &str| (name == op_name).then_some(program);
    let ops = build.object(
        "ops",
        ObjectKind::FenceOps {
            enable_signaling: named("enable_signaling"),
            signaled: None,
            wait: None,
            release: named("release"),
            set_deadline: None,
            use_64bit_seqno: false,
        },
    );
    build.object("timeline", ObjectKind::Timeline { lock: None, ops: Some(ops), first_seqno: 1, bound: None })
}

fn callback(build: &mut Build) -> ringfence_base::ObjectId {
    let function = build.handler("callback", 1, &[Kind::Fence], None, Vec::new());
    build.object("cb", ObjectKind::FenceCb { function })
}

#[test]
fn a_callback_added_while_the_fence_is_released() {
    let mut build = Build::default();
    let cb = callback(&mut build);
    let add = vec![op(Op::DmaFenceAddCallback, &[register(0), obj(cb)])];
    let timeline = fence_with(&mut build, "release", add, None);
    let body = vec![op_out(Op::DmaFenceInit, &[obj(timeline)], 0), op(Op::DmaFencePut, &[register(0)])];
    build.thread("t", &[Kind::Fence], body);
    assert!(has(&report_of(&build), "RF502", "added during its release"));
}

/// A callback is added to a fence whose `enable_signaling` does this, and says that all is well.
fn adds_a_callback_while(does: Op) -> Report {
    let mut build = Build::default();
    let cb = callback(&mut build);
    let enable =
        vec![op(does, &[register(0)]), Stmt::Return { value: Some(Arg::Int(1)), at: SiteId::UNKNOWN }];
    let timeline = fence_with(&mut build, "enable_signaling", enable, Some(Kind::Int));
    let body = vec![
        op_out(Op::DmaFenceInit, &[obj(timeline)], 0),
        op(Op::DmaFenceAddCallback, &[register(0), obj(cb)]),
    ];
    build.thread("t", &[Kind::Fence], body);
    report_of(&build)
}

#[test]
fn a_fence_freed_while_a_callback_is_added_to_it() {
    assert!(has(&adds_a_callback_while(Op::DmaFencePut), "RF502", "freed while a callback was added"));
}

#[test]
fn a_fence_signaled_while_a_callback_is_added_to_it() {
    let report = adds_a_callback_while(Op::DmaFenceSignalLocked);
    assert!(has(&report, "RF502", "signaled while a callback was added"));
}

#[test]
fn a_fence_freed_before_its_waiter_sleeps() {
    let mut build = Build::default();
    let put = vec![
        op(Op::DmaFencePut, &[register(0)]),
        Stmt::Return { value: Some(Arg::Int(1)), at: SiteId::UNKNOWN },
    ];
    let timeline = fence_with(&mut build, "enable_signaling", put, Some(Kind::Int));
    let body = vec![
        op_out(Op::DmaFenceInit, &[obj(timeline)], 0),
        op(Op::DmaFenceWait, &[register(0), Arg::Int(0)]),
    ];
    build.thread("t", &[Kind::Fence], body);
    let report = report_of(&build);
    assert!(has(&report, "RF502", "taken after it was freed"), "{:#?}", report.findings);
}

/// The second thread spins with interrupts on; the interrupt that it serves meanwhile takes `in_irq`.
fn interrupted_while_spinning(in_irq_is_the_same: bool) -> Build {
    let mut build = Build::default();
    let (outer, lock) = (spinlock(&mut build, "outer"), spinlock(&mut build, "lock"));
    let other = if in_irq_is_the_same { lock } else { spinlock(&mut build, "other") };
    let both = |lock| [op(Op::SpinLock, &[obj(lock)]), op(Op::SpinUnlock, &[obj(lock)])];
    let handler = build.handler("handler", 0, &[], Some(Kind::Int), {
        let done = Stmt::Return { value: Some(Arg::Int(0)), at: SiteId::UNKNOWN };
        both(other).into_iter().chain([done]).collect()
    });
    let irq = build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
    let holder = |lock, inside: &[Stmt]| {
        let mut body = vec![op_out(Op::SpinLockIrqsave, &[obj(lock)], 0)];
        body.extend_from_slice(inside);
        body.push(op(Op::SpinUnlockIrqrestore, &[obj(lock), register(0)]));
        body
    };
    let inside = if in_irq_is_the_same { Vec::new() } else { both(other).to_vec() };
    build.thread("holder", &[Kind::Cookie], holder(lock, &[]));
    build.thread("both", &[Kind::Cookie], holder(lock, &inside));
    build.thread("other", &[Kind::Cookie], holder(other, &[op(Op::CondResched, &[])]));
    let mut spins = vec![op(Op::RaiseIrq, &[obj(irq)]), op(Op::SpinLock, &[obj(outer)])];
    // It never holds `lock` with interrupts on, so nothing can hang.
    spins.extend([
        op(Op::SpinLock, &[obj(lock)]),
        op(Op::SpinUnlock, &[obj(lock)]),
        op(Op::SpinUnlock, &[obj(outer)]),
    ]);
    build.thread("spins", &[], spins);
    build
}

fn hangs(report: &Report) -> Vec<&str> {
    let hangs = report.findings.iter().filter(|finding| !finding.chain.is_empty());
    hangs.map(|finding| finding.summary.as_str()).collect()
}

#[test]
fn an_interrupt_of_a_spinning_waiter_waits_for_another_lock() {
    let build = interrupted_while_spinning(false);
    assert_eq!(hangs(&report_of(&build)), [""; 0]);
    // Nor does it sleep while it could have the lock, until somebody happens to wake it.
    let survey = run_watched(&build.scenario, 0, 3_000, 1_000);
    assert_eq!(survey.hung, 0);
}

#[test]
fn an_interrupt_of_a_spinning_waiter_waits_for_the_same_lock() {
    // It may also arrive while the lock is held: that is a deadlock of the thread with itself, and no other is.
    for hang in hangs(&report_of(&interrupted_while_spinning(true))) {
        assert_eq!(hang, "spins waits for itself: lock");
    }
}

#[test]
fn a_choice_between_very_many() {
    let mut build = Build::default();
    let body = vec![
        op_out(Op::Set, &[Arg::Int(i64::MAX)], 0),
        op_out(Op::Choose, &[Arg::Text("which".into()), register(0)], 0),
        op_out(Op::Lt, &[register(0), Arg::Int(0)], 0),
        op(Op::WarnOn, &[register(0)]),
    ];
    build.thread("t", &[Kind::Int], body);
    let report = report_of(&build);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

/// A function that returns with a spinlock held leaves its worker where interrupts arrive.
fn kept_spinlock(build: &mut Build) -> ringfence_base::ProgramId {
    let lock = spinlock(build, "kept");
    build.program("keeps a lock", &[], vec![op(Op::SpinTrylock, &[obj(lock)])])
}

fn slow_irq(build: &mut Build) -> ringfence_base::ObjectId {
    let handler = build.handler("handler", 0, &[], Some(Kind::Int), {
        let done = Stmt::Return { value: Some(Arg::Int(0)), at: SiteId::UNKNOWN };
        vec![op(Op::MightSleep, &[]), op(Op::MightSleep, &[]), done]
    });
    build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None })
}

#[test]
fn a_worker_is_interrupted_between_two_works_and_the_second_is_cancelled() {
    let mut build = Build::default();
    let function = kept_spinlock(&mut build);
    let irq = slow_irq(&mut build);
    let work = build.object("work", ObjectKind::Work { function });
    let queue = op(Op::QueueWork, &[Arg::Null, obj(work)]);
    let body = vec![
        queue.clone(),
        op(Op::FlushWork, &[obj(work)]),
        op(Op::RaiseIrq, &[obj(irq)]),
        queue,
        op(Op::CondResched, &[]),
        op(Op::CancelWork, &[obj(work)]),
    ];
    build.thread("t", &[], body);
    run_watched(&build.scenario, 0, 2_000, 1_000);
}

#[test]
fn a_kthread_worker_is_interrupted_between_two_works_and_the_second_is_cancelled() {
    let mut build = Build::default();
    let function = kept_spinlock(&mut build);
    let irq = slow_irq(&mut build);
    let worker = build.object("worker", ObjectKind::KthreadWorker);
    let work = build.object("work", ObjectKind::KthreadWork { function });
    let queue = op(Op::KthreadQueueWork, &[obj(worker), obj(work)]);
    let body = vec![
        queue.clone(),
        op(Op::KthreadFlushWork, &[obj(work)]),
        op(Op::RaiseIrq, &[obj(irq)]),
        queue,
        op(Op::CondResched, &[]),
        op(Op::KthreadCancelWorkSync, &[obj(work)]),
    ];
    build.thread("t", &[], body);
    run_watched(&build.scenario, 0, 2_000, 1_000);
}

#[test]
fn an_rcu_callback_queues_itself_again() {
    let mut build = Build::default();
    let times = build.object("times", ObjectKind::Cell { init: 0 });
    // The callback is the object behind this one.
    let head = ringfence_base::ObjectId::new(1);
    let again = vec![
        op_out(Op::CellAdd, &[obj(times), Arg::Int(1)], 0),
        op_out(Op::Lt, &[register(0), Arg::Int(3)], 0),
        Stmt::If {
            cond: register(0),
            then: vec![op(Op::CallRcu, &[obj(head)])],
            otherwise: Vec::new(),
            at: SiteId::UNKNOWN,
        },
    ];
    let function = build.program("again", &[Kind::Int], again);
    build.object("head", ObjectKind::RcuHead { function });
    let body = vec![
        op(Op::CallRcu, &[obj(head)]),
        op(Op::RcuBarrier, &[]),
        op(Op::RcuBarrier, &[]),
        op(Op::RcuBarrier, &[]),
        op_out(Op::CellRead, &[obj(times)], 0),
        op_out(Op::Ne, &[register(0), Arg::Int(3)], 0),
        op(Op::WarnOn, &[register(0)]),
    ];
    build.thread("t", &[Kind::Int], body);
    let report = report_of(&build);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}
