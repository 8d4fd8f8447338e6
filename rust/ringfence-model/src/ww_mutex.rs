//! `ww_mutex`: locks that are taken in any order, because whoever is in the way backs off
//! (`kernel/locking/ww_mutex.h`, `kernel/locking/mutex.c`, `Documentation/locking/ww-mutex-design.rst`).
//!
//! A lock's queue is in the order of the contexts' ages, oldest first; waiters without a context stand where they
//! came. A free lock goes to whoever asks first; a release wakes the front waiter only. Whoever waits also goes on
//! to back off: in a wait-die class when somebody older holds the lock or waits in front, in a wound-wait class when
//! somebody older wants a lock that it holds.

use ringfence_base::scenario::Op;
use ringfence_base::{AcquireFlags, ChoiceKind, LockId, errno};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::lock::Waiter;
use crate::thread::{NONE, State};
use crate::value::Value;
use crate::wait::Wait;
use crate::world::World;
use crate::ww_acquire_ctx::WwAcquireCtx;

/// Waiting for a `ww_mutex`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WwFrame {
    lock: u32,
    /// In this context; [`NONE`].
    ctx: u32,
    interruptible: bool,
}

impl WwFrame {
    /// The lock that it waits for.
    pub(crate) fn lock(&self) -> u32 {
        self.lock
    }
}

const GOT_IT: Flow = Flow::Return(Value::Int(0));

impl World {
    /// Whether a waiter that looks again gets the lock, is interrupted, or backs off.
    pub(crate) fn ww_waiter_gets_further(&self, frame: WwFrame, position: usize) -> bool {
        let entry = self.locks.get(frame.lock);
        let task = entry.waiters[position].task;
        (entry.owner == NONE && position == 0)
            || (frame.interruptible && self.threads[task as usize].signal)
            || (frame.ctx != NONE && self.ww_must_back_off(frame.lock, position, frame.ctx))
    }

    /// `__ww_mutex_check_kill()`: the waiter at this position has to give back what it holds.
    fn ww_must_back_off(&self, lock: u32, position: usize, ctx: u32) -> bool {
        let entry = self.locks.get(lock);
        let WwAcquireCtx { acquired, wounded, wait_die, .. } = *self.ww.get(ctx);
        if acquired == 0 || !wait_die {
            return acquired != 0 && wounded;
        }
        let in_front = &entry.waiters[..position];
        (entry.ww_ctx != NONE && self.ww.younger(ctx, entry.ww_ctx))
            || in_front.iter().any(|waiter| waiter.ww_ctx != NONE)
    }

    /// `__ww_mutex_wound()`: a waiting context that holds locks makes a younger owner back off.
    fn ww_wound(&mut self, lock: u32, waiting: u32, holding: u32) -> bool {
        let WwAcquireCtx { acquired, wait_die, .. } = *self.ww.get(waiting);
        if wait_die || holding == NONE || acquired == 0 || !self.ww.younger(holding, waiting) {
            return false;
        }
        self.ww.get_mut(holding).wounded = true;
        // The owner may wait for another lock itself.
        let owner = self.locks.get(lock).owner;
        if let State::Blocked(Wait::Lock { lock: other, .. }) = self.threads[owner as usize].state {
            self.settle_waiters(other);
        }
        true
    }

    /// `__ww_mutex_check_waiters()`: this context has just got the lock. Somebody older may wait for it.
    fn ww_check_waiters(&mut self, lock: u32, ctx: u32) {
        for position in 0..self.locks.get(lock).waiters.len() {
            let waiting = self.locks.get(lock).waiters[position].ww_ctx;
            if waiting != NONE && self.ww_wound(lock, waiting, ctx) {
                return;
            }
        }
    }

    /// `__ww_mutex_add_waiter()`: the place in the queue; `None` if there is somebody older in a wait-die class, and
    /// this one holds locks.
    fn ww_place(&self, lock: u32, ctx: u32) -> Option<usize> {
        let waiters = &self.locks.get(lock).waiters;
        let mut place = waiters.len();
        for (position, waiter) in waiters.iter().enumerate().rev() {
            if waiter.ww_ctx == NONE {
                continue;
            }
            if self.ww.younger(ctx, waiter.ww_ctx) {
                let WwAcquireCtx { acquired, wait_die, .. } = *self.ww.get(ctx);
                return (!wait_die || acquired == 0).then_some(place);
            }
            place = position;
        }
        Some(place)
    }
}

impl Kernel<'_> {
    /// `ww_mutex_lock()` and `ww_mutex_lock_interruptible()`.
    pub(crate) fn ww_mutex_lock(&mut self, lock: u32, ctx: Option<u32>, interruptible: bool) -> Flow {
        self.might_sleep();
        let mut flags = AcquireFlags::default();
        if let Some(ctx) = ctx {
            self.check_ww_ctx(ctx);
            if self.w.locks.get(lock).ww_ctx == ctx {
                return Flow::Return(Value::errno(errno::EALREADY));
            }
            flags.nest = Some(self.ww_enter(ctx));
        }
        self.lock_acquire(lock, flags);
        if self.w.locks.get(lock).owner == NONE {
            self.ww_got(lock, ctx);
            return self.ww_locked(lock, ctx);
        }
        self.ww_wait(lock, ctx, interruptible)
    }

    /// `ww_mutex_lock_slow()` and its interruptible sister: after -EDEADLK, with everything given back.
    pub(crate) fn ww_mutex_lock_slow(&mut self, lock: u32, ctx: u32, interruptible: bool) -> Flow {
        if self.w.ww.get(ctx).contending == NONE {
            self.ww_misuse("ww_mutex_lock_slow() without -EDEADLK before", ctx);
        }
        self.ww_mutex_lock(lock, Some(ctx), interruptible)
    }

    /// `ww_mutex_trylock()`. By choice, somebody else is quicker.
    pub(crate) fn ww_mutex_trylock(&mut self, lock: u32, ctx: Option<u32>) -> bool {
        let mut flags = AcquireFlags { trylock: true, ..AcquireFlags::default() };
        if let Some(ctx) = ctx {
            self.check_ww_ctx(ctx);
            flags.nest = Some(self.ww_enter(ctx));
        }
        let failure = self.plan.scenario.environment.trylock_failure;
        let free = self.w.locks.get(lock).owner == NONE;
        if !free || (failure && self.choose(ChoiceKind::Trylock, 2) == 1) {
            return false;
        }
        self.ww_got(lock, ctx);
        self.lock_acquire(lock, flags);
        true
    }

    /// `ww_mutex_unlock()`. A lock that is not held is reported by the validator, and nothing changes.
    pub(crate) fn ww_mutex_unlock(&mut self, lock: u32) {
        if self.holds(lock) {
            let ctx = std::mem::replace(&mut self.w.locks.get_mut(lock).ww_ctx, NONE);
            if ctx != NONE {
                if !self.w.ww.get(ctx).live {
                    self.ww_misuse("ww_mutex_unlock() after ww_acquire_fini() of the lock's context", ctx);
                }
                let acquired = &mut self.w.ww.get_mut(ctx).acquired;
                *acquired =
                    acquired.checked_sub(1).expect("engine bug: a ww_mutex its context does not count");
            }
        }
        self.drop_lock(lock);
    }

    /// An attempt to take a lock begins; returns what the validator knows the context as. A context that has given
    /// back everything has backed off.
    fn ww_enter(&mut self, ctx: u32) -> LockId {
        let entry = self.w.ww.get_mut(ctx);
        entry.wounded &= entry.acquired != 0;
        LockId::from_raw(entry.map)
    }

    /// Queues for a lock that somebody has, or backs off at once.
    fn ww_wait(&mut self, lock: u32, ctx: Option<u32>, interruptible: bool) -> Flow {
        let task = self.task;
        let ww_ctx = ctx.unwrap_or(NONE);
        let place = match ctx {
            Some(ctx) => self.w.ww_place(lock, ctx),
            None => Some(self.w.locks.get(lock).waiters.len()),
        };
        let Some(place) = place else { return self.ww_back_off(lock, ww_ctx) };
        let entry = self.w.locks.get_mut(lock);
        entry.waiters.insert(place, Waiter { task, shared: false, ww_ctx });
        let holding = entry.ww_ctx;
        if ctx.is_some() {
            self.w.ww_wound(lock, ww_ctx, holding);
            // Younger ones behind it that hold locks back off.
            self.w.settle_waiters(lock);
        }
        if interruptible && self.interrupted() {
            self.ww_leave(lock, ww_ctx);
            self.lock_release(lock);
            return Flow::Return(Value::errno(errno::EINTR));
        }
        self.call(Frame::Ww(WwFrame { lock, ctx: ww_ctx, interruptible }))
    }

    pub(crate) fn run_ww(&mut self, frame: WwFrame) -> Flow {
        let WwFrame { lock, ctx, interruptible } = frame;
        let position = self.ww_position(lock, ctx);
        let entry = self.w.locks.get(lock);
        let context = (ctx != NONE).then_some(ctx);
        if entry.owner == NONE {
            self.ww_leave(lock, ctx);
            self.ww_got(lock, context);
            self.stepped = true;
            return self.ww_locked(lock, context);
        }
        if interruptible && self.signal_pending() {
            self.ww_leave(lock, ctx);
            self.lock_release(lock);
            self.stepped = true;
            return Flow::Return(Value::errno(errno::EINTR));
        }
        if ctx != NONE && self.w.ww_must_back_off(lock, position, ctx) {
            self.ww_leave(lock, ctx);
            self.stepped = true;
            return self.ww_back_off(lock, ctx);
        }
        Flow::Block(Wait::Lock { lock, shared: false })
    }

    /// Its place in the queue. An interrupt can wait here, too, on top of the same task.
    fn ww_position(&self, lock: u32, ctx: u32) -> usize {
        let waiters = &self.w.locks.get(lock).waiters;
        let mine = waiters.iter().rposition(|waiter| waiter.task == self.task && waiter.ww_ctx == ctx);
        mine.expect("engine bug: a context waits for a ww_mutex without being in its queue")
    }

    /// Out of the queue.
    fn ww_leave(&mut self, lock: u32, ctx: u32) {
        let position = self.ww_position(lock, ctx);
        self.w.locks.get_mut(lock).waiters.remove(position);
        self.w.settle_waiters(lock);
    }

    /// `__ww_mutex_kill()`: -EDEADLK.
    fn ww_back_off(&mut self, lock: u32, ctx: u32) -> Flow {
        if self.w.ww.get(ctx).contending != NONE {
            self.ww_misuse("-EDEADLK again, without taking the contended lock of the one before", ctx);
        }
        self.w.ww.get_mut(ctx).contending = lock;
        self.lock_release(lock);
        Flow::Return(Value::errno(errno::EDEADLK))
    }

    /// The lock is this task's, in this context (`ww_mutex_lock_acquired()`).
    fn ww_got(&mut self, lock: u32, ctx: Option<u32>) {
        self.got_lock(lock, false);
        let Some(ctx) = ctx else { return };
        self.check_acquired(lock, ctx);
        let entry = self.w.ww.get_mut(ctx);
        entry.contending = NONE;
        entry.acquired += 1;
        self.w.locks.get_mut(lock).ww_ctx = ctx;
        if !self.w.locks.get(lock).waiters.is_empty() {
            self.w.ww_check_waiters(lock, ctx);
            self.w.settle_waiters(lock);
        }
    }

    fn check_acquired(&mut self, lock: u32, ctx: u32) {
        let WwAcquireCtx { class, acquired, done, contending, .. } = *self.w.ww.get(ctx);
        if self.w.locks.get(lock).ww_ctx != NONE {
            self.ww_misuse("ww_mutex taken that was released with mutex_unlock()", ctx);
        }
        if done {
            self.ww_misuse("ww_mutex taken after ww_acquire_done()", ctx);
        }
        if contending != NONE && contending != lock {
            self.ww_misuse("after -EDEADLK another lock was taken than the contended one", ctx);
        }
        if contending != NONE && acquired != 0 {
            self.ww_misuse("lock taken after -EDEADLK with other locks still held", ctx);
        }
        if self.plan.ww_classes[class as usize].mutex != self.w.locks.class(lock) {
            self.ww_misuse("ww_mutex taken in a context of another ww_class", ctx);
        }
    }

    /// The lock is taken. With `CONFIG_DEBUG_WW_MUTEX_SLOWPATH`, by choice, it is given back and reported as
    /// contended.
    fn ww_locked(&mut self, lock: u32, ctx: Option<u32>) -> Flow {
        let Some(ctx) = ctx.filter(|_| self.plan.scenario.environment.deadlock_injection) else {
            return GOT_IT;
        };
        let entry = self.w.ww.get_mut(ctx);
        let due = entry.acquired > 1 && entry.injection_is_due();
        if !due || self.choose(ChoiceKind::DeadlockInjection, 2) == 0 {
            return GOT_IT;
        }
        let entry = self.w.ww.get_mut(ctx);
        entry.injected();
        entry.contending = lock;
        self.ww_mutex_unlock(lock);
        Flow::Return(Value::errno(errno::EDEADLK))
    }

    pub(crate) fn ww_op(&mut self, call: Call<'_>) -> Flow {
        const NOTHING: Flow = Flow::Return(Value::Null);
        if call.op == Op::WwAcquireInit {
            let class = self.arg(call, 0).index();
            return Flow::Return(self.ww_acquire_init(class));
        }
        let Some(object) = self.object(call, 0) else { return NOTHING };
        match call.op {
            Op::WwAcquireDone => self.ww_acquire_done(object),
            Op::WwAcquireFini => self.ww_acquire_fini(object),
            Op::WwMutexUnlock => self.ww_mutex_unlock(object),
            _ => return self.ww_lock_op(call, object),
        }
        NOTHING
    }

    /// The operations that take a lock, in a context or without; also those of reservations.
    pub(crate) fn ww_lock_op(&mut self, call: Call<'_>, lock: u32) -> Flow {
        match call.op {
            Op::WwMutexLock | Op::DmaResvLock => {
                let ctx = self.arg(call, 1).index();
                self.ww_mutex_lock(lock, ctx, false)
            }
            Op::WwMutexLockInterruptible | Op::DmaResvLockInterruptible => {
                let ctx = self.arg(call, 1).index();
                self.ww_mutex_lock(lock, ctx, true)
            }
            Op::WwMutexLockSlow
            | Op::DmaResvLockSlow
            | Op::WwMutexLockSlowInterruptible
            | Op::DmaResvLockSlowInterruptible => {
                let Some(ctx) = self.object(call, 1) else { return GOT_IT };
                let interruptible =
                    matches!(call.op, Op::WwMutexLockSlowInterruptible | Op::DmaResvLockSlowInterruptible);
                self.ww_mutex_lock_slow(lock, ctx, interruptible)
            }
            Op::WwMutexTrylock => {
                let ctx = self.arg(call, 1).index();
                Flow::Return(Value::bool(self.ww_mutex_trylock(lock, ctx)))
            }
            Op::DmaResvTrylock => Flow::Return(Value::bool(self.ww_mutex_trylock(lock, None))),
            other => panic!("engine bug: {other:?} takes no ww_mutex"),
        }
    }
}
