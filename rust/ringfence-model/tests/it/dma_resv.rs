//! Reservations beyond the kernel's self-tests: replacement, misuse, waiting, races with changes.

use ringfence_base::errno::EINVAL;
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{Ordinary, SiteId};
use ringfence_model::{Plan, State, Value};

use crate::build::{Build, obj, op, op_out};
use crate::fences::{Mock, Random, broken};
use crate::run::run_with;

const KERNEL: i64 = 0;
const WRITE: i64 = 1;
const READ: i64 = 2;
const BOOKKEEP: i64 = 3;

/// What is known of one reservation.
struct Resv {
    mock: Mock,
    resv: Value,
}

impl Resv {
    fn new(timelines: usize) -> Self {
        let mock = Mock::new(timelines, 2);
        let resv = mock.resv(0);
        Self { mock, resv }
    }

    fn locked(timelines: usize, reserved: i64) -> Self {
        let mut resv = Self::new(timelines);
        resv.lock();
        assert_eq!(resv.reserve(reserved), 0);
        resv
    }

    fn lock(&mut self) {
        assert_eq!(self.mock.number(Op::DmaResvLock, &[self.resv, Value::Null]), 0);
    }

    fn unlock(&mut self) {
        self.mock.call(Op::DmaResvUnlock, &[self.resv]);
    }

    fn reserve(&mut self, count: i64) -> i64 {
        self.mock.number(Op::DmaResvReserveFences, &[self.resv, Value::Int(count)])
    }

    fn add(&mut self, fence: Value, usage: i64) {
        self.mock.call(Op::DmaResvAddFence, &[self.resv, fence, Value::Int(usage)]);
    }

    /// All fences in the order of their slots, with usages. Takes the lock if it is free.
    fn list(&mut self) -> Vec<(Value, i64)> {
        let args = [self.resv, Value::Int(BOOKKEEP)];
        let cursor = self.mock.call(Op::DmaResvIterBegin, &args);
        let (mut list, mut fence) = (Vec::new(), self.mock.call(Op::DmaResvIterFirst, &[cursor]));
        while fence != Value::Null {
            list.push((fence, self.mock.number(Op::DmaResvIterUsage, &[cursor])));
            fence = self.mock.call(Op::DmaResvIterNext, &[cursor]);
        }
        self.mock.call(Op::DmaResvIterEnd, &[cursor]);
        list
    }

    fn test_signaled(&mut self, usage: i64) -> bool {
        self.mock.number(Op::DmaResvTestSignaled, &[self.resv, Value::Int(usage)]) != 0
    }
}

#[test]
fn a_later_fence_takes_the_place_of_an_earlier_one_unless_it_is_weaker() {
    let mut resv = Resv::locked(2, 4);
    let fences: Vec<Value> = (0..3).map(|_| resv.mock.fence()).collect();
    let other = resv.mock.fence_on(1);
    resv.add(fences[0], READ);
    resv.add(other, READ);
    resv.add(fences[1], WRITE);
    assert_eq!(resv.list(), [(fences[1], WRITE), (other, READ)]);
    resv.add(fences[2], BOOKKEEP);
    assert_eq!(resv.list(), [(fences[1], WRITE), (other, READ), (fences[2], BOOKKEEP)]);
    // An earlier one does not replace a later one.
    resv.add(fences[0], WRITE);
    let list = [(fences[1], WRITE), (other, READ), (fences[2], BOOKKEEP), (fences[0], WRITE)];
    assert_eq!(resv.list(), list);
    assert!(resv.mock.broken().is_empty());
}

#[test]
fn a_signaled_fence_makes_room_and_references_are_kept() {
    let mut resv = Resv::locked(2, 1);
    let (first, second) = (resv.mock.fence(), resv.mock.fence_on(1));
    resv.add(first, WRITE);
    resv.mock.put(first);
    assert!(!resv.mock.is_freed(first), "the reservation has a reference");
    let cookie = resv.mock.call(Op::DmaFenceBeginSignalling, &[]);
    resv.mock.signal(first);
    resv.mock.call(Op::DmaFenceEndSignalling, &[cookie]);
    resv.add(second, READ);
    assert!(resv.mock.is_freed(first));
    assert_eq!(resv.list(), [(second, READ)]);
    assert!(resv.mock.broken().is_empty());
}

#[test]
fn slots_are_reserved_until_the_unlock() {
    let mut resv = Resv::new(1);
    resv.lock();
    let fence = resv.mock.fence();
    resv.add(fence, WRITE);
    assert_eq!(resv.mock.broken(), ["RF505"], "nothing was ever reserved");
    assert_eq!(resv.reserve(1), 0);
    resv.unlock();
    resv.lock();
    resv.add(fence, WRITE);
    assert_eq!(resv.mock.broken(), ["RF505", "RF505"], "the unlock has taken it back");
    assert!(resv.list().is_empty());
    assert_eq!(resv.reserve(0), -EINVAL);
    resv.mock.put(fence);
    assert!(resv.mock.is_freed(fence), "no reference is left behind");
}

#[test]
fn changing_needs_the_lock_and_no_containers_are_added() {
    let mut resv = Resv::new(2);
    resv.reserve(1);
    let fence = resv.mock.fence();
    resv.add(fence, WRITE);
    let args = [resv.resv, fence, fence, Value::Int(WRITE)];
    resv.mock.call(Op::DmaResvReplaceFences, &args);
    let other = resv.mock.resv(1);
    resv.mock.call(Op::DmaResvCopyFences, &[other, resv.resv]);
    assert_eq!(resv.mock.broken(), ["RF506"; 4]);
    resv.list();
    assert_eq!(resv.mock.broken()[4..], ["RF510", "RF510"], "locked iteration without the lock");

    let mut resv = Resv::locked(2, 2);
    let member = resv.mock.fence_on(1);
    let array = resv.mock.array(&[member], false);
    resv.add(array, WRITE);
    assert_eq!(resv.mock.broken(), ["RF504"]);
    let cursor = resv.mock.call(Op::DmaResvIterBegin, &[resv.resv, Value::Int(WRITE)]);
    resv.mock.call(Op::DmaResvIterEnd, &[cursor]);
    resv.mock.call(Op::DmaResvIterNext, &[cursor]);
    assert_eq!(resv.mock.broken(), ["RF504", "RF502"]);
    assert!(!resv.test_signaled(WRITE));
    resv.mock.number(Op::DmaResvTestSignaled, &[resv.resv, Value::Int(9)]);
    assert_eq!(resv.mock.broken()[2..], ["RF508"]);
}

#[test]
fn replacing_is_by_context_whatever_the_number() {
    let mut resv = Resv::locked(2, 4);
    let fences: Vec<Value> = (0..2).map(|_| resv.mock.fence()).collect();
    let by = resv.mock.fence_on(1);
    resv.add(fences[0], WRITE);
    resv.add(fences[1], BOOKKEEP);
    let args = [resv.resv, fences[0], by, Value::Int(READ)];
    resv.mock.call(Op::DmaResvReplaceFences, &args);
    assert_eq!(resv.list(), [(by, READ), (by, READ)]);
    for &fence in &fences {
        resv.mock.put(fence);
        assert!(resv.mock.is_freed(fence));
    }
    resv.unlock();
    resv.mock.call(Op::DmaResvFini, &[resv.resv]);
    resv.mock.put(by);
    assert!(resv.mock.is_freed(by), "a reference per slot");
    assert!(resv.mock.broken().is_empty());
}

#[test]
fn a_usage_includes_the_stronger_ones() {
    for usage in KERNEL..=BOOKKEEP {
        let mut resv = Resv::locked(1, 1);
        let fence = resv.mock.fence();
        resv.add(fence, usage);
        let pending: Vec<bool> = (KERNEL..=BOOKKEEP).map(|asked| !resv.test_signaled(asked)).collect();
        let expected: Vec<bool> = (KERNEL..=BOOKKEEP).map(|asked| asked >= usage).collect();
        assert_eq!(pending, expected);
    }
}

#[test]
fn waiting_carries_the_timeout_along() {
    let mut resv = Resv::locked(2, 2);
    let fences = [0, 1].map(|timeline| resv.mock.fence_on(timeline));
    for fence in fences {
        resv.add(fence, READ);
    }
    resv.unlock();
    let wait = |timeout: i64| [resv.resv, Value::Int(READ), Value::Int(0), Value::Int(timeout)];
    assert_eq!(resv.mock.number(Op::DmaResvWaitTimeout, &wait(100)), 0);
    let forever = wait(i64::MAX);
    assert_eq!(resv.mock.number(Op::DmaResvWaitTimeout, &wait(0)), 0);
    resv.mock.session.issue(1, Op::DmaResvWaitTimeout, &forever, &[]);
    resv.mock.session.settle();
    let cookie = resv.mock.call(Op::DmaFenceBeginSignalling, &[]);
    resv.mock.signal(fences[0]);
    assert!(!resv.mock.session.is_idle(1), "one is left");
    resv.mock.signal(fences[1]);
    resv.mock.call(Op::DmaFenceEndSignalling, &[cookie]);
    assert_eq!(resv.mock.session.result(1), Some(Value::Int(i64::MAX)));
    assert_eq!(resv.mock.number(Op::DmaResvWaitTimeout, &forever), i64::MAX);
    assert!(resv.mock.broken().is_empty());
}

/// One thread keeps changing a reservation while another goes over it without the lock: at the end the reader has
/// seen each fence that was there all the time, and none twice.
#[test]
fn an_unlocked_walk_sees_what_is_there_all_the_time() {
    let mut build = Build::default();
    let lock = build.object("lock", ObjectKind::Spinlock { class: None });
    let kind = |lock| ObjectKind::Timeline { lock: Some(lock), ops: None, first_seqno: 1, bound: None };
    let timelines: Vec<_> = (0..3).map(|n| build.object(&format!("t{n}"), kind(lock))).collect();
    let fence = |build: &mut Build, timeline: usize| {
        let kind = ObjectKind::Fence { timeline: timelines[timeline], seqno: None };
        build.object(&format!("f{timeline}"), kind)
    };
    let (stays, comes) = (fence(&mut build, 0), [1, 2].map(|timeline| fence(&mut build, timeline)));
    let resv = build.object("resv", ObjectKind::Resv);
    let seen = build.object("seen", ObjectKind::Cell { init: 0 });
    let ready = build.object("ready", ObjectKind::Completion);
    let add = |fence| op(Op::DmaResvAddFence, &[obj(resv), obj(fence), Arg::Int(READ)]);
    let reserve = |count| op(Op::DmaResvReserveFences, &[obj(resv), Arg::Int(count)]);
    let locked = |body: Vec<Stmt>| {
        let mut all = vec![op(Op::DmaResvLock, &[obj(resv), Arg::Null])];
        all.extend(body);
        all.push(op(Op::DmaResvUnlock, &[obj(resv)]));
        all
    };
    let mut writer = locked(vec![reserve(1), add(stays)]);
    writer.push(op(Op::Complete, &[obj(ready)]));
    for (round, fence) in comes.into_iter().enumerate() {
        writer.extend(locked(vec![reserve(8 << (2 * round)), add(fence)]));
    }
    build.thread("writer", &[], writer);

    let at = SiteId::UNKNOWN;
    let reg = Arg::Register;
    let visit = vec![
        Stmt::If { cond: reg(1), then: Vec::new(), otherwise: vec![Stmt::Break { at }], at },
        op_out(Op::DmaResvIterIsRestarted, &[reg(0)], 2),
        Stmt::If {
            cond: reg(2),
            then: vec![op(Op::CellWrite, &[obj(seen), Arg::Int(0)])],
            otherwise: vec![],
            at,
        },
        op_out(Op::Eq, &[reg(1), obj(stays)], 3),
        Stmt::If {
            cond: reg(3),
            then: vec![op(Op::CellAdd, &[obj(seen), Arg::Int(1)])],
            otherwise: vec![],
            at,
        },
        op_out(Op::DmaResvIterNextUnlocked, &[reg(0)], 1),
    ];
    build.thread(
        "reader",
        &[Kind::ResvIter, Kind::Fence, Kind::Int, Kind::Int, Kind::Int, Kind::Int],
        vec![
            op(Op::WaitForCompletion, &[obj(ready)]),
            op_out(Op::DmaResvIterBegin, &[obj(resv), Arg::Int(BOOKKEEP)], 0),
            op_out(Op::DmaResvIterFirstUnlocked, &[reg(0)], 1),
            Stmt::Loop { body: visit, at },
            op(Op::DmaResvIterEnd, &[reg(0)]),
            op_out(Op::CellRead, &[obj(seen)], 4),
            op_out(Op::Ne, &[reg(4), Arg::Int(1)], 5),
            op(Op::WarnOn, &[reg(5)]),
        ],
    );
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let (world, events) = run_with(&plan, &mut Ordinary, |actions| random.below(actions.len()));
        assert!(world.threads()[..2].iter().all(|thread| thread.state() == State::Done), "seed {seed}");
        assert!(broken(&events).is_empty(), "seed {seed}: {:?}", broken(&events));
    }
}
