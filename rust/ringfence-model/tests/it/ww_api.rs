//! The cases of the kernel's locking self-tests in which a debug check of `ww_mutex` itself complains
//! (`ww-api` in the recordings), and their neighbours in which nothing is wrong.

use ringfence_base::errno::{EALREADY, EDEADLK};
use ringfence_base::scenario::{ObjectKind, Op, WwAlgorithm};
use ringfence_base::{Event, EventKind};
use ringfence_model::{Session, Value};

use crate::build::Build;

/// Two classes of the kind that `algorithm` says, three locks `o`, `o2`, `o3` of the first one. Thread 0 does what is
/// tested, thread 1 is the older one that is in the way.
struct Lockdep {
    session: Session,
    class: Value,
    other_class: Value,
    o: Value,
    o2: Value,
    o3: Value,
}

const OK: Value = Value::Int(0);
const DEADLK: Value = Value::errno(EDEADLK);

fn lockdep(algorithm: WwAlgorithm) -> Lockdep {
    let mut build = Build::default();
    let class = build.object("ww_lockdep", ObjectKind::WwClass { algorithm });
    let other_class = build.object("other", ObjectKind::WwClass { algorithm });
    let locks = ["o", "o2", "o3"].map(|name| build.object(name, ObjectKind::WwMutex { class }));
    let session = Session::new(&build.scenario, 2).expect("a valid scenario");
    let [o, o2, o3] = locks.map(|lock| session.object(lock));
    let (class, other_class) = (session.object(class), session.object(other_class));
    Lockdep { session, class, other_class, o, o2, o3 }
}

impl Lockdep {
    fn call(&mut self, op: Op, args: &[Value]) -> Value {
        self.session.call(0, op, args, &[]).expect("nothing is in the way")
    }

    fn init(&mut self) -> Value {
        self.call(Op::WwAcquireInit, &[self.class])
    }

    fn lock(&mut self, lock: Value, ctx: Value) -> Value {
        self.call(Op::WwMutexLock, &[lock, ctx])
    }

    fn slow(&mut self, lock: Value, ctx: Value) {
        self.call(Op::WwMutexLockSlow, &[lock, ctx]);
    }

    fn unlock(&mut self, lock: Value) {
        self.call(Op::WwMutexUnlock, &[lock]);
    }

    /// An older context of the other thread takes these.
    fn in_the_way(&mut self, locks: &[Value]) {
        let ctx = self.session.call(1, Op::WwAcquireInit, &[self.class], &[]).expect("nothing is in the way");
        for &lock in locks {
            assert_eq!(self.session.call(1, Op::WwMutexLock, &[lock, ctx], &[]), Some(OK));
        }
    }

    fn out_of_the_way(&mut self, lock: Value) {
        self.session.call(1, Op::WwMutexUnlock, &[lock], &[]);
    }

    /// Up to here all was well.
    #[track_caller]
    fn fine(&mut self) {
        assert_eq!(broken(&self.session.take_events()), [("", "")][..0]);
    }

    #[track_caller]
    fn misuse(&mut self, what: &str) {
        let broken = broken(&self.session.take_events());
        assert!(broken.iter().all(|&(rule, _)| rule == "RF611"), "{broken:?}");
        assert!(broken.iter().any(|&(_, found)| found == what), "{broken:?}");
    }
}

fn broken(events: &[Event]) -> Vec<(&'static str, &'static str)> {
    let broken = events.iter().filter_map(|event| match event.kind {
        EventKind::Broken(rule, what, _) => Some((rule, what)),
        _ => None,
    });
    broken.collect()
}

/// Thread 0 holds `o` and was told -EDEADLK for `o2`, which an older context holds; it holds `also`, too.
fn edeadlk(also: &[fn(&Lockdep) -> Value]) -> (Lockdep, Value) {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let mut held = vec![k.o2];
    held.extend(also.iter().map(|lock| lock(&k)));
    k.in_the_way(&held);
    let t = k.init();
    assert_eq!(k.lock(k.o, t), OK);
    assert_eq!(k.lock(k.o2, t), DEADLK);
    k.fine();
    (k, t)
}

#[test]
fn fail_acquire() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.init();
    assert_eq!(k.lock(k.o, t), OK);
    assert_eq!(k.lock(k.o, t), Value::errno(EALREADY));
    assert_eq!(k.call(Op::WwMutexTrylock, &[k.o]), Value::bool(false));
    k.unlock(k.o);
    assert_eq!(k.call(Op::WwMutexTrylock, &[k.o]), Value::bool(true));
    k.unlock(k.o);
    k.call(Op::WwAcquireFini, &[t]);
    k.fine();
}

#[test]
fn unneeded_slow() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.init();
    k.fine();
    k.slow(k.o, t);
    k.misuse("ww_mutex_lock_slow() without -EDEADLK before");
}

#[test]
fn diff_class() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.call(Op::WwAcquireInit, &[k.other_class]);
    k.fine();
    k.lock(k.o, t);
    k.misuse("ww_mutex taken in a context of another ww_class");
}

#[test]
fn context_done_twice() {
    let mut k = lockdep(WwAlgorithm::WoundWait);
    let t = k.init();
    k.call(Op::WwAcquireDone, &[t]);
    k.fine();
    k.call(Op::WwAcquireDone, &[t]);
    k.misuse("ww_acquire_done() called twice");
}

#[test]
fn context_unlock_twice() {
    let mut k = lockdep(WwAlgorithm::WoundWait);
    let t = k.init();
    k.call(Op::WwAcquireDone, &[t]);
    k.call(Op::WwAcquireFini, &[t]);
    k.fine();
    k.call(Op::WwAcquireFini, &[t]);
    k.misuse("acquire context used after ww_acquire_fini()");
}

#[test]
fn context_fini_early() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.init();
    k.lock(k.o, t);
    k.call(Op::WwAcquireDone, &[t]);
    k.fine();
    k.call(Op::WwAcquireFini, &[t]);
    k.misuse("ww_acquire_fini() with locks held in the context");
}

#[test]
fn context_lock_after_done() {
    for take in [Op::WwMutexLock, Op::WwMutexTrylock] {
        let mut k = lockdep(WwAlgorithm::WaitDie);
        let t = k.init();
        k.call(Op::WwAcquireDone, &[t]);
        k.fine();
        k.call(take, &[k.o, t]);
        k.misuse("ww_mutex taken after ww_acquire_done()");
    }
}

/// A lock that its context does not count any more.
#[test]
fn object_lock_unbalanced() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.init();
    k.lock(k.o, t);
    k.fine();
    k.call(Op::WwAcquireFini, &[t]);
    k.misuse("ww_acquire_fini() with locks held in the context");
    k.unlock(k.o);
    k.misuse("ww_mutex_unlock() after ww_acquire_fini() of the lock's context");
}

/// A lock that still has the context of whoever gave it back with `mutex_unlock()`.
#[test]
fn object_lock_stale_context() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    k.in_the_way(&[k.o]);
    k.session.call(1, Op::MutexUnlock, &[k.o], &[]);
    let t = k.init();
    k.fine();
    k.lock(k.o, t);
    k.misuse("ww_mutex taken that was released with mutex_unlock()");
}

#[test]
fn edeadlk_normal() {
    for slow in [false, true] {
        let (mut k, t) = edeadlk(&[]);
        k.out_of_the_way(k.o2);
        k.unlock(k.o);
        if slow {
            k.slow(k.o2, t);
        } else {
            assert_eq!(k.lock(k.o2, t), OK);
        }
        assert_eq!(k.lock(k.o, t), OK);
        k.fine();
    }
}

const NO_UNLOCK: &str = "lock taken after -EDEADLK with other locks still held";

#[test]
fn edeadlk_no_unlock() {
    let (mut k, t) = edeadlk(&[]);
    k.out_of_the_way(k.o2);
    k.lock(k.o2, t);
    k.misuse(NO_UNLOCK);
}

#[test]
fn edeadlk_no_unlock_slow() {
    let (mut k, t) = edeadlk(&[]);
    k.out_of_the_way(k.o2);
    k.slow(k.o2, t);
    k.misuse(NO_UNLOCK);
}

#[test]
fn edeadlk_acquire_more() {
    let (mut k, t) = edeadlk(&[]);
    k.lock(k.o3, t);
    k.misuse(NO_UNLOCK);
}

#[test]
fn edeadlk_acquire_more_slow() {
    let (mut k, t) = edeadlk(&[]);
    k.slow(k.o3, t);
    k.misuse(NO_UNLOCK);
}

const AGAIN: &str = "-EDEADLK again, without taking the contended lock of the one before";

#[test]
fn edeadlk_acquire_more_edeadlk() {
    let (mut k, t) = edeadlk(&[|k| k.o3]);
    assert_eq!(k.lock(k.o3, t), DEADLK);
    k.misuse(AGAIN);
}

#[test]
fn edeadlk_acquire_more_edeadlk_slow() {
    let (mut k, t) = edeadlk(&[|k| k.o3]);
    k.slow(k.o3, t);
    k.misuse(AGAIN);
}

const WRONG: &str = "after -EDEADLK another lock was taken than the contended one";

#[test]
fn edeadlk_acquire_wrong() {
    let (mut k, t) = edeadlk(&[]);
    k.unlock(k.o);
    k.lock(k.o3, t);
    k.misuse(WRONG);
}

#[test]
fn edeadlk_acquire_wrong_slow() {
    let (mut k, t) = edeadlk(&[]);
    k.unlock(k.o);
    k.slow(k.o3, t);
    k.misuse(WRONG);
}

#[test]
fn a_context_belongs_to_its_task() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.init();
    k.fine();
    k.session.call(1, Op::WwMutexLock, &[k.o, t], &[]);
    k.misuse("acquire context used by a task that did not begin it");
}

/// The place of a context that is over goes to a new one only when no lock counts on it.
#[test]
fn a_context_with_locks_keeps_its_place() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let t = k.init();
    k.lock(k.o, t);
    k.call(Op::WwAcquireFini, &[t]);
    let again = k.init();
    assert_ne!(again, t);
    k.call(Op::WwAcquireFini, &[again]);
    k.unlock(k.o);
    k.session.take_events();
    assert_eq!(k.init(), t);
    k.fine();
}

/// Somebody older waits already: there is no queueing, and no looking for signals.
#[test]
fn backing_off_at_once_comes_before_signals() {
    let mut k = lockdep(WwAlgorithm::WaitDie);
    let older = k.session.call(1, Op::WwAcquireInit, &[k.class], &[]).expect("nothing is in the way");
    let t = k.init();
    assert_eq!(k.lock(k.o, t), OK);
    assert_eq!(k.call(Op::WwMutexTrylock, &[k.o2]), Value::bool(true));
    assert_eq!(k.session.call(1, Op::WwMutexLock, &[k.o2, older], &[]), None);
    k.session.interrupt(0);
    assert_eq!(k.call(Op::WwMutexLockInterruptible, &[k.o2, t]), DEADLK);
    k.fine();
}
