//! What all locks have in common: owner, readers, a fair queue, and what the validator hears of them.
//!
//! A free lock goes to whoever asks first (`mutex_lock()` steals, as in Linux); of those that queue only the front
//! is woken. A context is ready exactly if its next step gets it further: as long as the lock is taken by others,
//! those that wait for it are blocked.

use ringfence_base::{AcquireFlags, ChoiceKind, EventKind, LockId, Read};

use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::lock_turns::{Turn, Turns};
use crate::memory_usage::reserved;
use crate::thread::{Held, NONE, State};
use crate::tracked::{Sealer, Shared, Tracked, Uses};
use crate::tracked_list::SharedList;
use crate::value::Value;
use crate::wait::Wait;
use crate::world::World;

/// All locks of a world, maps that only the validator knows included.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub struct Locks {
    list: SharedList<Lock, WORDS>,
    /// Indices of locks that were made at run time and are free to be used again.
    unused: Shared<Vec<u32>>,
    turns: Turns<WORDS>,
}

/// Up to so many locks, times 64, are told apart by footprints.
const WORDS: usize = 4;

impl Clone for Locks {
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), unused: self.unused.clone(), turns: Turns::default() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.list.clone_from(&source.list);
        self.unused.clone_from(&source.unused);
    }
}

impl Tracked for Locks {
    const RESOURCES: u32 = <SharedList<Lock, WORDS> as Tracked>::RESOURCES + 1;
    const SEALS: u64 = 2;

    #[inline]
    fn collect(&self, uses: &mut Uses<'_>) {
        self.turns.collect(&self.list, uses);
        self.unused.collect(uses);
    }

    #[inline]
    fn forget(&mut self) {
        self.list.forget();
        self.unused.forget();
        self.turns.forget();
    }

    #[inline]
    fn reset(&mut self, source: &Self) {
        self.list.reset(&source.list);
        self.unused.reset(&source.unused);
        self.turns.forget();
    }

    #[inline]
    fn seal(&mut self, sealer: &mut Sealer) {
        self.list.seal(sealer);
        self.unused.seal(sealer);
    }

    #[inline]
    fn adopt(&mut self, source: &Self) {
        self.list.adopt(&source.list);
        self.unused.adopt(&source.unused);
    }
}

/// A lock.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Lock {
    pub(crate) class: u32,
    /// Who holds it exclusively; [`NONE`].
    pub(crate) owner: u32,
    /// How many hold it for reading.
    pub(crate) readers: u32,
    /// Who waits for it, longest first.
    pub(crate) waiters: Vec<Waiter>,
    /// The acquire context that holds it, for a `ww_mutex`; [`NONE`].
    pub(crate) ww_ctx: u32,
}

/// A context in the queue of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Waiter {
    pub(crate) task: u32,
    pub(crate) shared: bool,
    /// Its acquire context, for a `ww_mutex`; [`NONE`].
    pub(crate) ww_ctx: u32,
}

impl Clone for Lock {
    fn clone(&self) -> Self {
        Self { waiters: self.waiters.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.class = source.class;
        self.owner = source.owner;
        self.readers = source.readers;
        self.ww_ctx = source.ww_ctx;
        self.waiters.clone_from(&source.waiters);
    }
}

impl Locks {
    /// A new lock of a class; one made at run time may get the number of one that is gone.
    pub(crate) fn add(&mut self, class: u32) -> u32 {
        let lock = Lock { class, owner: NONE, readers: 0, waiters: Vec::new(), ww_ctx: NONE };
        if let Some(index) = self.unused.pop() {
            self.list[index as usize] = lock;
            return index;
        }
        self.list.push(lock);
        self.list.len() as u32 - 1
    }

    /// A lock that was made at run time is gone.
    pub(crate) fn remove(&mut self, lock: u32) {
        self.unused.push(lock);
    }

    /// Its class, as an index into the plan's.
    pub fn class(&self, lock: u32) -> u32 {
        self.list.unmarked()[lock as usize].class
    }

    #[inline]
    pub(crate) fn get(&self, lock: u32) -> &Lock {
        &self.list[lock as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, lock: u32) -> &mut Lock {
        &mut self.list[lock as usize]
    }

    /// A lock whose use is told by what is done with it, and not as reading and writing.
    #[inline]
    pub(crate) fn turn(&mut self, lock: u32, turn: Turn) -> &mut Lock {
        self.turns.note(lock as usize, turn);
        self.list.unmarked_mut(lock as usize)
    }

    /// A lock that nobody's step looks at here.
    #[inline]
    pub(crate) fn unmarked(&self, lock: u32) -> &Lock {
        &self.list.unmarked()[lock as usize]
    }

    /// Who holds it exclusively.
    pub fn owner(&self, lock: u32) -> Option<u32> {
        let owner = self.list[lock as usize].owner;
        (owner != NONE).then_some(owner)
    }

    /// Bytes that they have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        let waiters = self.list.unmarked().iter().map(|lock| reserved(&lock.waiters)).sum::<usize>();
        reserved(self.list.unmarked()) + reserved(self.unused.unmarked()) + waiters
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.unmarked().len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.list.unmarked().is_empty()
    }
}

impl Lock {
    #[inline]
    fn is_free(&self, shared: bool) -> bool {
        self.owner == NONE && (shared || self.readers == 0)
    }

    /// Whether a newcomer gets it. Readers queue behind those that wait already.
    #[inline]
    fn newcomer_gets_it(&self, shared: bool, unfair: bool) -> bool {
        self.is_free(shared) && (!shared || unfair || self.waiters.is_empty())
    }

    /// Whether the waiter at this position gets it: the front one, and with a reader in front all readers
    /// (`rwsem_mark_wake()` in `kernel/locking/rwsem.c`).
    fn waiter_gets_it(&self, position: usize) -> bool {
        let waiter = self.waiters[position];
        self.is_free(waiter.shared) && (position == 0 || (waiter.shared && self.waiters[0].shared))
    }

    /// Where in the queue a context's innermost wait is. One that spins and is interrupted can wait twice.
    pub(crate) fn position_of(&self, task: u32) -> Option<usize> {
        self.waiters.iter().rposition(|waiter| waiter.task == task)
    }

    #[inline]
    fn take(&mut self, task: u32, shared: bool) {
        if shared {
            self.readers += 1;
        } else {
            self.owner = task;
        }
    }
}

/// Waiting for a lock that others hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LockFrame {
    pub(crate) lock: u32,
    pub(crate) shared: bool,
    pub(crate) interruptible: bool,
    /// What the caller gets once the lock is its own.
    pub(crate) result: i64,
}

/// How a lock is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) shared: bool,
    /// As the validator sees readers: recursive ones never queue behind a writer.
    pub(crate) recursive: bool,
    pub(crate) interruptible: bool,
    pub(crate) subclass: u32,
    /// What the caller gets once the lock is its own: 0, or the cookie of `spin_lock_irqsave()`.
    pub(crate) result: i64,
}

impl Manner {
    pub(crate) const EXCLUSIVE: Self =
        Self { shared: false, recursive: false, interruptible: false, subclass: 0, result: 0 };
    pub(crate) const SHARED: Self = Self { shared: true, ..Self::EXCLUSIVE };

    /// Whoever takes an exclusive lock like this gets it or does nothing but wait for it.
    #[inline]
    const fn only_waits(self) -> bool {
        !self.shared && !self.interruptible
    }

    fn flags(self, trylock: bool) -> AcquireFlags {
        let read = match self {
            Self { shared: false, .. } => Read::Exclusive,
            Self { recursive: false, .. } => Read::Shared,
            _ => Read::Recursive,
        };
        AcquireFlags { subclass: self.subclass, trylock, read, ..AcquireFlags::default() }
    }
}

impl World {
    /// Makes exactly those waiters ready that would get the lock.
    pub(crate) fn settle_waiters(&mut self, lock: u32) {
        for position in 0..self.locks.get(lock).waiters.len() {
            let Some(gets_further) = self.waiter_gets_further(lock, position) else { continue };
            let waiter = self.locks.get(lock).waiters[position];
            let state = match gets_further {
                true => State::Ready,
                false => State::Blocked(Wait::Lock { lock, shared: waiter.shared }),
            };
            self.set_state(waiter.task, state);
        }
    }

    /// Whether the waiter at this position gets further when it looks again; `None`: it serves an interrupt while
    /// it spins, which goes first. The interrupt may wait for a lock as well, even for this one.
    pub(crate) fn waiter_gets_further(&self, lock: u32, position: usize) -> Option<bool> {
        let entry = self.locks.get(lock);
        let task = entry.waiters[position].task;
        match self.threads[task as usize].frames.last() {
            Some(Frame::Lock(frame)) if frame.lock == lock && entry.position_of(task) == Some(position) => {
                Some(entry.waiter_gets_it(position))
            }
            Some(&Frame::Ww(frame)) if frame.lock() == lock => {
                Some(self.ww_waiter_gets_further(frame, position))
            }
            _ => None,
        }
    }
}

impl Kernel<'_> {
    /// Takes a lock, or waits for it. Returns the manner's result, or -EINTR.
    pub(crate) fn take_lock(&mut self, lock: u32, manner: Manner) -> Flow {
        self.take_lock_here(lock, manner)
    }

    /// The same, as a part of the function that calls it.
    #[expect(clippy::inline_always, reason = "the one lock operation that nearly all steps are")]
    #[inline(always)]
    pub(crate) fn take_lock_here(&mut self, lock: u32, manner: Manner) -> Flow {
        self.lock_acquire(lock, manner.flags(false));
        if self.plan.is_plain(lock) && manner.only_waits() {
            return self.take_plain_lock(lock, manner.result);
        }
        let unfair = manner.recursive && self.me().hardirq + self.me().softirq != 0;
        if self.w.locks.get(lock).newcomer_gets_it(manner.shared, unfair) {
            self.got_lock(lock, manner.shared);
            return Flow::Return(Value::Int(manner.result));
        }
        self.queue_for_lock(lock, manner)
    }

    fn queue_for_lock(&mut self, lock: u32, manner: Manner) -> Flow {
        let Manner { shared, interruptible, result, .. } = manner;
        let task = self.task;
        self.w.locks.get_mut(lock).waiters.push(Waiter { task, shared, ww_ctx: NONE });
        if interruptible && self.interrupted() {
            return self.give_up_lock(lock);
        }
        self.call(Frame::Lock(LockFrame { lock, shared, interruptible, result }))
    }

    /// A lock that is taken exclusively by all, by a context that can do nothing but wait for it.
    #[expect(clippy::inline_always, reason = "a part of what nearly all steps are")]
    #[inline(always)]
    fn take_plain_lock(&mut self, lock: u32, result: i64) -> Flow {
        let task = self.task;
        let entry = self.w.locks.unmarked(lock);
        if entry.owner != NONE {
            let waiter = Waiter { task, shared: false, ww_ctx: NONE };
            self.w.locks.turn(lock, Turn::Waits).waiters.push(waiter);
            return self.call(Frame::Lock(LockFrame { lock, shared: false, interruptible: false, result }));
        }
        if entry.waiters.is_empty() {
            let entry = self.w.locks.turn(lock, Turn::Takes);
            entry.owner = task;
            let class = entry.class;
            self.has_lock(lock, class, false);
        } else {
            self.got_lock(lock, false);
        }
        Flow::Return(Value::Int(result))
    }

    /// Whether an interruptible wait that begins now is interrupted: by a pending signal, or by choice.
    pub(crate) fn interrupted(&mut self) -> bool {
        self.signal_pending()
            || (self.plan.scenario.environment.interrupts_waits
                && self.choose(ChoiceKind::Interrupted, 2) == 1)
    }

    fn give_up_lock(&mut self, lock: u32) -> Flow {
        let task = self.task;
        let entry = self.w.locks.get_mut(lock);
        if let Some(position) = entry.position_of(task) {
            entry.waiters.remove(position);
        }
        self.lock_release(lock);
        self.w.settle_waiters(lock);
        Flow::Return(Value::errno(ringfence_base::errno::EINTR))
    }

    pub(crate) fn run_lock(&mut self, frame: LockFrame) -> Flow {
        let LockFrame { lock, shared, interruptible, result } = frame;
        let task = self.task;
        let entry = self.w.locks.get(lock);
        let position = entry.position_of(task);
        let position = position.expect("engine bug: a context waits for a lock without being in its queue");
        if entry.waiter_gets_it(position) {
            self.w.locks.get_mut(lock).waiters.remove(position);
            self.got_lock(lock, shared);
            // Getting the lock is a step of its own: what follows is the next one.
            self.stepped = true;
            return Flow::Return(Value::Int(result));
        }
        if interruptible && self.signal_pending() {
            return self.give_up_lock(lock);
        }
        Flow::Block(Wait::Lock { lock, shared })
    }

    /// Takes the lock if that needs no waiting; by choice, somebody else is quicker.
    pub(crate) fn try_lock(&mut self, lock: u32, manner: Manner) -> bool {
        let free = self.w.locks.get(lock).is_free(manner.shared);
        let failure = self.plan.scenario.environment.trylock_failure;
        if !free || (failure && self.choose(ChoiceKind::Trylock, 2) == 1) {
            return false;
        }
        self.lock_acquire(lock, manner.flags(true));
        self.got_lock(lock, manner.shared);
        true
    }

    /// The lock is this context's now.
    pub(crate) fn got_lock(&mut self, lock: u32, shared: bool) {
        let task = self.task;
        let entry = self.w.locks.get_mut(lock);
        entry.take(task, shared);
        let waited_for = !entry.waiters.is_empty();
        let class = entry.class;
        self.has_lock(lock, class, shared);
        if waited_for {
            self.w.settle_waiters(lock);
        }
    }

    #[inline]
    fn has_lock(&mut self, lock: u32, class: u32, shared: bool) {
        let spins = self.plan.classes[class as usize].sort.spins();
        let thread = self.me();
        thread.held.push(Held { lock, site: thread.site, shared });
        thread.spinning += u32::from(spins);
    }

    /// Gives a lock back. One that is not held is reported by the validator, and nothing changes.
    #[inline]
    pub(crate) fn drop_lock(&mut self, lock: u32) {
        self.lock_release(lock);
        self.unheld(lock);
    }

    /// The lock is not this context's any more.
    pub(crate) fn unheld(&mut self, lock: u32) {
        self.unheld_here(lock);
    }

    /// The same, as a part of the function that calls it.
    #[expect(clippy::inline_always, reason = "the other lock operation that nearly all steps are")]
    #[inline(always)]
    pub(crate) fn unheld_here(&mut self, lock: u32) {
        let thread = self.me();
        // Nearly always it is the latest one.
        let held = match thread.held.last() {
            Some(latest) if latest.lock == lock => thread.held.pop(),
            _ => {
                let position = thread.held.iter().rposition(|held| held.lock == lock);
                position.map(|position| thread.held.remove(position))
            }
        };
        let Some(Held { shared, .. }) = held else { return };
        let plain = self.plan.is_plain(lock) && self.w.locks.unmarked(lock).waiters.is_empty();
        let entry = if plain { self.w.locks.turn(lock, Turn::GivesBack) } else { self.w.locks.get_mut(lock) };
        if shared {
            entry.readers -= 1;
        } else {
            entry.owner = NONE;
        }
        let waited_for = !entry.waiters.is_empty();
        if self.plan.classes[entry.class as usize].sort.spins() {
            self.me().spinning -= 1;
        }
        if waited_for {
            self.w.settle_waiters(lock);
        }
    }

    /// From writing to reading (`downgrade_write()`).
    pub(crate) fn downgrade_lock(&mut self, lock: u32) {
        self.emit(EventKind::Downgrade(LockId::from_raw(lock)));
        let task = self.task;
        let held = self.me().held.iter_mut().rev().find(|held| held.lock == lock && !held.shared);
        let Some(held) = held else { return };
        held.shared = true;
        let entry = self.w.locks.get_mut(lock);
        debug_assert_eq!(entry.owner, task);
        entry.owner = NONE;
        entry.readers += 1;
        self.w.settle_waiters(lock);
    }

    /// Whether this context holds the lock.
    pub(crate) fn holds(&mut self, lock: u32) -> bool {
        self.me().held.iter().any(|held| held.lock == lock)
    }
}
