//! Sizes, depths and numbers that nobody writes by hand: all of them go through, in bounded time and stack.

use ringfence::check::{End, Executor, Options, Report, RunToCompletion, check, text};
use ringfence::diag::render::{Again, TextOptions};
use ringfence::model::Plan;
use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{Gfp, SiteId};
use ringfence_lockdep::annotations::Profile;

use crate::build::{Build, obj, op, op_out};

const AT: SiteId = SiteId::UNKNOWN;
const NUMBERS: [i64; 12] = [
    i64::MIN,
    i64::MIN + 1,
    i32::MIN as i64,
    -1,
    0,
    1,
    7,
    8,
    u32::MAX as i64,
    u32::MAX as i64 + 1,
    i64::MAX - 1,
    i64::MAX,
];

fn report_of(build: &Build, executions: u64, steps_max: u64) -> Report {
    let options = Options { executions, steps_max, ..crate::unminimised() };
    let report = check(&build.scenario, &options, &|_| true).expect("a valid scenario");
    assert!(!text(&report, &TextOptions::default(), Again::Call).is_empty());
    report
}

fn rules(report: &Report) -> Vec<&'static str> {
    let mut rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn register(number: u16) -> Arg {
    Arg::Register(number)
}

/// Every operation that takes numbers, with each of the numbers.
#[test]
fn numbers() {
    for number in NUMBERS {
        let mut build = Build::default();
        let int = register(2);
        let handler = build.program("handler", &[], Vec::new());
        let (mutex, spinlock) = (build.mutex("m"), ObjectKind::Spinlock { class: None });
        let spinlock = build.object("s", spinlock);
        let completion = build.object("c", ObjectKind::Completion);
        let timer = build.object("timer", ObjectKind::Timer { function: handler, irqsafe: false });
        let delayed = build.object("dw", ObjectKind::DelayedWork { function: handler });
        let engine = build.object("engine", ObjectKind::Engine { irq: None, gpu: None, preemption: false });
        let cell = build.object("cell", ObjectKind::Cell { init: number });
        let queue = build.object("wq", ObjectKind::WaitQueue);
        let resv = build.object("resv", ObjectKind::Resv);
        let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 0, bound: None };
        let timeline = build.object("timeline", timeline);
        let syncobj = build.object("syncobj", ObjectKind::Syncobj);
        let sw_sync = build.object("sw_sync", ObjectKind::SwSync);
        let body = vec![
            op_out(Op::Add, &[int.clone(), int.clone()], 0),
            op_out(Op::Sub, &[Arg::Int(i64::MIN), int.clone()], 0),
            op_out(Op::Choose, &[Arg::Text("n".into()), int.clone()], 0),
            op(Op::CellAdd, &[obj(cell), int.clone()]),
            op(Op::MutexLockNested, &[obj(mutex), int.clone()]),
            op(Op::SpinLockNested, &[obj(spinlock), int.clone()]),
            op(Op::SpinUnlock, &[obj(spinlock)]),
            op(Op::MutexUnlock, &[obj(mutex)]),
            op(Op::Udelay, std::slice::from_ref(&int)),
            op(Op::Msleep, std::slice::from_ref(&int)),
            op(Op::ModTimer, &[obj(timer), int.clone()]),
            op(Op::QueueDelayedWork, &[Arg::Null, obj(delayed), int.clone()]),
            op(Op::ModDelayedWork, &[Arg::Null, obj(delayed), int.clone()]),
            op(Op::EngineSubmit, &[obj(engine), Arg::Null, int.clone()]),
            op(Op::WaitForCompletionTimeout, &[obj(completion), int.clone()]),
            op(Op::WaitEventTimeout, &[obj(queue), obj(cell), Arg::Int(1), int.clone()]),
            op(Op::DmaResvLock, &[obj(resv), Arg::Null]),
            op(Op::DmaResvReserveFences, &[obj(resv), int.clone()]),
            op_out(Op::DmaFenceInitSeqno, &[obj(timeline), int.clone()], 1),
            op(Op::DmaResvAddFence, &[obj(resv), register(1), Arg::Int(0)]),
            op(Op::DmaResvReserveFences, &[obj(resv), int.clone()]),
            op(Op::DmaResvUnlock, &[obj(resv)]),
            op(Op::DmaFenceSetError, &[register(1), int.clone()]),
            op(Op::DmaFenceSetDeadline, &[register(1), int.clone()]),
            op(Op::DmaFenceWaitTimeout, &[register(1), Arg::Int(0), int.clone()]),
            op(Op::DmaFenceSignalTimestamp, &[register(1), int.clone()]),
            op_out(Op::DmaFenceInit, &[obj(timeline)], 1),
            op_out(Op::DmaFenceChainInit, &[Arg::Null, register(1), int.clone()], 1),
            op(Op::DmaFenceChainFindSeqno, &[register(1), int.clone()]),
            op(Op::DmaFenceArrayNext, &[register(1), int.clone()]),
            op(Op::SyncobjAddPoint, &[obj(syncobj), register(1), int.clone()]),
            op(Op::SyncobjWait, &[obj(syncobj), int.clone(), Arg::Int(1), int.clone()]),
            op(Op::SwSyncCreateFence, &[obj(sw_sync), int.clone()]),
            op(Op::SwSyncInc, &[obj(sw_sync), int.clone()]),
            op_out(Op::DmaFenceAllocInit, &[obj(timeline), Arg::Gfp(Gfp::from_bits(u32::MAX))], 1),
            op(Op::DmaFenceEndSignalling, std::slice::from_ref(&int)),
            op(Op::Kmalloc, &[Arg::Gfp(Gfp::from_bits(u32::MAX))]),
        ];
        // From a register: as a literal some of them would be refused.
        let body: Vec<Stmt> = [op_out(Op::Set, &[Arg::Int(number)], 2)].into_iter().chain(body).collect();
        let registers = [Kind::Int, Kind::Fence, Kind::Int];
        build.thread("t", &registers, body.clone());
        build.thread("u", &registers, body);
        build.scenario.environment = Environment::contract();
        report_of(&build, 40, 2_000);
    }
}

/// A callback signals a fence whose callback signals a fence …
#[test]
fn callbacks_that_signal_fences() {
    const COUNT: usize = 2_000;
    let mut build = Build::default();
    let timelines: Vec<_> = (0..COUNT)
        .map(|n| {
            let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
            let timeline = build.object(&format!("t{n}"), timeline);
            build.object(&format!("f{n}"), ObjectKind::Fence { timeline, seqno: None })
        })
        .collect();
    let mut body = Vec::new();
    for pair in timelines.windows(2) {
        let signal = vec![op(Op::DmaFenceSignal, &[obj(pair[1])])];
        let function = build.handler("signal the next", 1, &[Kind::Fence], None, signal);
        let callback = build.object("cb", ObjectKind::FenceCb { function });
        body.push(op(Op::DmaFenceAddCallback, &[obj(pair[0]), obj(callback)]));
    }
    body.push(op(Op::DmaFenceSignal, &[obj(timelines[0])]));
    body.push(op_out(Op::DmaFenceIsSignaled, &[obj(timelines[COUNT - 1])], 0));
    body.push(op_out(Op::Not, &[register(0)], 0));
    body.push(op(Op::WarnOn, &[register(0)]));
    build.thread("t", &[Kind::Int], body);
    let report = report_of(&build, 1, 100_000);
    assert_eq!(report.bound, 0);
    assert!(!rules(&report).contains(&"RF706"), "the last fence is signaled: {:?}", rules(&report));
}

/// An array in an array in an array …, and chains likewise: made, published, polled, waited for and dropped.
#[test]
fn containers_nested_deeper_than_any_stack() {
    for chain in [false, true] {
        let mut build = Build::default();
        let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = build.object("timeline", timeline);
        let wrap = match chain {
            false => {
                op_out(Op::DmaFenceArrayCreate, &[Arg::List(vec![register(0)]), Arg::Int(1), Arg::Int(0)], 0)
            }
            true => op_out(Op::DmaFenceChainInit, &[Arg::Null, register(0), Arg::Int(1)], 0),
        };
        let turn = vec![
            op_out(Op::Add, &[register(1), Arg::Int(1)], 1),
            op_out(Op::Lt, &[register(1), Arg::Int(15_000)], 2),
            Stmt::If { cond: register(2), then: Vec::new(), otherwise: vec![Stmt::Break { at: AT }], at: AT },
            wrap,
        ];
        let body = vec![
            op_out(Op::DmaFenceInit, &[obj(timeline)], 0),
            op_out(Op::DmaFenceGet, &[register(0)], 3),
            op_out(Op::Set, &[Arg::Int(0)], 1),
            Stmt::Loop { body: turn, at: AT },
            op(Op::DmaFencePublish, &[register(0)]),
            op(Op::DmaFenceIsSignaled, &[register(0)]),
            op(Op::DmaFenceWaitTimeout, &[register(0), Arg::Int(0), Arg::Int(1)]),
            op(Op::DmaFenceSignal, &[register(3)]),
            op(Op::DmaFenceWait, &[register(0), Arg::Int(0)]),
            op(Op::DmaFencePut, &[register(0)]),
            op(Op::DmaFencePut, &[register(3)]),
        ];
        build.thread("t", &[Kind::Fence, Kind::Int, Kind::Int, Kind::Fence], body);
        let report = report_of(&build, 0, 100_000);
        assert!(rules(&report).contains(&"RF504"), "containers in containers are a finding");
        assert!(!rules(&report).contains(&"RF106"), "the fence was signaled: {:?}", rules(&report));
    }
}

/// A diamond of chains: to ask the last one takes 2^n questions. The bound on steps holds.
#[test]
fn a_question_that_takes_for_ever() {
    let mut build = Build::default();
    let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    let timeline = build.object("timeline", timeline);
    let mut body = vec![op_out(Op::DmaFenceInit, &[obj(timeline)], 0)];
    for _ in 0..60 {
        body.push(op_out(
            Op::DmaFenceArrayCreate,
            &[Arg::List(vec![register(0), register(0)]), Arg::Int(1), Arg::Int(0)],
            0,
        ));
    }
    body.push(op(Op::DmaFenceIsSignaled, &[register(0)]));
    build.thread("t", &[Kind::Fence], body);
    let report = report_of(&build, 0, 1_000);
    assert_eq!(report.bound, report.executions);
}

/// Loops without end: with something that others can see, without, and in the kernel's own functions.
#[test]
fn loops_without_end_meet_the_bound() {
    let spin = |turn: Vec<Stmt>| {
        let mut build = Build::default();
        let way_out =
            Stmt::If { cond: register(0), then: vec![Stmt::Break { at: AT }], otherwise: Vec::new(), at: AT };
        let body = turn.into_iter().chain([way_out]).collect();
        build.thread(
            "t",
            &[Kind::Int],
            vec![op_out(Op::Set, &[Arg::Int(0)], 0), Stmt::Loop { body, at: AT }],
        );
        build.thread("other", &[], vec![op(Op::CondResched, &[])]);
        build
    };
    for turn in [vec![op(Op::CondResched, &[])], vec![op_out(Op::And, &[register(0), Arg::Int(1)], 0)]] {
        let report = report_of(&spin(turn), 4, 500);
        assert_eq!((report.bound, report.executions), (7, 7));
    }
    // A shrinker that has no end of things to free, each call of which does nothing.
    let mut build = Build::default();
    let count = vec![Stmt::Return { value: Some(Arg::Int(i64::MAX)), at: AT }];
    let count = build.handler("count", 0, &[], Some(Kind::Int), count);
    let scan = vec![Stmt::Return { value: Some(Arg::Int(0)), at: AT }];
    let scan = build.handler("scan", 1, &[Kind::Int], Some(Kind::Int), scan);
    build.object("shrinker", ObjectKind::Shrinker { count, scan, seeks: 2, batch: 1 });
    build.thread("t", &[], vec![op(Op::Kmalloc, &[Arg::Gfp(Gfp::KERNEL)])]);
    build.scenario.environment.memory_pressure = true;
    let report = report_of(&build, 30, 500);
    assert!(
        report.bound > 0 && report.bound < report.executions,
        "{} of {}",
        report.bound,
        report.executions
    );
}

/// So many threads, each of which holds a mutex and wants that of the next.
fn circle(count: usize) -> Build {
    let mut build = Build::default();
    let locks: Vec<_> = (0..count).map(|n| build.mutex(&format!("m{n}"))).collect();
    let go = build.object("go", ObjectKind::Completion);
    let ready = build.object("ready", ObjectKind::Cell { init: 0 });
    for n in 0..count {
        let all = vec![op(Op::CompleteAll, &[obj(go)])];
        let body = vec![
            op(Op::MutexLock, &[obj(locks[n])]),
            op_out(Op::CellAdd, &[obj(ready), Arg::Int(1)], 0),
            op_out(Op::Eq, &[register(0), Arg::Int(count as i64)], 1),
            Stmt::If { cond: register(1), then: all, otherwise: Vec::new(), at: AT },
            op(Op::WaitForCompletion, &[obj(go)]),
            op(Op::MutexLock, &[obj(locks[(n + 1) % count])]),
        ];
        build.thread(&format!("t{n}"), &[Kind::Int, Kind::Int], body);
    }
    build
}

/// Thousands of threads in a circle: one hang, found without a deep stack, with all of them in it.
#[test]
fn a_circle_of_thousands_of_threads() {
    const COUNT: usize = 3_000;
    let plan = Plan::new(&circle(COUNT).scenario).expect("a valid scenario");
    let mut executor = Executor::new(&plan, Profile::default());
    let end = executor.run(&mut RunToCompletion::new(0), 100_000);
    assert_eq!(end, End::Hung);
    let [hang] = executor.hangs() else { panic!("{} hangs", executor.hangs().len()) };
    assert_eq!(hang.links.len(), COUNT);
}

/// And as many as a reader would still want to see.
#[test]
fn a_report_of_a_long_circle() {
    let report = report_of(&circle(60), 3, 10_000);
    let longest = report.findings.iter().map(|finding| finding.chain.len()).max();
    assert_eq!(longest, Some(60), "{:?}", rules(&report));
}

/// Lists as long as a scenario may have them.
#[test]
fn long_lists() {
    const COUNT: usize = 5_000;
    let mut build = Build::default();
    let timelines: Vec<_> = (0..COUNT)
        .map(|n| {
            let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
            let timeline = build.object(&format!("t{n}"), timeline);
            obj(build.object(&format!("f{n}"), ObjectKind::Fence { timeline, seqno: None }))
        })
        .collect();
    let list = Arg::List(timelines.clone());
    let array = [list.clone(), Arg::Int(1), Arg::Int(0)];
    let mut body = vec![
        op(Op::DmaFenceWaitAnyTimeout, &[list.clone(), Arg::Int(0), Arg::Int(10)]),
        op_out(Op::DmaFenceUnwrapMerge, std::slice::from_ref(&list), 0),
        op_out(Op::DmaFenceArrayCreate, &array, 1),
        op(Op::DmaFencePublish, &[register(1)]),
        op(Op::DmaFenceEnableSwSignaling, &[register(1)]),
        op(Op::DmaFenceSetDeadline, &[register(1), Arg::Int(3)]),
    ];
    body.extend(timelines.into_iter().map(|fence| op(Op::DmaFenceSignal, &[fence])));
    body.push(op(Op::DmaFenceWait, &[register(1), Arg::Int(0)]));
    build.thread("t", &[Kind::Fence, Kind::Fence], body);
    let report = report_of(&build, 0, 100_000);
    assert_eq!(report.bound, 0);
    assert!(!rules(&report).iter().any(|rule| rule.starts_with("RF7")), "{:?}", rules(&report));
}

/// A thread that stops itself waits for ever; and others that do odd things to themselves.
#[test]
fn threads_that_do_things_to_themselves() {
    let mut build = Build::default();
    let task = build.object("me", ObjectKind::Task { thread: 0 });
    build.thread("t", &[], vec![op(Op::SendSig, &[obj(task)]), op(Op::KthreadStop, &[obj(task)])]);
    let report = report_of(&build, 4, 100);
    assert_eq!(rules(&report), ["RF701"]);
}
