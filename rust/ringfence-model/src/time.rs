//! Virtual time: nothing sleeps, the clock jumps to whatever is due next.

use core::hash::{Hash, Hasher};
use std::collections::BTreeMap;

use ringfence_base::EventKind;

use crate::kernel::Kernel;
use crate::thread::{NONE, State};
use crate::tracked::{Shared, tracked};

/// Something that happens at a certain time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Timed {
    /// A sleep or a wait with timeout of this context is over.
    Wake(u32),
    /// A timer's function is due.
    Timer(u32),
    /// A delayed work goes onto its workqueue.
    DelayedWork(u32),
    /// An engine has completed the work that it was at.
    Engine(u32),
    /// An interrupt of a GPU comes late.
    LateIrq(u32),
}

tracked! {
    /// The clock.
    pub(crate) struct Time {
        /// Virtual nanoseconds since the start.
        pub(crate) now: Shared<u64>,
        /// Nanoseconds in which nobody could run: what counts for the bounds of fences. A thread that could run but
        /// did not is no fault of the driver.
        pub(crate) idle: Shared<u64>,
        queue: Shared<Queue>,
    }
}

/// What is to happen.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
struct Queue {
    /// By due time, then in the order in which they were set.
    events: BTreeMap<(u64, u64), Timed>,
    sequence: u64,
}

/// A name for a timed event, to cancel it by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerId {
    due: u64,
    sequence: u64,
}

/// Hashes as nothing: whose event it is, whether it is still to come and when is told by the queue, and a world must be
/// known again at another time (`recurrence.rs`).
impl Hash for TimerId {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl TimerId {
    /// When it is due.
    pub(crate) fn due(self) -> u64 {
        self.due
    }
}

impl Clone for Queue {
    fn clone(&self) -> Self {
        Self { events: self.events.clone(), sequence: self.sequence }
    }

    fn clone_from(&mut self, source: &Self) {
        self.sequence = source.sequence;
        if !(self.events.is_empty() && source.events.is_empty()) {
            self.events.clone_from(&source.events);
        }
    }
}

impl Time {
    /// Nothing is set.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.unmarked().events.is_empty()
    }

    /// Something is due now.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        let events = &self.queue.unmarked().events;
        !events.is_empty()
            && events.first_key_value().is_some_and(|(&(due, _), _)| due <= *self.now.unmarked())
    }

    /// All that is set, earliest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (TimerId, Timed)> {
        self.queue.events.iter().map(|(&(due, sequence), &event)| (TimerId { due, sequence }, event))
    }

    /// All that is set, earliest first, with the nanoseconds that are left until then.
    pub(crate) fn left(&self) -> impl Iterator<Item = (u64, Timed)> {
        let now = *self.now.unmarked();
        let events = self.queue.unmarked().events.iter();
        events.map(move |(&(due, _), &event)| (due.saturating_sub(now), event))
    }

    /// Sets something for `delay` nanoseconds from now.
    pub(crate) fn set(&mut self, delay: u64, event: Timed) -> TimerId {
        let due = self.now.saturating_add(delay);
        let queue = &mut *self.queue;
        let sequence = queue.sequence;
        queue.sequence += 1;
        queue.events.insert((due, sequence), event);
        TimerId { due, sequence }
    }

    /// Cancels it; false if it has happened.
    pub(crate) fn cancel(&mut self, id: TimerId) -> bool {
        self.queue.events.remove(&(id.due, id.sequence)).is_some()
    }

    /// Whether it has not happened yet.
    pub(crate) fn is_set(&self, id: TimerId) -> bool {
        self.queue.events.contains_key(&(id.due, id.sequence))
    }
}

impl Kernel<'_> {
    /// The earliest timed event happens.
    pub(crate) fn expire(&mut self) {
        let idle = self.w.ready().next().is_none() && !self.w.interrupts.any_can_arrive();
        let Some(((due, _), event)) = self.w.time.queue.events.pop_first() else {
            panic!("engine bug: time moves on although nothing is due");
        };
        let now = *self.w.time.now;
        if due > now {
            if idle {
                *self.w.time.idle += due - now;
            }
            *self.w.time.now = due;
            self.emit(EventKind::Time(due));
        }
        match event {
            Timed::Wake(task) => self.wake_up_timeout(task),
            Timed::Timer(timer) => self.timer_expires(timer),
            Timed::DelayedWork(work) => self.delayed_work_expires(work),
            Timed::Engine(engine) => self.engine_completes(engine),
            Timed::LateIrq(irq) => self.raise_irq(irq),
        }
    }

    /// A context's timeout has run out: it looks again, and sees that.
    fn wake_up_timeout(&mut self, task: u32) {
        debug_assert_ne!(task, NONE);
        if matches!(self.w.threads.unmarked()[task as usize].state, State::Blocked(_)) {
            self.w.set_state(task, State::Ready);
        }
    }
}
