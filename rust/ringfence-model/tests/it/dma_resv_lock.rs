//! The lock of a reservation is a `ww_mutex` of a wait-die class.

use ringfence_base::errno::{EALREADY, EDEADLK, EINTR};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op};
use ringfence_base::{AcquireFlags, EventKind, ObjectId};
use ringfence_model::{Plan, Value, class};

use crate::build::{Build, obj, op, op_out};
use crate::by_hand::{ByHand, OK};
use crate::ww::{R, alone, always_ends_well, expect_eq, when_eq};

fn by_hand() -> ByHand {
    ByHand::new(&[ObjectKind::Resv, ObjectKind::Resv], 2)
}

/// What the validator hears: the context, and the lock nested in it.
#[test]
fn the_lock_is_nested_in_its_context() {
    let mut k = by_hand();
    let resv = k.object(0);
    let ctx = k.call(Op::WwAcquireInit, &[Value::Null]);
    assert_eq!(k.call(Op::DmaResvLock, &[resv, ctx]), OK);
    let events = k.events();
    let acquired: Vec<_> = events
        .iter()
        .filter_map(
            |kind| if let EventKind::Acquire(lock, flags) = kind { Some((*lock, *flags)) } else { None },
        )
        .collect();
    let [(map, _), (lock, flags)] = acquired[..] else { panic!("{acquired:?}") };
    let locks = k.session.world().locks();
    assert_eq!(locks.class(map.raw()), class::RESV_ACQUIRE);
    assert_eq!(locks.class(lock.raw()), class::RESV_MUTEX);
    assert_eq!(flags, AcquireFlags { nest: Some(map), ..AcquireFlags::default() });
    k.call(Op::DmaResvUnlock, &[resv]);
    k.call(Op::WwAcquireFini, &[ctx]);
    let released: Vec<_> = k
        .events()
        .iter()
        .filter_map(|kind| if let EventKind::Release(lock) = kind { Some(*lock) } else { None })
        .collect();
    assert_eq!(released, [lock, map]);
}

#[test]
fn errors_and_trylock() {
    let mut k = by_hand();
    let (first, second) = (k.object(0), k.object(1));
    let other = k.session.call(1, Op::WwAcquireInit, &[Value::Null], &[]).expect("it does not block");
    assert_eq!(k.session.call(1, Op::DmaResvLock, &[second, other], &[]), Some(OK));
    let ctx = k.call(Op::WwAcquireInit, &[Value::Null]);
    assert_eq!(k.call(Op::DmaResvLock, &[first, ctx]), OK);
    assert_eq!(k.number(Op::DmaResvLock, &[first, ctx]), -EALREADY);
    assert_eq!(k.number(Op::DmaResvTrylock, &[second]), 0);
    assert_eq!(k.number(Op::DmaResvLockInterruptible, &[second, ctx]), -EDEADLK);
    k.call(Op::DmaResvUnlock, &[first]);
    assert_eq!(k.session.call(0, Op::DmaResvLockSlowInterruptible, &[second, ctx], &[]), None);
    k.session.interrupt(0);
    k.session.settle();
    assert_eq!(k.session.result(0), Some(Value::errno(EINTR)));
    k.session.clear_signal(0);
    assert_eq!(k.session.call(0, Op::DmaResvLockSlow, &[second, ctx], &[]), None);
    k.session.call(1, Op::DmaResvUnlock, &[second], &[]);
    assert!(k.session.is_idle(0));
    assert_eq!(k.number(Op::DmaResvTrylock, &[first]), 1);
    k.call(Op::DmaResvUnlock, &[first]);
    k.call(Op::DmaResvUnlock, &[second]);
    k.call(Op::WwAcquireFini, &[ctx]);
    assert_eq!(k.broken(), [""; 0]);
}

/// Threads that take two reservations in opposite orders, backing off.
#[test]
fn both_are_had_by_everybody() {
    let mut build = Build::default();
    let resvs = ["a", "b"].map(|name| build.object(name, ObjectKind::Resv));
    let cells = ["a", "b"].map(|name| build.object(name, ObjectKind::Cell { init: 0 }));
    for (first, second) in [(0, 1), (1, 0), (1, 0)] {
        let (one, two): (ObjectId, ObjectId) = (resvs[first], resvs[second]);
        let lock = |resv| op_out(Op::DmaResvLock, &[obj(resv), R(0)], 1);
        let unlock = |resv| op(Op::DmaResvUnlock, &[obj(resv)]);
        let slow = |resv| op(Op::DmaResvLockSlow, &[obj(resv), R(0)]);
        let mut body = vec![op_out(Op::WwAcquireInit, &[Arg::Null], 0), lock(one), lock(two)];
        // Of three, one can be told twice in a row to back off.
        for _ in 0..2 {
            body.extend(when_eq(2, R(1), -EDEADLK, vec![unlock(one), slow(two), lock(one)]));
            body.extend(when_eq(2, R(1), -EDEADLK, vec![unlock(two), slow(one), lock(two)]));
        }
        body.extend(expect_eq(2, R(1), 0));
        body.extend(cells.iter().flat_map(|&cell| alone(cell, 2)));
        body.extend([unlock(one), unlock(two), op(Op::WwAcquireFini, &[R(0)])]);
        build.thread("user", &[Kind::WwCtx, Kind::Errno, Kind::Int], body);
    }
    always_ends_well(&Plan::new(&build.scenario).expect("a valid scenario"), 300);
}
