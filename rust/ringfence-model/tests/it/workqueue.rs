//! Works: run once per queueing, never twice at once, in order where that is promised; flushing and cancelling.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ChoiceKind, Decide, EventKind, ObjectId, Ordinary, ProgramId};
use ringfence_model::{Plan, Session, State, Value, Wait};

use crate::build::{Build, obj, op, op_out};
use crate::later::{
    Always, Outcome, SCHEDULES, Story, always, hangs, if_op, nesting, never, on, once, once_with, random,
    sometimes, work,
};

fn queue(ordered: bool, mem_reclaim: bool, max_active: u32) -> ObjectKind {
    ObjectKind::Workqueue { ordered, mem_reclaim, max_active }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Two threads that queue all works, twice, each success being marked.
fn everybody_queues(kind: Option<ObjectKind>, pressure: bool) -> Story {
    let mut story = Story::default();
    story.build.scenario.environment.memory_pressure = pressure;
    let wq = kind.map_or(Arg::Null, |kind| obj(story.build.object("wq", kind)));
    let works = NAMES.map(|name| story.with_function(name, work, Vec::new()));
    for thread in ["one", "two"] {
        let mut body = Vec::new();
        for (name, &id) in NAMES.iter().chain(&NAMES).zip(works.iter().chain(&works)) {
            let queued = story.mark(&format!("{name} queued"));
            body.extend(if_op(Op::QueueWork, &[wq.clone(), obj(id)], vec![queued]));
        }
        story.thread(thread, body);
    }
    story
}

fn runs_once_per_queueing(outcome: &Outcome<'_>) -> bool {
    NAMES.iter().all(|name| {
        let queued = outcome.count(&format!("{name} queued"));
        queued > 0
            && queued == outcome.count(&format!("{name}+"))
            && queued == outcome.count(&format!("{name}-"))
    })
}

#[test]
fn every_queueing_is_run_once_and_at_most_max_active_at_once() {
    for (kind, limit) in [
        (None, 4),
        (Some(queue(false, false, 0)), 4),
        (Some(queue(false, true, 2)), 2),
        (Some(queue(false, false, 1)), 1),
        (Some(queue(true, false, 0)), 1),
        (Some(queue(true, true, 0)), 1),
    ] {
        for pressure in [false, true] {
            let plan = everybody_queues(kind.clone(), pressure).plan();
            let most = std::cell::Cell::new(0);
            always(&plan, |outcome| {
                let (at_once, twice) = nesting(&outcome.marks(), &NAMES);
                most.set(most.get().max(at_once));
                runs_once_per_queueing(outcome) && at_once <= limit && !twice
            });
            assert_eq!(most.get(), limit, "{kind:?}");
        }
    }
}

#[test]
fn an_ordered_queue_keeps_the_order() {
    for (kind, keeps) in [(queue(true, false, 0), true), (queue(false, false, 0), false)] {
        let mut story = Story::default();
        let wq = story.build.object("wq", kind);
        let works = NAMES.map(|name| story.with_function(name, work, Vec::new()));
        let body = works.iter().map(|&id| op(Op::QueueWork, &[obj(wq), obj(id)])).collect();
        story.thread("thread", body);
        let plan = story.plan();
        let in_order =
            |outcome: &Outcome<'_>| outcome.marks() == ["a+", "a-", "b+", "b-", "c+", "c-", "d+", "d-"];
        if keeps {
            always(&plan, in_order);
        } else {
            sometimes(&plan, |outcome| !in_order(outcome));
        }
    }
}

#[test]
fn a_queue_has_no_more_workers_than_it_can_use() {
    let workers = |story: &Story| {
        let plan = story.plan();
        plan.contexts().iter().filter(|context| context.name.starts_with("kworker/")).count()
    };
    assert_eq!(workers(&everybody_queues(None, false)), 4);
    assert_eq!(workers(&everybody_queues(Some(queue(true, false, 0)), false)), 1);
    assert_eq!(workers(&everybody_queues(Some(queue(false, true, 2)), false)), 2 + 1);
    let mut nothing_queued = Story::default();
    nothing_queued.with_function("a", work, Vec::new());
    assert_eq!(workers(&nothing_queued), 0);
}

/// A thread that queues `w` and then does `after`, which is marked.
fn queue_and(after: &[Stmt], wq: Option<ObjectKind>, function: Vec<Stmt>) -> (Plan, ObjectId) {
    let mut story = Story::default();
    let id = story.with_function("w", work, function);
    let wq = wq.map_or(Arg::Null, |kind| obj(story.build.object("wq", kind)));
    let mut body = vec![op(Op::QueueWork, &[wq, obj(id)])];
    body.extend_from_slice(after);
    let mark = story.mark("after");
    body.push(mark);
    story.thread("thread", body);
    (story.plan(), id)
}

/// The first object of [`queue_and`]: marks come first.
const W: ObjectId = ObjectId::from_raw(2);

#[test]
fn flushes_wait_for_the_work() {
    for flush in [on(Op::FlushWork, W), op(Op::FlushWorkqueue, &[Arg::Null])] {
        let (plan, id) = queue_and(&[flush], None, Vec::new());
        assert_eq!(id, W);
        always(&plan, |outcome| outcome.marks() == ["w+", "w-", "after"]);
    }
    let (plan, _) = queue_and(&[], None, Vec::new());
    sometimes(&plan, |outcome| outcome.in_order("after", "w+"));
}

#[test]
fn a_flush_is_for_one_instance() {
    let mut story = Story::default();
    let cell = story.build.object("runs", ObjectKind::Cell { init: 0 });
    let w = ObjectId::from_raw(3);
    let again = vec![
        op_out(Op::CellAdd, &[obj(cell), Arg::Int(1)], 0),
        op_out(Op::Lt, &[Arg::Register(0), Arg::Int(3)], 0),
        crate::later::if_0(vec![op(Op::QueueWork, &[Arg::Null, obj(w)])]),
    ];
    assert_eq!(story.with_function("w", work, again), w);
    let flushed = story.mark("flushed");
    let body = vec![op(Op::QueueWork, &[Arg::Null, obj(w)]), on(Op::FlushWork, w), flushed];
    story.thread("thread", body);
    let plan = story.plan();
    always(&plan, |outcome| outcome.count("w-") == 3 && outcome.in_order("w-", "flushed"));
    sometimes(&plan, |outcome| outcome.marks()[..3] == ["w+", "w-", "flushed"]);
}

#[test]
fn a_flush_of_a_queue_is_for_what_was_queued_before() {
    let mut story = Story::default();
    let wq = story.build.object("wq", queue(false, false, 0));
    let late = story.with_function("late", work, Vec::new());
    let chain = vec![op(Op::QueueWork, &[obj(wq), obj(late)])];
    let early = story.with_function("early", work, chain);
    let other = story.with_function("other", work, Vec::new());
    let mut body: Vec<Stmt> = [early, other].map(|id| op(Op::QueueWork, &[obj(wq), obj(id)])).into();
    body.push(op(Op::FlushWorkqueue, &[obj(wq)]));
    body.push(story.mark("flushed"));
    story.thread("thread", body);
    let plan = story.plan();
    always(&plan, |outcome| outcome.in_order("early-", "flushed") && outcome.in_order("other-", "flushed"));
    sometimes(&plan, |outcome| outcome.in_order("flushed", "late+"));
}

#[test]
fn after_a_synchronous_cancellation_the_work_does_not_run() {
    let not_after = |outcome: &Outcome<'_>| {
        let after = outcome.position("after").expect("marked");
        outcome.marks()[after..] == ["after"]
    };
    let (plan, _) = queue_and(&[on(Op::CancelWorkSync, W)], None, Vec::new());
    always(&plan, not_after);
    sometimes(&plan, |outcome| outcome.count("w+") == 0);
    sometimes(&plan, |outcome| outcome.count("w+") == 1);
    // Without waiting, it may.
    let (plan, _) = queue_and(&[on(Op::CancelWork, W)], None, Vec::new());
    sometimes(&plan, |outcome| !not_after(outcome));
}

#[test]
fn a_cancelled_work_reports_whether_it_was_pending() {
    for cancel in [Op::CancelWork, Op::CancelWorkSync] {
        let mut story = Story::default();
        let id = story.with_function("w", work, Vec::new());
        let hit = story.mark("hit");
        let mut body = vec![op(Op::QueueWork, &[Arg::Null, obj(id)])];
        body.extend(if_op(cancel, &[obj(id)], vec![hit]));
        story.thread("thread", body);
        let plan = story.plan();
        always(&plan, |outcome| outcome.count("hit") + outcome.count("w+") == 1);
        sometimes(&plan, |outcome| outcome.count("hit") == 1);
        sometimes(&plan, |outcome| outcome.count("w+") == 1);
    }
}

#[test]
fn a_flush_of_a_work_that_is_cancelled_ends() {
    let mut story = Story::default();
    let wq = story.build.object("wq", queue(true, false, 0));
    let done = story.build.object("done", ObjectKind::Completion);
    let first = story.with_function("first", work, vec![on(Op::WaitForCompletion, done)]);
    let second = story.with_function("second", work, Vec::new());
    let queue_it = |id| op(Op::QueueWork, &[obj(wq), obj(id)]);
    let flushed = story.around("flush", vec![on(Op::FlushWork, second)]);
    story.thread("thread", [vec![queue_it(first), queue_it(second)], flushed].concat());
    // The queue is held up until the flush is over.
    story.thread(
        "cancel",
        vec![on(Op::CancelWork, second), op(Op::Msleep, &[Arg::Int(1)]), on(Op::Complete, done)],
    );
    let plan = story.plan();
    always(&plan, |_| true);
    sometimes(&plan, |outcome| outcome.in_order("flush-", "first-") && outcome.count("second+") == 0);
}

#[test]
fn a_work_that_queues_itself_can_be_cancelled() {
    let mut story = Story::default();
    let w = ObjectId::from_raw(2);
    let id = story.with_function("w", work, vec![op(Op::QueueWork, &[Arg::Null, obj(w)])]);
    assert_eq!(id, w);
    let cancelled = story.mark("cancelled");
    let body = vec![op(Op::QueueWork, &[Arg::Null, obj(w)]), on(Op::CancelWorkSync, w), cancelled];
    story.thread("thread", body);
    let plan = story.plan();
    always(&plan, |outcome| {
        let marks = outcome.marks();
        marks.last().is_some_and(|mark| mark == "cancelled")
    });
}

#[test]
fn waiting_for_oneself_hangs_and_is_found() {
    for wait in [on(Op::FlushWork, W), on(Op::CancelWorkSync, W), op(Op::FlushWorkqueue, &[Arg::Null])] {
        let (plan, _) = queue_and(&[], None, vec![wait]);
        let outcome = once(&plan);
        assert!(outcome.hangs());
        assert_eq!(outcome.broken(), ["RF615"]);
        assert_eq!(outcome.marks(), ["after", "w+"]);
    }
}

#[test]
fn a_work_that_flushes_one_behind_it_on_an_ordered_queue_hangs() {
    for (kind, hangs) in [(queue(true, false, 0), true), (queue(false, false, 0), false)] {
        let mut story = Story::default();
        let wq = story.build.object("wq", kind);
        let second = story.with_function("second", work, Vec::new());
        let first = story.with_function("first", work, vec![on(Op::FlushWork, second)]);
        let queue_it = |id| op(Op::QueueWork, &[obj(wq), obj(id)]);
        story.thread("thread", vec![queue_it(first), queue_it(second)]);
        let plan = story.plan();
        if hangs {
            sometimes(&plan, |outcome| {
                outcome.hangs() && outcome.state("kworker/0-wq") == State::Blocked(Wait::Work(0))
            });
        } else {
            always(&plan, |_| true);
        }
    }
}

#[test]
fn holding_a_lock_over_a_flush_of_a_work_that_takes_it_hangs() {
    let mut story = Story::default();
    let lock = story.build.mutex("lock");
    let take = vec![on(Op::MutexLock, lock), on(Op::MutexUnlock, lock)];
    let id = story.with_function("w", work, take);
    story.thread(
        "thread",
        vec![
            op(Op::QueueWork, &[Arg::Null, obj(id)]),
            on(Op::MutexLock, lock),
            on(Op::FlushWork, id),
            on(Op::MutexUnlock, lock),
        ],
    );
    let plan = story.plan();
    sometimes(&plan, hangs);
    sometimes(&plan, |outcome| !outcome.hangs());
    never(&plan, |outcome| !outcome.broken().is_empty());
}

#[test]
fn the_validator_sees_maps_as_lockdep_does() {
    let run = ["+(wq_completion)wq", "+(work_completion)(w)", "-(work_completion)(w)", "-(wq_completion)wq"];
    let touch_work = ["+(work_completion)(w)", "-(work_completion)(w)"];
    let touch_wq = ["+(wq_completion)wq", "-(wq_completion)wq"];
    for (flush, kind, touched) in [
        (on(Op::FlushWork, W), queue(false, false, 0), vec![touch_work]),
        (on(Op::FlushWork, W), queue(true, false, 0), vec![touch_work, touch_wq]),
        (on(Op::FlushWork, W), queue(false, true, 0), vec![touch_work, touch_wq]),
        (on(Op::FlushWork, W), queue(false, false, 1), vec![touch_work, touch_wq]),
    ] {
        let (plan, _) = queue_and(&[flush], Some(kind), Vec::new());
        let mut expected: Vec<&str> = touched.concat();
        expected.extend(run);
        assert_eq!(once(&plan).locks("_completion)"), expected);
    }
    // Nothing in flight: nothing to wait for, nothing to tell.
    let mut story = Story::default();
    let id = story.with_function("w", work, Vec::new());
    story.thread("thread", vec![on(Op::FlushWork, id), on(Op::CancelWorkSync, id)]);
    assert_eq!(once(&story.plan()).locks("_completion)"), Vec::<String>::new());
    // A queue is touched in any case, and its mutex is taken.
    story.thread("flush", vec![op(Op::FlushWorkqueue, &[Arg::Null])]);
    let outcome_plan = story.plan();
    let outcome = once(&outcome_plan);
    assert_eq!(outcome.locks("events"), ["+(wq_completion)events", "-(wq_completion)events"]);
    assert_eq!(outcome.locks("mutex"), ["+&wq->mutex", "-&wq->mutex"]);
}

#[test]
fn cancelling_a_running_work_touches_the_work_only() {
    let mut story = Story::default();
    let wq = story.build.object("wq", queue(true, true, 0));
    let done = story.build.object("done", ObjectKind::Completion);
    let id = story.with_function("w", work, vec![on(Op::WaitForCompletion, done)]);
    story.thread("thread", vec![op(Op::QueueWork, &[obj(wq), obj(id)])]);
    story.thread("cancel", vec![on(Op::CancelWorkSync, id)]);
    story.thread("complete", vec![on(Op::Complete, done)]);
    let plan = story.plan();
    sometimes(&plan, |outcome| {
        let run =
            ["+(wq_completion)wq", "+(work_completion)(w)", "-(work_completion)(w)", "-(wq_completion)wq"];
        let mut expected = vec![run[0], run[1], run[1], run[2]];
        expected.extend(&run[2..]);
        outcome.locks("_completion)") == expected
    });
}

/// Two works, the first of which waits for the second.
fn dependent_works(kind: Option<ObjectKind>) -> Plan {
    let mut story = Story::default();
    story.build.scenario.environment.memory_pressure = true;
    let wq = kind.map_or(Arg::Null, |kind| obj(story.build.object("wq", kind)));
    let done = story.build.object("done", ObjectKind::Completion);
    let first = story.with_function("first", work, vec![on(Op::WaitForCompletion, done)]);
    let second = story.with_function("second", work, vec![on(Op::Complete, done)]);
    let body = [first, second].map(|id| op(Op::QueueWork, &[wq.clone(), obj(id)]));
    story.thread("thread", body.into());
    story.plan()
}

#[test]
fn without_memory_for_a_worker_a_work_waits_unless_there_is_a_rescuer() {
    let plan = dependent_works(None);
    assert!(!once_with(&plan, &mut Ordinary).hangs());
    let outcome = once_with(&plan, &mut Always(1));
    assert_eq!(outcome.state("kworker/0-events"), State::Blocked(Wait::Completion(0)));
    assert_eq!(outcome.state("kworker/1-events"), State::Blocked(Wait::WorkerCreation(0)));
    assert_eq!(outcome.marks(), ["first+"]);
    sometimes(&plan, hangs);

    let plan = dependent_works(Some(queue(false, true, 0)));
    always(&plan, |_| true);
    let outcome = once_with(&plan, &mut Always(1));
    let ran_by = |mark: &str| {
        let found = outcome.marks_and_tasks().into_iter().find(|(known, _)| known == mark);
        found.map(|(_, task)| task)
    };
    assert_eq!(ran_by("first+").as_deref(), Some("kworker/0-wq"));
    assert_eq!(ran_by("second+").as_deref(), Some("kworker/R-wq"));
}

#[test]
fn a_work_that_waits_for_a_worker_runs_when_another_work_of_the_pool_ends() {
    let mut story = Story::default();
    story.build.scenario.environment.memory_pressure = true;
    let wq = story.build.object("wq", queue(false, false, 0));
    let first = story.with_function("first", work, Vec::new());
    let second = story.with_function("second", work, Vec::new());
    // Workqueues share their workers: the second waits although it is alone on its queue.
    let body = vec![op(Op::QueueWork, &[Arg::Null, obj(first)]), op(Op::QueueWork, &[obj(wq), obj(second)])];
    story.thread("thread", body);
    let plan = story.plan();
    for seed in 0..SCHEDULES {
        let mut schedule = crate::later::Random(seed);
        let pick = |actions: &[ringfence_model::Action]| schedule.below(actions.len());
        let (world, events) = crate::run::run_with(&plan, &mut Always(1), pick);
        let outcome = Outcome { plan: &plan, world, events };
        let marks = outcome.marks();
        assert!(marks == ["first+", "first-", "second+", "second-"], "{marks:?}");
    }
    // With memory they can run at once.
    sometimes(&plan, |outcome| outcome.in_order("second+", "first-"));
}

#[test]
fn memory_that_is_short_stays_short_until_a_work_ends() {
    struct Counted(usize);
    impl Decide for Counted {
        fn decide(&mut self, kind: ChoiceKind, _: usize) -> usize {
            assert_eq!(kind, ChoiceKind::WorkerCreation);
            self.0 += 1;
            1
        }
    }
    let mut story = Story::default();
    story.build.scenario.environment.memory_pressure = true;
    let body = NAMES.map(|name| {
        let id = story.with_function(name, work, Vec::new());
        op(Op::QueueWork, &[Arg::Null, obj(id)])
    });
    story.thread("thread", body.into());
    let plan = story.plan();
    let mut choices = Counted(0);
    assert!(!once_with(&plan, &mut choices).hangs());
    assert_eq!(choices.0, 1);
}

#[test]
fn a_cancelled_work_gives_its_worker_to_one_that_waits() {
    let mut story = Story::default();
    story.build.scenario.environment.memory_pressure = true;
    let first = story.with_function("first", work, Vec::new());
    let second = story.with_function("second", work, Vec::new());
    let mut body: Vec<Stmt> = [first, second].map(|id| op(Op::QueueWork, &[Arg::Null, obj(id)])).into();
    body.push(on(Op::CancelWork, first));
    story.thread("thread", body);
    let plan = story.plan();
    let outcome = once_with(&plan, &mut Always(1));
    assert!(!outcome.hangs());
    assert_eq!(outcome.marks(), ["second+", "second-"]);
}

#[test]
fn reclaim_must_not_wait_for_works_that_may_need_memory() {
    for (mem_reclaim, broken) in [(false, vec!["RF615"]), (true, vec![])] {
        let mut story = Story::default();
        let done = story.build.object("done", ObjectKind::Completion);
        let target = story.build.object("target", queue(false, mem_reclaim, 0));
        let reclaim = story.build.object("reclaim", queue(false, true, 0));
        let wait = vec![on(Op::WaitForCompletion, done)];
        let flushed = story.with_function("flushed", work, wait);
        let waiter = story.with_function("waiter", work, vec![on(Op::FlushWork, flushed)]);
        let queue_it = |wq, id| op(Op::QueueWork, &[obj(wq), obj(id)]);
        let queueing = vec![queue_it(target, flushed), queue_it(reclaim, waiter), on(Op::Complete, done)];
        story.thread("thread", queueing);
        let plan = story.plan();
        sometimes(&plan, |outcome| outcome.in_order("waiter+", "flushed-") && outcome.broken() == broken);
        never(&plan, |outcome| outcome.broken().len() > broken.len());
    }
}

#[test]
fn a_task_that_reclaims_must_not_flush_either() {
    for (mem_reclaim, broken) in [(false, vec!["RF615"]), (true, vec![])] {
        let mut story = Story::default();
        let wq = story.build.object("wq", queue(false, mem_reclaim, 0));
        let id = story.with_function("w", work, Vec::new());
        let body = vec![
            op(Op::QueueWork, &[obj(wq), obj(id)]),
            op_out(Op::MemallocNoreclaimSave, &[], 1),
            op(Op::FlushWorkqueue, &[obj(wq)]),
            op(Op::MemallocNoreclaimRestore, &[Arg::Register(1)]),
        ];
        story.thread("thread", body);
        let plan = story.plan();
        assert_eq!(once(&plan).broken(), broken);
    }
}

#[test]
fn what_a_work_leaves_behind_is_found() {
    for (body, rule) in [
        (op(Op::MutexLock, &[obj(ObjectId::from_raw(0))]), "RF613"),
        (op(Op::PreemptDisable, &[]), "RF614"),
        (op(Op::LocalIrqDisable, &[]), "RF614"),
        (op(Op::RcuReadLock, &[]), "RF614"),
    ] {
        let mut story = Story::default();
        story.build.mutex("lock");
        let id = story.with_function("w", work, vec![body]);
        story.thread("thread", vec![op(Op::QueueWork, &[Arg::Null, obj(id)])]);
        let plan = story.plan();
        assert_eq!(once(&plan).broken(), [rule]);
    }
}

#[test]
fn a_worker_that_serves_an_interrupt_can_lose_its_work_and_get_it_back() {
    for again in [false, true] {
        let mut story = Story::default();
        let lock = story.build.object("lock", ObjectKind::Spinlock { class: None });
        // With a spinlock left behind, the worker is one on which interrupts arrive.
        let leaks = story.with_function("leaks", work, vec![on(Op::SpinLock, lock)]);
        let id = story.with_function("w", work, Vec::new());
        let queue_it = |id| op(Op::QueueWork, &[Arg::Null, obj(id)]);
        let mut body = vec![on(Op::CancelWork, id)];
        body.extend(again.then(|| queue_it(id)));
        let handler = story.function("handler", body);
        let irq = story.build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
        let body = vec![queue_it(leaks), on(Op::FlushWork, leaks), queue_it(id), on(Op::RaiseIrq, irq)];
        story.thread("thread", body);
        let plan = story.plan();
        let on_worker = |outcome: &Outcome<'_>| {
            outcome.marks_and_tasks().contains(&("handler+".into(), "kworker/0-events".into()))
        };
        sometimes(&plan, |outcome| on_worker(outcome) && outcome.in_order("handler-", "w+") == again);
        let queued = if again { 1..=2 } else { 0..=1 };
        never(&plan, |outcome| {
            outcome.hangs() || outcome.count("handler-") != 1 || !queued.contains(&outcome.count("w-"))
        });
    }
}

fn delayed(function: ProgramId) -> ObjectKind {
    ObjectKind::DelayedWork { function }
}

/// A thread with a delayed work `w` at its disposal, and the times at which the work ran.
fn with_delayed_work(body: impl Fn(ObjectId) -> Vec<Stmt>) -> (Vec<u64>, Vec<String>) {
    let mut story = Story::default();
    let id = story.with_function("w", delayed, Vec::new());
    let mut statements = body(id);
    let after = story.mark("after");
    statements.push(after);
    story.thread("thread", statements);
    let plan = story.plan();
    let outcome = once(&plan);
    assert_eq!((outcome.hangs(), outcome.broken()), (false, vec![]));
    let (mut now, mut times) = (0, Vec::new());
    for event in &outcome.events {
        match event.kind {
            EventKind::Time(time) => now = time,
            EventKind::Acquire(lock, _) if plan.lock_name(&outcome.world, lock.raw()) == "!w+" => {
                times.push(now);
            }
            _ => {}
        }
    }
    (times, outcome.marks())
}

#[test]
fn delayed_works_run_when_their_time_has_come() {
    let delay = |call, id, delay| op(call, &[Arg::Null, obj(id), Arg::Int(delay)]);
    let times = |body: &dyn Fn(ObjectId) -> Vec<Stmt>| with_delayed_work(body).0;
    assert_eq!(times(&|id| vec![delay(Op::QueueDelayedWork, id, 50)]), [50]);
    assert_eq!(times(&|id| vec![delay(Op::QueueDelayedWork, id, 0)]), [0]);
    // It is pending already: the first delay counts.
    assert_eq!(
        times(&|id| vec![delay(Op::QueueDelayedWork, id, 50), delay(Op::QueueDelayedWork, id, 10)]),
        [50]
    );
    assert_eq!(
        times(&|id| vec![delay(Op::QueueDelayedWork, id, 50), delay(Op::ModDelayedWork, id, 10)]),
        [10]
    );
    assert_eq!(times(&|id| vec![delay(Op::ModDelayedWork, id, 70)]), [70]);
    assert_eq!(times(&|id| vec![delay(Op::QueueDelayedWork, id, 50), on(Op::CancelDelayedWork, id)]), [0; 0]);
    assert_eq!(
        times(&|id| vec![delay(Op::QueueDelayedWork, id, 50), on(Op::CancelDelayedWorkSync, id)]),
        [0; 0]
    );
    let flushed =
        with_delayed_work(|id| vec![delay(Op::QueueDelayedWork, id, 50), on(Op::FlushDelayedWork, id)]);
    assert_eq!(flushed, (vec![0], ["w+", "w-", "after"].map(String::from).into()));
}

#[test]
fn queueing_says_whether_it_was_new() {
    let mut build = Build::default();
    let function = build.program("f", &[], Vec::new());
    build.object("w", ObjectKind::Work { function });
    build.object("d", ObjectKind::DelayedWork { function });
    let mut session = Session::new(&build.scenario, 1).expect("a valid scenario");
    let (w, d) = (Value::Object(Kind::Work, 0), Value::Object(Kind::DelayedWork, 0));
    let yes = Some(Value::Int(1));
    let no = Some(Value::Int(0));
    assert_eq!(session.call(0, Op::QueueWork, &[Value::Null, w], &[]), yes);
    assert_eq!(session.call(0, Op::CancelWorkSync, &[w], &[]), no);
    assert_eq!(session.call(0, Op::FlushWork, &[w], &[]), no);
    assert_eq!(session.call(0, Op::ModDelayedWork, &[Value::Null, d, Value::Int(9)], &[]), no);
    assert_eq!(session.call(0, Op::CancelDelayedWork, &[d], &[]), no);
    assert_eq!(session.world().now(), 9);
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let plan = everybody_queues(None, true).plan();
    for seed in 0..100 {
        let (a, b) = (random(&plan, seed), random(&plan, seed));
        assert!(a.world == b.world && a.events == b.events);
    }
}
