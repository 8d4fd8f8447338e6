//! Who waits for which works: flushes and synchronous cancellations (`insert_wq_barrier()` in
//! `kernel/workqueue.c`, `kthread_flush_work()` in `kernel/kthread.c`).
//!
//! A flush is for one instance of a work: the pending one if there is one, else the one that runs. If the work is
//! queued again meanwhile, that is no concern of the flush.

use crate::thread::NONE;

/// All waits for works of one kind.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Flushes {
    list: Vec<Flush>,
}

/// One context's wait for one instance of a work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Flush {
    task: u32,
    /// Where on the stack of the context the wait stands: an interrupt on top of it may wait as well.
    depth: u32,
    work: u32,
    /// Who runs the instance; [`NONE`]: it is pending.
    worker: u32,
}

/// An instance has ended: what that is to one who waited for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// It was the last one that this context waited for.
    Wakes(u32),
    /// The context waits for others.
    WaitsOn,
}

impl Clone for Flushes {
    fn clone(&self) -> Self {
        Self { list: self.list.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.list.clone_from(&source.list);
    }
}

impl Flushes {
    /// This context waits for the pending instance of the work, or for the one that `worker` runs.
    pub(crate) fn wait_for(&mut self, (task, depth): (u32, u32), work: u32, worker: u32) {
        self.list.push(Flush { task, depth, work, worker });
    }

    /// The pending instance is being run.
    pub(crate) fn started(&mut self, work: u32, worker: u32) {
        for flush in &mut self.list {
            if flush.work == work && flush.worker == NONE {
                flush.worker = worker;
            }
        }
    }

    /// This context still waits.
    pub(crate) fn is_waiting(&self, task: u32, depth: u32) -> bool {
        self.list.iter().any(|flush| flush.task == task && flush.depth == depth)
    }

    /// Takes one who waited for this instance off the list; `None` if nobody is left.
    pub(crate) fn pop_ended(&mut self, work: u32, worker: u32) -> Option<Ended> {
        let found = self.list.iter().position(|flush| flush.work == work && flush.worker == worker)?;
        let Flush { task, depth, .. } = self.list.remove(found);
        Some(if self.is_waiting(task, depth) { Ended::WaitsOn } else { Ended::Wakes(task) })
    }
}
