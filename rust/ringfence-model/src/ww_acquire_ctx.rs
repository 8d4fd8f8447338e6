//! Acquire contexts: `struct ww_class` and `struct ww_acquire_ctx` (`include/linux/ww_mutex.h`).

use ringfence_base::scenario::{Kind, Object, ObjectKind, WwAlgorithm};
use ringfence_base::{AcquireFlags, EventKind, LockId, ObjectId, ObjectRef};

use crate::compile::Compiler;
use crate::kernel::Kernel;
use crate::plan::{LockSort, class};
use crate::thread::{NONE, Thread};
use crate::tracked::tracked;
use crate::tracked_list::SharedList;
use crate::value::Value;

/// A `ww_class`: what the validator knows its contexts and its locks as, and who backs off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WwClass {
    /// Lock class of its contexts.
    pub(crate) acquire: u32,
    /// Lock class of its locks; no other `ww_class` has the same.
    pub(crate) mutex: u32,
    /// The younger one backs off; otherwise the older one makes the younger one back off.
    pub(crate) wait_die: bool,
}

/// `reservation_ww_class`, in the plan's list; those that the scenario declares come after it.
const RESERVATION_WW_CLASS: u32 = 0;

tracked! {
    /// All acquire contexts of a world.
    pub(crate) struct WwContexts {
        list: SharedList<WwAcquireCtx>,
    }
}

/// A `ww_acquire_ctx`. Its place is taken by a new one only when nobody can name it any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WwAcquireCtx {
    /// Index into the plan's `ww_classes`.
    pub(crate) class: u32,
    /// What the validator sees of it (`dep_map`).
    pub(crate) map: u32,
    /// Age: the higher, the younger. Counted among the contexts of the class that exist, so that an execution can
    /// come back to a state that it was in.
    stamp: u32,
    /// The younger one backs off; otherwise the older one makes the younger one back off.
    pub(crate) wait_die: bool,
    /// How many locks it holds.
    pub(crate) acquired: u32,
    /// An older context wants a lock that it holds.
    pub(crate) wounded: bool,
    /// `ww_acquire_done()` was called.
    pub(crate) done: bool,
    /// `ww_acquire_fini()` was not called yet.
    pub(crate) live: bool,
    /// The lock of the latest -EDEADLK, until it is taken; [`NONE`].
    pub(crate) contending: u32,
    /// `deadlock_inject_interval`.
    inject_interval: u32,
    /// `deadlock_inject_countdown`.
    inject_countdown: u32,
}

impl WwContexts {
    /// How many there are, over or not.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(crate) fn get(&self, ctx: u32) -> &WwAcquireCtx {
        &self.list[ctx as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, ctx: u32) -> &mut WwAcquireCtx {
        &mut self.list[ctx as usize]
    }

    /// `a` came after `b`.
    pub(crate) fn younger(&self, a: u32, b: u32) -> bool {
        self.get(a).stamp > self.get(b).stamp
    }

    /// Younger than all that still count.
    fn next_stamp(&self, class: u32) -> u32 {
        let counts = |ctx: &&WwAcquireCtx| ctx.class == class && (ctx.live || ctx.acquired != 0);
        self.list.iter().filter(counts).map(|ctx| ctx.stamp).max().unwrap_or(0) + 1
    }

    /// A place whose context is gone, with no lock and no register left that knows it.
    fn unused(&self, class: u32, threads: &[Thread]) -> Option<u32> {
        let candidates = (0..self.list.len() as u32).filter(|&ctx| {
            let entry = self.get(ctx);
            entry.class == class && !entry.live && entry.acquired == 0
        });
        let mut unknown = candidates.filter(|&ctx| {
            let value = Value::Object(Kind::WwCtx, ctx);
            threads.iter().all(|thread| !thread.registers.contains(&value))
        });
        unknown.next()
    }
}

impl WwAcquireCtx {
    fn new(class: u32, wait_die: bool, map: u32, stamp: u32) -> Self {
        Self {
            class,
            map,
            stamp,
            wait_die,
            acquired: 0,
            wounded: false,
            done: false,
            live: true,
            contending: NONE,
            inject_interval: 1,
            inject_countdown: 0,
        }
    }

    /// Whether an -EDEADLK may be injected after this lock.
    pub(crate) fn injection_is_due(&mut self) -> bool {
        let due = self.inject_countdown == 0;
        self.inject_countdown = self.inject_countdown.saturating_sub(1);
        due
    }

    /// After an injected -EDEADLK the next comes no sooner than so many locks later, and that number grows three
    /// and a half times with each: whoever backs off properly gets through.
    pub(crate) fn injected(&mut self) {
        let interval = self.inject_interval;
        let grown = if interval > u32::MAX / 4 { u32::MAX } else { interval * 3 + interval / 2 };
        self.inject_interval = grown;
        self.inject_countdown = grown;
    }
}

impl Compiler {
    /// All classes: that of reservations, and the scenario's.
    pub(crate) fn declare_ww_classes(&mut self, objects: &[Object]) {
        let reservations = WwClass { acquire: class::RESV_ACQUIRE, mutex: class::RESV_MUTEX, wait_die: true };
        self.plan.ww_classes.push(reservations);
        for object in objects {
            if let ObjectKind::WwClass { algorithm } = object.kind {
                let acquire = self.add_class(&format!("{}_acquire", object.name), LockSort::Map);
                let mutex = self.add_class(&format!("{}_mutex", object.name), LockSort::Sleeping);
                let wait_die = algorithm == WwAlgorithm::WaitDie;
                self.plan.ww_classes.push(WwClass { acquire, mutex, wait_die });
            }
        }
    }

    /// A lock of a declared class.
    pub(crate) fn ww_mutex(&mut self, name: &str, class: ObjectId, objects: &[Object]) -> u32 {
        let earlier = &objects[..class.index()];
        let number = earlier.iter().filter(|object| object.kind.kind() == Kind::WwClass).count();
        let class = self.plan.ww_classes[number + 1].mutex;
        self.lock_of_class(name, class)
    }
}

impl Kernel<'_> {
    /// `ww_acquire_init()`; no class is that of reservations.
    pub(crate) fn ww_acquire_init(&mut self, class: Option<u32>) -> Value {
        let class = class.map_or(RESERVATION_WW_CLASS, |class| class + 1);
        let WwClass { acquire, wait_die, .. } = self.plan.ww_classes[class as usize];
        let stamp = self.w.ww.next_stamp(class);
        let ctx = self.w.ww.unused(class, &self.w.threads).unwrap_or_else(|| {
            let map = self.w.locks.add(acquire);
            self.w.ww.list.push(WwAcquireCtx::new(class, wait_die, map, stamp));
            self.w.ww.list.len() as u32 - 1
        });
        let map = self.w.ww.get(ctx).map;
        *self.w.ww.get_mut(ctx) = WwAcquireCtx::new(class, wait_die, map, stamp);
        self.emit(EventKind::Free(LockId::from_raw(map)));
        self.lock_acquire(map, AcquireFlags::default());
        self.got_lock(map, false);
        Value::Object(Kind::WwCtx, ctx)
    }

    /// `ww_acquire_done()`: no further lock will be taken.
    pub(crate) fn ww_acquire_done(&mut self, ctx: u32) {
        self.check_ww_ctx(ctx);
        if self.w.ww.get(ctx).done {
            self.ww_misuse("ww_acquire_done() called twice", ctx);
        }
        self.w.ww.get_mut(ctx).done = true;
    }

    /// `ww_acquire_fini()`: all locks have been given back.
    pub(crate) fn ww_acquire_fini(&mut self, ctx: u32) {
        self.check_ww_ctx(ctx);
        let WwAcquireCtx { map, acquired, .. } = *self.w.ww.get(ctx);
        self.drop_lock(map);
        if acquired != 0 {
            self.ww_misuse("ww_acquire_fini() with locks held in the context", ctx);
        }
        self.w.ww.get_mut(ctx).live = false;
    }

    /// Complains about a context that is over, or another task's.
    pub(crate) fn check_ww_ctx(&mut self, ctx: u32) {
        let WwAcquireCtx { map, live, .. } = *self.w.ww.get(ctx);
        if !live {
            self.ww_misuse("acquire context used after ww_acquire_fini()", ctx);
        } else if self.w.locks.get(map).owner != self.task {
            self.ww_misuse("acquire context used by a task that did not begin it", ctx);
        }
    }

    /// `ww_mutex`es are used wrongly (the checks of `CONFIG_DEBUG_MUTEXES`).
    pub(crate) fn ww_misuse(&mut self, what: &'static str, ctx: u32) {
        self.broken("RF611", what, Some(ObjectRef { kind: Kind::WwCtx, index: ctx }));
    }
}
