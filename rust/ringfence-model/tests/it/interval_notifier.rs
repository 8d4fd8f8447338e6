//! The sequence protocol of interval notifiers.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ObjectId, SiteId, errno};
use ringfence_model::{Plan, State, Value, Wait};

use crate::build::{Build, obj, op, op_out};
use crate::memory_support::{Hand, broken, only, run_random, user_memory};

const R: fn(u16) -> Arg = Arg::Register;

fn returns(value: i64) -> Stmt {
    Stmt::Return { value: Some(Arg::Int(value)), at: SiteId::UNKNOWN }
}

fn when(cond: Arg, then: Vec<Stmt>) -> Stmt {
    Stmt::If { cond, then, otherwise: Vec::new(), at: SiteId::UNKNOWN }
}

struct Userptr {
    build: Build,
    mm: ObjectId,
    range: ObjectId,
    notifier: ObjectId,
    lock: ObjectId,
}

/// A range with an interval notifier as drivers have it: under the driver's lock, sets the number and takes
/// the range out of the GPU's page tables.
fn userptr() -> Userptr {
    let mut build = Build::default();
    let (mm, range) = user_memory(&mut build);
    let lock = build.mutex("notifier_lock");
    // The notifier itself comes next.
    let notifier = ObjectId::new(build.scenario.objects.len());
    let callback = vec![
        op(Op::MutexLock, &[obj(lock)]),
        op(Op::MmuIntervalSetSeq, &[obj(notifier), R(1)]),
        op(Op::GpuUnmap, &[obj(range)]),
        op(Op::MutexUnlock, &[obj(lock)]),
        returns(1),
    ];
    let registers = [Kind::Int, Kind::Seqno];
    let invalidate = build.handler("invalidate", 2, &registers, Some(Kind::Int), callback);
    let declared = build.object("notifier", ObjectKind::IntervalNotifier { range, invalidate });
    assert_eq!(declared, notifier);
    Userptr { build, mm, range, notifier, lock }
}

/// The driver's side: looks the pages up, maps them, lets the GPU use them.
fn reader(it: &Userptr, retries: bool) -> Vec<Stmt> {
    let at = SiteId::UNKNOWN;
    let unlock = op(Op::MutexUnlock, &[obj(it.lock)]);
    let mut body = vec![
        op_out(Op::MmuIntervalReadBegin, &[obj(it.notifier)], 0),
        op(Op::MmapReadLock, &[obj(it.mm)]),
        op_out(Op::HmmRangeFault, &[obj(it.notifier), R(0)], 1),
        op(Op::MmapReadUnlock, &[obj(it.mm)]),
        op_out(Op::Eq, &[R(1), Arg::Int(-errno::EBUSY)], 2),
        when(R(2), vec![Stmt::Continue { at }]),
        when(R(1), vec![Stmt::Return { value: None, at }]),
        op(Op::MutexLock, &[obj(it.lock)]),
    ];
    if retries {
        body.push(op_out(Op::MmuIntervalReadRetry, &[obj(it.notifier), R(0)], 2));
        body.push(when(R(2), vec![unlock.clone(), Stmt::Continue { at }]));
    }
    body.extend([
        op(Op::GpuMap, &[obj(it.range)]),
        op(Op::GpuAccess, &[obj(it.range)]),
        unlock,
        Stmt::Break { at },
    ]);
    vec![Stmt::Loop { body, at }]
}

fn race(retries: bool) -> Plan {
    let mut it = userptr();
    let body = reader(&it, retries);
    it.build.thread("reader", &[Kind::Seqno, Kind::Errno, Kind::Int], body);
    it.build.scenario.environment = only(&["user_memory", "memory_pressure"]);
    Plan::new(&it.build.scenario).expect("a valid scenario")
}

#[test]
fn a_reader_that_follows_the_protocol_never_uses_freed_pages() {
    let plan = race(true);
    for seed in 0..4000 {
        let (world, events) = run_random(&plan, seed);
        assert_eq!(broken(&events), [""; 0], "seed {seed}");
        let over = |state| matches!(state, State::Done | State::Idle);
        assert!(world.threads().iter().all(|thread| over(thread.state())), "seed {seed} hangs");
    }
}

#[test]
fn a_reader_that_does_not_look_again_uses_freed_pages() {
    let plan = race(false);
    let found = (0..4000).filter(|&seed| broken(&run_random(&plan, seed).1).contains(&"RF511"));
    assert!(found.count() > 0);
}

/// By hand: task 0 invalidates, task 1 reads.
#[test]
fn numbers_and_waiting_follow_the_kernel() {
    let it = userptr();
    let mut hand = Hand::new(it.build.scenario.clone(), 2);
    let (range, notifier) = (hand.value(it.range), hand.value(it.notifier));
    let begin = hand.call(1, Op::MmuIntervalReadBegin, &[notifier]);
    assert_eq!(begin, Some(Value::Int(1)), "odd, and not the mm's number");
    let retry = |hand: &mut Hand, seq| hand.call(1, Op::MmuIntervalReadRetry, &[notifier, Value::Int(seq)]);
    assert_eq!(retry(&mut hand, 1), Some(Value::Int(0)));
    hand.call(0, Op::MmuNotifierInvalidateRangeStart, &[range]);
    assert_eq!(retry(&mut hand, 1), Some(Value::Int(1)));
    assert_eq!(hand.call(1, Op::MmuIntervalReadBegin, &[notifier]), None, "an invalidation runs");
    assert_eq!(hand.session.world().threads()[1].state(), State::Blocked(Wait::IntervalNotifier(0)));
    // A second one keeps it going.
    hand.call(0, Op::MmuNotifierInvalidateRangeStart, &[range]);
    hand.call(0, Op::MmuNotifierInvalidateRangeEnd, &[range]);
    assert_eq!(hand.session.result(1), None);
    hand.call(0, Op::MmuNotifierInvalidateRangeEnd, &[range]);
    assert_eq!(hand.session.result(1), Some(Value::Int(3)));
    assert_eq!(retry(&mut hand, 3), Some(Value::Int(0)));
    assert_eq!(hand.broken(), [""; 0]);
    hand.call(0, Op::MmuNotifierInvalidateRangeEnd, &[range]);
    assert_eq!(hand.broken(), ["RF614"], "an end without a start");
}

#[test]
fn removal_waits_for_the_invalidation_and_insertion_is_deferred() {
    let it = userptr();
    let mut hand = Hand::new(it.build.scenario.clone(), 2);
    let (range, notifier) = (hand.value(it.range), hand.value(it.notifier));
    hand.call(0, Op::MmuNotifierInvalidateRangeStart, &[range]);
    assert_eq!(hand.call(1, Op::MmuIntervalNotifierRemove, &[notifier]), None);
    hand.call(0, Op::MmuNotifierInvalidateRangeEnd, &[range]);
    assert!(hand.session.is_idle(1));
    // Now nobody is called, and the number does not become odd.
    hand.call(0, Op::MmuNotifierInvalidateRangeStart, &[range]);
    hand.call(1, Op::MmuIntervalNotifierInsert, &[notifier]);
    assert_eq!(hand.call(1, Op::MmuIntervalReadBegin, &[notifier]), None, "it may be among those that run");
    hand.call(0, Op::MmuNotifierInvalidateRangeEnd, &[range]);
    assert_eq!(hand.session.result(1), Some(Value::Int(5)));
    assert_eq!(hand.broken(), [""; 0]);
    hand.call(1, Op::MmuIntervalNotifierInsert, &[notifier]);
    hand.call(1, Op::MmuIntervalNotifierRemove, &[notifier]);
    hand.call(1, Op::MmuIntervalNotifierRemove, &[notifier]);
    assert_eq!(hand.broken(), ["RF706", "RF706"]);
}

/// Two notifiers of one range, and a driver that begins to read the first with the lock held that both need.
#[test]
fn waiting_for_an_invalidation_with_its_lock_held_deadlocks() {
    let hangs = |locked: bool| {
        let mut it = userptr();
        let callback =
            vec![op(Op::MutexLock, &[obj(it.lock)]), op(Op::MutexUnlock, &[obj(it.lock)]), returns(1)];
        let registers = [Kind::Int, Kind::Seqno];
        let invalidate = it.build.handler("invalidate2", 2, &registers, Some(Kind::Int), callback);
        it.build.object("second", ObjectKind::IntervalNotifier { range: it.range, invalidate });
        let mut body = vec![op_out(Op::MmuIntervalReadBegin, &[obj(it.notifier)], 0)];
        if locked {
            body.insert(0, op(Op::MutexLock, &[obj(it.lock)]));
            body.push(op(Op::MutexUnlock, &[obj(it.lock)]));
        }
        it.build.thread("reader", &[Kind::Seqno], body);
        it.build.thread("unmapper", &[], vec![op(Op::Munmap, &[obj(it.range)])]);
        let plan = Plan::new(&it.build.scenario).expect("a valid scenario");
        let waits = [
            State::Blocked(Wait::IntervalNotifier(0)),
            State::Blocked(Wait::Lock { lock: 0, shared: false }),
        ];
        let hangs = (0..500).filter(|&seed| {
            let (world, _) = run_random(&plan, seed);
            let states: Vec<State> = world.threads().iter().map(ringfence_model::Thread::state).collect();
            let hung = states.iter().any(|state| matches!(state, State::Blocked(_)));
            assert!(!hung || states == waits, "{states:?}");
            hung
        });
        hangs.count()
    };
    assert!(hangs(true) > 0);
    assert_eq!(hangs(false), 0);
}

#[test]
fn a_callback_that_removes_its_notifier_waits_for_itself() {
    let mut build = Build::default();
    let (_, range) = user_memory(&mut build);
    let notifier = ObjectId::new(build.scenario.objects.len());
    let callback = vec![op(Op::MmuIntervalNotifierRemove, &[obj(notifier)]), returns(1)];
    let invalidate = build.handler("invalidate", 2, &[Kind::Int, Kind::Seqno], Some(Kind::Int), callback);
    build.object("notifier", ObjectKind::IntervalNotifier { range, invalidate });
    let mut hand = Hand::new(build.scenario, 1);
    assert_eq!(hand.on(Op::Munmap, range), None);
}

#[test]
fn an_interval_notifier_may_refuse_only_if_it_may_not_block() {
    let mut build = Build::default();
    let (mm, range) = user_memory(&mut build);
    let callback = vec![returns(0)];
    let invalidate = build.handler("invalidate", 2, &[Kind::Int, Kind::Seqno], Some(Kind::Int), callback);
    let notifier = build.object("notifier", ObjectKind::IntervalNotifier { range, invalidate });
    let mut hand = Hand::new(build.scenario, 1);
    hand.on(Op::Oom, mm);
    assert_eq!(hand.broken(), [""; 0]);
    assert_eq!(hand.on(Op::GetUser, range), Some(Value::Int(0)), "the memory stays");
    assert_eq!(hand.on(Op::MmuIntervalReadBegin, notifier), Some(Value::Int(1)), "nothing runs any more");
    hand.on(Op::Munmap, range);
    assert_eq!(hand.broken(), ["RF404"]);
}

/// The interval notifiers were told already, and nobody takes it back: so it is in Linux.
#[test]
fn another_notifier_that_refuses_leaves_readers_waiting() {
    let mut it = userptr();
    let refuse =
        it.build.handler("refuse", 1, &[Kind::Int], Some(Kind::Errno), vec![returns(-errno::EAGAIN)]);
    let invalidate = Some(refuse);
    it.build.object("other", ObjectKind::MmuNotifier { mm: it.mm, invalidate, release: None });
    let mut hand = Hand::new(it.build.scenario, 1);
    hand.on(Op::Oom, it.mm);
    assert_eq!(hand.broken(), ["RF404"], "the driver's callback takes a mutex");
    assert_eq!(hand.on(Op::MmuIntervalReadBegin, it.notifier), None);
}
