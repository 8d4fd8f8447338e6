//! `drivers/gpu/drm/drm_syncobj.c`: a place for a fence, or for a chain of them, that user space can wait at before
//! anything is there.

use ringfence_base::Published;
use ringfence_base::scenario::Op;

use crate::dma_fence_chain::fence_or_null;
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::sync::{SyncFrame, go};
use crate::thread::{NONE, State};
use crate::value::Value;
use crate::wait::Wait;

/// `struct drm_syncobj`.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Syncobj {
    /// [`NONE`] if there is none yet.
    pub(crate) fence: u32,
    pub(crate) lock: u32,
    /// `cb_list`: who waits for a fence to come, longest first. Under the lock.
    pub(crate) waiters: Vec<WaitEntry>,
}

/// `struct syncobj_wait_entry`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WaitEntry {
    pub(crate) task: u32,
    pub(crate) point: u64,
    /// Where in the task's scratch the fence goes.
    pub(crate) slot: u32,
}

impl Syncobj {
    pub(crate) fn new(lock: u32) -> Self {
        Self { fence: NONE, lock, waiters: Vec::new() }
    }
}

impl Clone for Syncobj {
    fn clone(&self) -> Self {
        Self { waiters: self.waiters.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.fence = source.fence;
        self.lock = source.lock;
        self.waiters.clone_from(&source.waiters);
    }
}

/// `drm_syncobj_replace_fence()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ReplaceFrame {
    syncobj: u32,
    new: u32,
    old: u32,
    at: ReplaceAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum ReplaceAt {
    /// The fence is the result of the frame above.
    Allocated,
    Start,
    Locked,
    Told,
    Put,
}

/// `drm_syncobj_add_point()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AddPointFrame {
    syncobj: u32,
    fence: u32,
    point: u64,
    prev: u32,
    at: AddPointAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum AddPointAt {
    Start,
    Locked,
    Told,
    Walking,
    Put,
}

/// Everybody who waits looks whether what has come is what they wait for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SubmittedFrame {
    syncobj: u32,
    /// Which of the waiters.
    waiter: u32,
    at: SubmittedAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum SubmittedAt {
    Next,
    Sought,
    Put,
}

/// `drm_syncobj_query_ioctl()`: the last signaled point.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct QueryFrame {
    fence: u32,
    cursor: u32,
    last: u32,
    point: u64,
    at: QueryAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum QueryAt {
    Cursor,
    Moved,
    Walked,
    Left,
    Polled,
    Last,
    Over,
}

const NOTHING: Flow = Flow::Return(Value::Null);

impl Kernel<'_> {
    pub(crate) fn syncobj_op(&mut self, call: Call<'_>) -> Flow {
        if call.op == Op::SyncobjFound {
            return Flow::Return(self.me().found);
        }
        let Some(syncobj) = self.object(call, 0) else { return NOTHING };
        match call.op {
            Op::SyncobjReplaceFence => {
                let fence = match self.arg(call, 1).index() {
                    None => NONE,
                    Some(_) => match self.fence_arg(call, 1) {
                        Some(fence) => fence,
                        None => return NOTHING,
                    },
                };
                if fence != NONE {
                    self.fence_get(fence);
                }
                self.syncobj_replace(syncobj, fence, ReplaceAt::Start)
            }
            Op::SyncobjReset => self.syncobj_replace(syncobj, NONE, ReplaceAt::Start),
            Op::SyncobjSignal => self.syncobj_signal(syncobj),
            Op::SyncobjAddPoint => {
                let Some(fence) = self.fence_arg(call, 1) else { return NOTHING };
                let point = self.int(call, 2).cast_unsigned();
                self.fence_get(fence);
                let frame = AddPointFrame { syncobj, fence, point, prev: NONE, at: AddPointAt::Start };
                self.call(Frame::Sync(SyncFrame::AddPoint(frame)))
            }
            Op::SyncobjQuery => self.syncobj_query(syncobj),
            Op::SyncobjFindFence | Op::SyncobjWait => self.syncobj_wait_op(call, syncobj),
            other => panic!("engine bug: {other:?} is no operation on a drm_syncobj"),
        }
    }

    /// `spin_lock(&syncobj->lock)`.
    pub(crate) fn lock_syncobj(&mut self, syncobj: u32) -> Flow {
        let lock = self.w.sync.syncobjs[syncobj as usize].lock;
        self.spin(lock, Manner::EXCLUSIVE)
    }

    pub(crate) fn unlock_syncobj(&mut self, syncobj: u32) {
        let lock = self.w.sync.syncobjs[syncobj as usize].lock;
        self.unspin(lock);
    }

    /// `drm_syncobj_fence_get()`: the fence with a reference, or [`NONE`].
    pub(crate) fn syncobj_fence_get(&mut self, syncobj: u32) -> u32 {
        let fence = self.w.sync.syncobjs[syncobj as usize].fence;
        if fence != NONE {
            self.fence_get(fence);
        }
        fence
    }

    /// What `dma_fence_chain_find_seqno()` has found, with its reference. A point that is signaled already has no
    /// fence; the stub stands for it.
    pub(crate) fn found_or_stub(&mut self) -> Value {
        let found = self.me().found;
        if found.index().is_some() {
            return found;
        }
        let stub = *self.w.fences.stub;
        self.fence_get(stub);
        Value::fence(stub)
    }

    /// Takes over the reference to the fence, which may be [`NONE`].
    fn syncobj_replace(&mut self, syncobj: u32, new: u32, at: ReplaceAt) -> Flow {
        self.call(Frame::Sync(SyncFrame::Replace(ReplaceFrame { syncobj, new, old: NONE, at })))
    }

    /// `drm_syncobj_assign_null_handle()`. Without memory nothing happens.
    fn syncobj_signal(&mut self, syncobj: u32) -> Flow {
        self.syncobj_replace(syncobj, NONE, ReplaceAt::Allocated);
        let now = *self.w.time.now;
        match self.alloc_private_stub(now) {
            Flow::Return(fence) => {
                self.me().ret = fence;
                Flow::Continue
            }
            flow => flow,
        }
    }

    pub(crate) fn run_syncobj_replace(&mut self, mut frame: ReplaceFrame) -> Flow {
        let syncobj = frame.syncobj;
        if frame.at == ReplaceAt::Allocated {
            let Some(fence) = self.ret().index() else { return NOTHING };
            (frame.new, frame.at) = (fence, ReplaceAt::Start);
        }
        if frame.at == ReplaceAt::Start {
            frame.at = ReplaceAt::Locked;
            go!(self, SyncFrame::Replace(frame), self.lock_syncobj(syncobj));
        }
        if frame.at == ReplaceAt::Locked {
            frame.at = ReplaceAt::Told;
            let place = &mut self.w.sync.syncobjs[syncobj as usize].fence;
            frame.old = std::mem::replace(place, frame.new);
            if frame.new != NONE {
                self.publish_fence(frame.new, Published::Syncobj);
            }
            if frame.new != frame.old {
                go!(self, SyncFrame::Replace(frame), self.syncobj_submitted(syncobj));
            }
        }
        if frame.at == ReplaceAt::Told {
            self.unlock_syncobj(syncobj);
            frame.at = ReplaceAt::Put;
            go!(self, SyncFrame::Replace(frame), self.fence_put(frame.old));
        }
        NOTHING
    }

    pub(crate) fn run_syncobj_add_point(&mut self, mut frame: AddPointFrame) -> Flow {
        let AddPointFrame { syncobj, fence, point, .. } = frame;
        if frame.at == AddPointAt::Start {
            frame.at = AddPointAt::Locked;
            go!(self, SyncFrame::AddPoint(frame), self.lock_syncobj(syncobj));
        }
        if frame.at == AddPointAt::Locked {
            frame.prev = self.syncobj_fence_get(syncobj);
            // The reference of the syncobj becomes that of the chain.
            let chain = self.chain_init(frame.prev, fence, point);
            self.w.sync.syncobjs[syncobj as usize].fence = chain;
            self.publish_fence(chain, Published::Syncobj);
            frame.at = AddPointAt::Told;
            go!(self, SyncFrame::AddPoint(frame), self.syncobj_submitted(syncobj));
        }
        if frame.at == AddPointAt::Told {
            self.unlock_syncobj(syncobj);
            if frame.prev != NONE {
                self.fence_get(frame.prev);
            }
            frame.at = AddPointAt::Walking;
            self.me().ret = fence_or_null(frame.prev);
        }
        // Going through the chain once drops what is signaled in it.
        while frame.at == AddPointAt::Walking {
            if let Some(cursor) = self.ret().index() {
                go!(self, SyncFrame::AddPoint(frame), self.chain_walk(cursor));
            } else {
                frame.at = AddPointAt::Put;
                go!(self, SyncFrame::AddPoint(frame), self.fence_put(frame.prev));
            }
        }
        NOTHING
    }

    /// Something new is there.
    fn syncobj_submitted(&mut self, syncobj: u32) -> Flow {
        if self.w.sync.syncobjs[syncobj as usize].waiters.is_empty() {
            return NOTHING;
        }
        let frame = SubmittedFrame { syncobj, waiter: 0, at: SubmittedAt::Next };
        self.call(Frame::Sync(SyncFrame::Submitted(frame)))
    }

    pub(crate) fn run_syncobj_submitted(&mut self, mut frame: SubmittedFrame) -> Flow {
        loop {
            let object = &self.w.sync.syncobjs[frame.syncobj as usize];
            let fence = object.fence;
            match frame.at {
                SubmittedAt::Next => {
                    let Some(&waiter) = object.waiters.get(frame.waiter as usize) else { return NOTHING };
                    if fence == NONE {
                        return NOTHING;
                    }
                    self.fence_get(fence);
                    frame.at = SubmittedAt::Sought;
                    go!(self, SyncFrame::Submitted(frame), self.chain_find_seqno(fence, waiter.point));
                }
                SubmittedAt::Sought if self.ret().int() == 0 => {
                    self.hand_to_waiter(frame.syncobj, frame.waiter);
                    frame.at = SubmittedAt::Next;
                }
                SubmittedAt::Sought => {
                    frame.at = SubmittedAt::Put;
                    go!(self, SyncFrame::Submitted(frame), self.fence_put(fence));
                }
                SubmittedAt::Put => (frame.waiter, frame.at) = (frame.waiter + 1, SubmittedAt::Next),
            }
        }
    }

    /// What was found is what the waiter waits for.
    fn hand_to_waiter(&mut self, syncobj: u32, waiter: u32) {
        let fence = self.found_or_stub();
        let waiters = &mut self.w.sync.syncobjs[syncobj as usize].waiters;
        let WaitEntry { task, slot, .. } = waiters.remove(waiter as usize);
        let thread = &mut self.w.threads[task as usize];
        thread.scratch[slot as usize] = fence;
        if thread.state == State::Blocked(Wait::Syncobj(syncobj)) {
            self.w.set_state(task, State::Ready);
        }
    }

    fn syncobj_query(&mut self, syncobj: u32) -> Flow {
        let fence = self.syncobj_fence_get(syncobj);
        if fence == NONE {
            return Flow::Return(Value::Int(0));
        }
        let mut frame = QueryFrame { fence, cursor: fence, last: fence, point: 0, at: QueryAt::Last };
        if self.chain_of(fence).is_some() {
            // One for the cursor, one for the last one seen.
            self.fence_get(fence);
            self.fence_get(fence);
            frame.at = QueryAt::Cursor;
        }
        self.call(Frame::Sync(SyncFrame::Query(frame)))
    }

    pub(crate) fn run_syncobj_query(&mut self, mut frame: QueryFrame) -> Flow {
        loop {
            match frame.at {
                QueryAt::Cursor => {
                    let context = |fence| self.w.fences.get(fence).context;
                    if frame.cursor == NONE {
                        frame.at = QueryAt::Left;
                    } else if context(frame.cursor) != context(frame.fence) {
                        // The timeline is out of order there.
                        frame.at = QueryAt::Left;
                        go!(self, SyncFrame::Query(frame), self.fence_put(frame.cursor));
                    } else {
                        frame.at = QueryAt::Moved;
                        let passed = std::mem::replace(&mut frame.last, frame.cursor);
                        self.fence_get(frame.cursor);
                        go!(self, SyncFrame::Query(frame), self.fence_put(passed));
                    }
                }
                QueryAt::Moved => {
                    frame.at = QueryAt::Walked;
                    go!(self, SyncFrame::Query(frame), self.chain_walk(frame.cursor));
                }
                QueryAt::Walked => {
                    frame.cursor = self.ret().index().unwrap_or(NONE);
                    frame.at = QueryAt::Cursor;
                }
                QueryAt::Left => {
                    frame.at = QueryAt::Polled;
                    go!(self, SyncFrame::Query(frame), self.fence_is_signaled(frame.last, false));
                }
                QueryAt::Polled => {
                    let before = self.chain_of(frame.last).map_or(0, |chain| chain.prev_seqno);
                    let signaled = self.ret().is_true();
                    frame.point = if signaled { self.w.fences.get(frame.last).seqno } else { before };
                    frame.at = QueryAt::Last;
                    go!(self, SyncFrame::Query(frame), self.fence_put(frame.last));
                }
                QueryAt::Last => {
                    frame.at = QueryAt::Over;
                    go!(self, SyncFrame::Query(frame), self.fence_put(frame.fence));
                }
                QueryAt::Over => return Flow::Return(Value::Int(frame.point.cast_signed())),
            }
        }
    }
}
