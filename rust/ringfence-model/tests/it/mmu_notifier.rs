//! Notifiers, blockable and not; the end of an mm.

use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ChoiceKind, EventKind, Gfp, ObjectId, SiteId, errno};
use ringfence_model::Value;

use crate::build::{Build, obj, op};
use crate::memory_support::{Evict, Hand, Take, add, counter, mask, only, user_memory};

fn returns(value: i64) -> Stmt {
    Stmt::Return { value: Some(Arg::Int(value)), at: SiteId::UNKNOWN }
}

/// An mm with a range and a notifier whose callback runs `body` and then returns this.
fn watched(environment: Environment, body: impl FnOnce(&mut Build) -> Vec<Stmt>, result: i64) -> Watched {
    let mut build = Build::default();
    let (mm, range) = user_memory(&mut build);
    let (calls, blockable) = (counter(&mut build, "calls"), counter(&mut build, "blockable"));
    let released = counter(&mut build, "released");
    let mut callback = vec![add(calls, Arg::Int(1)), add(blockable, Arg::Register(0))];
    callback.extend(body(&mut build));
    callback.push(returns(result));
    let invalidate = build.handler("invalidate", 1, &[Kind::Int], Some(Kind::Errno), callback);
    let release = build.handler("release", 0, &[], None, vec![add(released, Arg::Int(1))]);
    let (invalidate, release) = (Some(invalidate), Some(release));
    build.object("notifier", ObjectKind::MmuNotifier { mm, invalidate, release });
    build.scenario.environment = environment;
    Watched { mm, range, calls, blockable, released, hand: Hand::new(build.scenario, 2) }
}

struct Watched {
    mm: ObjectId,
    range: ObjectId,
    calls: ObjectId,
    blockable: ObjectId,
    released: ObjectId,
    hand: Hand,
}

impl Watched {
    /// How often the callback was called, and how often it was allowed to block.
    fn calls(&mut self) -> (i64, i64) {
        (self.hand.cell(self.calls), self.hand.cell(self.blockable))
    }
}

#[test]
fn munmap_calls_notifiers_under_mmap_lock_and_the_map() {
    let mut it = watched(Environment::quiet(), |_| Vec::new(), 0);
    it.hand.on(Op::Munmap, it.range);
    let events = it.hand.events();
    let [EventKind::Acquire(lock, _), EventKind::InvalidateRangeStart, rest @ ..] = &events[..] else {
        panic!("{events:?}");
    };
    let end = [EventKind::InvalidateRangeEnd, EventKind::InvalidateRangeStart, EventKind::InvalidateRangeEnd];
    assert_eq!(rest[..3], end, "the end touches the map as well");
    assert_eq!(rest[3..], [EventKind::Release(*lock)]);
    assert_eq!(it.calls(), (1, 1));
    assert_eq!(it.hand.on(Op::CopyFromUser, it.range), Some(Value::Int(1)), "the memory is gone");
    it.hand.on(Op::Munmap, it.range);
    assert_eq!(it.calls(), (1, 1), "there is nothing left to unmap");
}

#[test]
fn a_blockable_notifier_may_not_refuse() {
    let mut it = watched(Environment::quiet(), |_| Vec::new(), -errno::EAGAIN);
    it.hand.on(Op::Munmap, it.range);
    assert_eq!(it.hand.broken(), ["RF404"]);
    assert_eq!(it.hand.on(Op::GetUser, it.range), Some(Value::errno(errno::EFAULT)), "it goes all the same");
}

#[test]
fn the_oom_reaper_does_not_block_and_takes_no_for_an_answer() {
    let mut it = watched(Environment::quiet(), |_| Vec::new(), -errno::EAGAIN);
    it.hand.on(Op::Oom, it.mm);
    assert_eq!(it.hand.broken(), [""; 0]);
    assert_eq!(it.calls(), (1, 0));
    assert_eq!(it.hand.on(Op::GetUser, it.range), Some(Value::Int(0)), "it stays");

    let mut it = watched(Environment::quiet(), |_| Vec::new(), 0);
    it.hand.on(Op::Oom, it.mm);
    assert_eq!(it.hand.on(Op::GetUser, it.range), Some(Value::errno(errno::EFAULT)));
}

#[test]
fn sleeping_in_a_notifier_that_may_not_block_is_found() {
    let sleep = |_: &mut Build| vec![op(Op::MightSleep, &[])];
    let mut it = watched(Environment::quiet(), sleep, 0);
    it.hand.on(Op::Munmap, it.range);
    assert_eq!(it.hand.broken(), [""; 0], "here it may");
    let mut it = watched(Environment::quiet(), sleep, 0);
    it.hand.on(Op::Oom, it.mm);
    assert_eq!(it.hand.broken(), ["RF404"]);
}

#[test]
fn reclaim_evicts_inside_its_own_map_and_the_memory_comes_back() {
    let mut it = watched(only(&["memory_pressure", "user_memory"]), |_| Vec::new(), 0);
    it.hand.call_with(0, Op::Kmalloc, &[mask(Gfp::NOIO)], &mut Evict);
    let events = it.hand.events();
    let position = |wanted: EventKind| events.iter().position(|&event| event == wanted);
    let order = [
        position(EventKind::FsReclaimAcquire(Gfp::NOIO)),
        position(EventKind::InvalidateRangeStart),
        position(EventKind::InvalidateRangeEnd),
        position(EventKind::FsReclaimRelease(Gfp::NOIO)),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{events:?}");
    assert_eq!(it.calls(), (1, 1));
    it.hand.events();
    // Now it must be faulted in: mmap_lock for reading, GFP_KERNEL.
    assert_eq!(it.hand.on(Op::CopyFromUser, it.range), Some(Value::Int(0)));
    let events = it.hand.events();
    assert!(events.contains(&EventKind::Alloc(Gfp::KERNEL)), "{events:?}");
    it.hand.on(Op::CopyFromUser, it.range);
    assert!(!it.hand.events().contains(&EventKind::Alloc(Gfp::KERNEL)), "it is there again");
}

#[test]
fn a_fault_may_happen_though_the_memory_is_there() {
    let mut it = watched(only(&["user_memory"]), |_| Vec::new(), 0);
    let range = it.hand.value(it.range);
    it.hand.call_with(0, Op::GetUserPagesFast, &[range], &mut Take(ChoiceKind::PageFault, 1));
    assert!(it.hand.events().contains(&EventKind::Alloc(Gfp::KERNEL)));
}

#[test]
fn get_user_pages_wants_mmap_lock() {
    let mut it = watched(Environment::quiet(), |_| Vec::new(), 0);
    it.hand.on(Op::GetUserPages, it.range);
    assert_eq!(it.hand.broken(), ["RF510"]);
    it.hand.on(Op::MmapReadLock, it.mm);
    it.hand.on(Op::GetUserPages, it.range);
    it.hand.on(Op::MmapReadUnlock, it.mm);
    assert_eq!(it.hand.broken(), [""; 0]);
}

#[test]
fn the_last_reference_releases_notifiers_and_memory() {
    let mut it = watched(Environment::quiet(), |_| Vec::new(), 0);
    it.hand.on(Op::Mmget, it.mm);
    it.hand.on(Op::Mmput, it.mm);
    assert_eq!(it.hand.cell(it.released), 0);
    it.hand.on(Op::Mmput, it.mm);
    assert_eq!(it.hand.cell(it.released), 1);
    assert_eq!(it.calls(), (0, 0), "released notifiers hear of nothing any more");
    assert_eq!(it.hand.on(Op::GetUser, it.range), Some(Value::errno(errno::EFAULT)));
    assert_eq!(it.hand.broken(), [""; 0]);
    it.hand.on(Op::Mmget, it.mm);
    it.hand.on(Op::Mmput, it.mm);
    assert_eq!(it.hand.broken(), ["RF502", "RF513"]);
}

#[test]
fn a_notifier_that_takes_a_lock_held_over_reclaim_deadlocks() {
    let mut build = Build::default();
    let (mm, _) = user_memory(&mut build);
    let lock = build.mutex("driver lock");
    let callback = vec![op(Op::MutexLock, &[obj(lock)]), op(Op::MutexUnlock, &[obj(lock)]), returns(0)];
    let invalidate = Some(build.handler("invalidate", 1, &[Kind::Int], Some(Kind::Errno), callback));
    build.object("notifier", ObjectKind::MmuNotifier { mm, invalidate, release: None });
    build.scenario.environment = only(&["memory_pressure", "user_memory"]);
    let mut hand = Hand::new(build.scenario, 1);
    hand.on(Op::MutexLock, lock);
    assert_eq!(hand.call_with(0, Op::Kmalloc, &[mask(Gfp::KERNEL)], &mut Evict), None, "it waits for itself");
}
