//! Locks: who has them, who waits for them, and that nobody sleeps who could have one.

use super::{Holds, holds};
use crate::frame::Frame;
use crate::lock::LockFrame;
use crate::plan::Plan;
use crate::thread::{NONE, State};
use crate::wait::Wait;
use crate::world::World;

/// The lock that a frame waits for.
fn awaited(frame: &Frame) -> Option<u32> {
    match frame {
        Frame::Lock(LockFrame { lock, .. }) => Some(*lock),
        Frame::Ww(frame) => Some(frame.lock()),
        _ => None,
    }
}

impl World {
    pub(super) fn check_locks(&self, plan: &Plan) -> Holds {
        let mut readers = vec![0; self.locks.len()];
        let mut frames = vec![0; self.locks.len()];
        for (task, thread) in self.threads.iter().enumerate() {
            let mut spinning = 0;
            for lock in thread.frames.iter().filter_map(awaited) {
                frames[lock as usize] += 1;
            }
            for held in &thread.held {
                let lock = self.locks.get(held.lock);
                readers[held.lock as usize] += u32::from(held.shared);
                spinning += u32::from(plan.classes[lock.class as usize].sort.spins());
                let owns = held.shared || lock.owner == task as u32;
                holds!(owns, "task {task} holds lock {}, whose owner is {}", held.lock, lock.owner);
            }
            let counted = thread.spinning;
            holds!(counted == spinning, "task {task} holds {spinning} spinning locks, not {counted}");
        }
        for lock in 0..self.locks.len() as u32 {
            let (counted, readers) = (self.locks.get(lock).readers, readers[lock as usize]);
            holds!(counted == readers, "lock {lock} has {readers} readers, not {counted}");
            self.check_owner(lock)?;
            self.check_waiters(lock)?;
            let (frames, waiters) = (frames[lock as usize], self.locks.get(lock).waiters.len());
            holds!(frames == waiters, "lock {lock} has {waiters} waiters, {frames} frames wait for it");
        }
        self.check_acquire_contexts()
    }

    fn check_owner(&self, lock: u32) -> Holds {
        let entry = self.locks.get(lock);
        if entry.owner == NONE {
            holds!(entry.ww_ctx == NONE, "lock {lock} is free, but of context {}", entry.ww_ctx);
            return Ok(());
        }
        holds!(entry.readers == 0, "lock {lock} has an owner and {} readers", entry.readers);
        let held = &self.threads[entry.owner as usize].held;
        let times = held.iter().filter(|held| held.lock == lock && !held.shared).count();
        holds!(times == 1, "lock {lock}: its owner, task {}, holds it {times} times", entry.owner);
        Ok(())
    }

    fn check_waiters(&self, lock: u32) -> Holds {
        let entry = self.locks.get(lock);
        for (position, waiter) in entry.waiters.iter().enumerate() {
            let thread = &self.threads[waiter.task as usize];
            let entries = entry.waiters.iter().filter(|other| other.task == waiter.task).count();
            let frames = thread.frames.iter().filter(|frame| awaited(frame) == Some(lock)).count();
            holds!(
                entries == frames,
                "task {} waits {frames} times for lock {lock}, not {entries}",
                waiter.task
            );
            let innermost = thread.frames.last().and_then(awaited) == Some(lock);
            let latest = entry.waiters.iter().rposition(|other| other.task == waiter.task) == Some(position);
            if innermost && latest && thread.state != State::Ready {
                let further = self.waiter_gets_further(lock, position) == Some(true);
                holds!(!further, "task {} sleeps, but could have lock {lock}", waiter.task);
                let expected = State::Blocked(Wait::Lock { lock, shared: waiter.shared });
                holds!(
                    thread.state == expected,
                    "task {} waits for lock {lock} but is {:?}",
                    waiter.task,
                    thread.state
                );
            }
        }
        Ok(())
    }

    fn check_acquire_contexts(&self) -> Holds {
        let mut acquired = vec![0; self.ww.len()];
        for lock in 0..self.locks.len() as u32 {
            match self.locks.get(lock).ww_ctx {
                NONE => {}
                ctx => acquired[ctx as usize] += 1,
            }
        }
        for (ctx, acquired) in acquired.into_iter().enumerate() {
            let counted = self.ww.get(ctx as u32).acquired;
            holds!(acquired == counted, "context {ctx} has {acquired} locks, not {counted}");
        }
        Ok(())
    }
}
