//! Waiting at a `drm_syncobj`: for a fence to come (`drm_syncobj_find_fence()`), and for it to be signaled
//! (`drm_syncobj_array_wait_timeout()`, of one).

use ringfence_base::errno::{EINVAL, ENOMEM, ERESTARTSYS, ETIME};
use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{Gfp, ObjectRef};

use crate::dma_fence::flag;
use crate::dma_fence_cb::Callback;
use crate::dma_fence_signal::Doing;
use crate::dma_fence_wait::FOREVER;
use crate::drm_syncobj::WaitEntry;
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::sync::{SyncFrame, go};
use crate::thread::NONE;
use crate::time::TimerId;
use crate::value::Value;
use crate::wait::Wait;

/// A wait. The fence, once it is there, is in the context's scratch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SyncobjWaitFrame {
    syncobj: u32,
    /// Place of the fence in the scratch.
    slot: u32,
    point: u64,
    /// The fence of the syncobj, in which the point is sought.
    head: u32,
    /// Its callback in the fence it waits for; [`NONE`].
    node: u32,
    purpose: Purpose,
    /// It waits for a fence to come, too.
    for_submit: bool,
    /// It was put on the list of the syncobj.
    queued: bool,
    at: At,
    timeout: i64,
    timer: Option<TimerId>,
    result: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Purpose {
    /// The fence itself is what the caller wants.
    Find,
    /// The caller waits for it to be signaled.
    Signaled,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Allocated,
    Start,
    Sought,
    Missing,
    Polled,
    Queueing,
    Locked,
    SoughtAgain,
    Queue,
    Look,
    LookPolled,
    Added,
    Asleep,
    Unqueueing,
    Unqueued,
    CallbackRemoved,
    Put,
}

impl SyncobjWaitFrame {
    /// What limits the wait.
    pub(crate) fn timeout(&self) -> Option<TimerId> {
        self.timer
    }

    /// It is on the list of this syncobj, for a fence that goes there.
    pub(crate) fn is_queued(&self, syncobj: u32, slot: u32) -> bool {
        self.queued && self.syncobj == syncobj && self.slot == slot
    }
}

/// Nanoseconds that `drm_syncobj_find_fence()` waits for a fence to come.
const WAIT_FOR_SUBMIT: i64 = 5_000_000_000;

impl Kernel<'_> {
    pub(crate) fn syncobj_wait_op(&mut self, call: Call<'_>, syncobj: u32) -> Flow {
        let point = self.int(call, 1).cast_unsigned();
        let for_submit = self.arg(call, 2).is_true();
        let (purpose, timeout) = match call.op {
            Op::SyncobjFindFence => (Purpose::Find, WAIT_FOR_SUBMIT),
            _ => (Purpose::Signaled, self.int(call, 3).max(0)),
        };
        let frame = self.syncobj_wait_frame(syncobj, point, for_submit, (purpose, timeout));
        self.call(Frame::Sync(SyncFrame::Wait(frame)));
        if purpose == Purpose::Find {
            return Flow::Continue;
        }
        let flow = self.allocate(Gfp::KERNEL);
        self.returned(flow)
    }

    /// `drm_syncobj_find_fence()`: 0, or a negative errno; [`Kernel::found_or_stub`] is the fence.
    pub(crate) fn syncobj_find_fence(&mut self, syncobj: u32, point: u64, for_submit: bool) -> Flow {
        let purpose = (Purpose::Find, WAIT_FOR_SUBMIT);
        let frame = self.syncobj_wait_frame(syncobj, point, for_submit, purpose);
        self.call(Frame::Sync(SyncFrame::Wait(frame)))
    }

    fn syncobj_wait_frame(
        &mut self,
        syncobj: u32,
        point: u64,
        for_submit: bool,
        (purpose, timeout): (Purpose, i64),
    ) -> SyncobjWaitFrame {
        if for_submit {
            self.might_sleep();
            self.assert_nothing_held(syncobj);
        }
        let slot = self.me().scratch.len() as u32;
        self.me().scratch.push(Value::Null);
        SyncobjWaitFrame {
            syncobj,
            slot,
            point,
            head: NONE,
            node: NONE,
            purpose,
            for_submit,
            queued: false,
            at: if purpose == Purpose::Find { At::Start } else { At::Allocated },
            timeout,
            timer: None,
            result: 0,
        }
    }

    /// `lockdep_assert_none_held_once()`: whoever waits for user space holds nothing that user space may need.
    fn assert_nothing_held(&mut self, syncobj: u32) {
        let thread = self.me();
        if !thread.held.is_empty() || thread.rcu != 0 || !thread.sections.is_empty() {
            let what = "drm_syncobj waits for user space with a lock held";
            self.broken("RF510", what, Some(ObjectRef { kind: Kind::Syncobj, index: syncobj }));
        }
    }

    /// The fence that came.
    fn syncobj_entry(&self, frame: SyncobjWaitFrame) -> Option<u32> {
        self.w.threads[self.task as usize].scratch[frame.slot as usize].index()
    }

    pub(crate) fn run_syncobj_wait(&mut self, mut frame: SyncobjWaitFrame) -> Flow {
        loop {
            let flow = match frame.at {
                At::Allocated => {
                    let memory = self.ret();
                    if !memory.is_true() {
                        return self.syncobj_wait_over(frame, -ENOMEM);
                    }
                    self.free_memory(memory);
                    frame.at = At::Start;
                    continue;
                }
                At::Start | At::Sought | At::Missing | At::Polled => self.syncobj_look_first(&mut frame),
                At::Queueing | At::Locked | At::SoughtAgain | At::Queue => self.syncobj_queue(&mut frame),
                At::Look | At::LookPolled | At::Added | At::Asleep => self.syncobj_look(&mut frame),
                _ => return self.syncobj_clean_up(frame),
            };
            match flow {
                Flow::Return(_) => {}
                flow => return flow,
            }
        }
    }

    /// Is the point there, is it signaled? Returns with the frame in the state that comes next.
    fn syncobj_look_first(&mut self, frame: &mut SyncobjWaitFrame) -> Flow {
        const NEXT: Flow = Flow::Return(Value::Null);
        match frame.at {
            At::Start => {
                frame.head = self.syncobj_fence_get(frame.syncobj);
                frame.at = At::Sought;
                if frame.head == NONE {
                    frame.at = At::Missing;
                    return NEXT;
                }
                go!(self, SyncFrame::Wait(*frame), self.chain_find_seqno(frame.head, frame.point));
            }
            At::Sought if self.ret().int() != 0 => {
                frame.at = At::Missing;
                go!(self, SyncFrame::Wait(*frame), self.fence_put(frame.head));
            }
            At::Sought => {
                let fence = self.found_or_stub();
                self.me().scratch[frame.slot as usize] = fence;
                if frame.purpose == Purpose::Find {
                    (frame.result, frame.at) = (0, At::Unqueueing);
                    return NEXT;
                }
                frame.at = At::Polled;
                let fence = fence.index().unwrap_or(NONE);
                go!(self, SyncFrame::Wait(*frame), self.fence_is_signaled(fence, false));
            }
            At::Missing if !frame.for_submit => (frame.result, frame.at) = (-EINVAL, At::Unqueueing),
            At::Polled if self.ret().is_true() => {
                (frame.result, frame.at) = (frame.timeout, At::Unqueueing);
            }
            At::Polled => frame.at = At::Look,
            _ => frame.at = At::Queueing,
        }
        NEXT
    }

    /// `drm_syncobj_fence_add_wait()`: looks once more under the lock, and queues.
    fn syncobj_queue(&mut self, frame: &mut SyncobjWaitFrame) -> Flow {
        let syncobj = frame.syncobj;
        match frame.at {
            At::Queueing => {
                frame.at = At::Locked;
                go!(self, SyncFrame::Wait(*frame), self.lock_syncobj(syncobj));
            }
            At::Locked => {
                frame.head = self.syncobj_fence_get(syncobj);
                frame.at = At::SoughtAgain;
                if frame.head == NONE {
                    frame.at = At::Queue;
                    return Flow::Return(Value::Null);
                }
                go!(self, SyncFrame::Wait(*frame), self.chain_find_seqno(frame.head, frame.point));
            }
            At::SoughtAgain if self.ret().int() != 0 => {
                frame.at = At::Queue;
                go!(self, SyncFrame::Wait(*frame), self.fence_put(frame.head));
            }
            At::SoughtAgain => {
                let fence = self.found_or_stub();
                self.me().scratch[frame.slot as usize] = fence;
                self.unlock_syncobj(syncobj);
                frame.at = At::Look;
            }
            _ => {
                let entry = WaitEntry { task: self.task, point: frame.point, slot: frame.slot };
                self.w.sync.syncobjs[syncobj as usize].waiters.push(entry);
                frame.queued = true;
                self.unlock_syncobj(syncobj);
                frame.at = At::Look;
            }
        }
        Flow::Return(Value::Null)
    }

    /// Has it come, is it signaled? Otherwise sleeps.
    fn syncobj_look(&mut self, frame: &mut SyncobjWaitFrame) -> Flow {
        let fence = self.syncobj_entry(*frame);
        match (frame.at, fence) {
            (At::Asleep, _) => return self.syncobj_asleep(frame),
            (At::Look, Some(_)) if frame.purpose == Purpose::Find => {
                (frame.result, frame.at) = (0, At::Unqueueing);
            }
            (At::Look, Some(fence)) => {
                frame.at = At::LookPolled;
                go!(self, SyncFrame::Wait(*frame), self.fence_is_signaled(fence, false));
            }
            (At::LookPolled, _) if self.ret().is_true() => self.syncobj_signaled(frame),
            (At::LookPolled, Some(fence)) if frame.node == NONE => {
                let task = self.task;
                frame.node = self.w.fences.new_node(Callback::Wake(task));
                frame.at = At::Added;
                go!(self, SyncFrame::Wait(*frame), self.fence_add_callback(fence, frame.node));
            }
            (At::Added, _) if self.ret().int() != 0 => {
                self.w.fences.drop_node(frame.node);
                frame.node = NONE;
                self.syncobj_signaled(frame);
            }
            _ => return self.syncobj_sleep(frame),
        }
        Flow::Return(Value::Null)
    }

    fn syncobj_signaled(&mut self, frame: &mut SyncobjWaitFrame) {
        (frame.result, frame.at) = (self.syncobj_time_left(*frame), At::Unqueueing);
    }

    fn syncobj_time_left(&self, frame: SyncobjWaitFrame) -> i64 {
        match frame.timer {
            None => frame.timeout,
            Some(timer) if !self.w.time.is_set(timer) => 0,
            Some(timer) => i64::try_from(timer.due().saturating_sub(*self.w.time.now)).unwrap_or(FOREVER),
        }
    }

    fn syncobj_sleep(&mut self, frame: &mut SyncobjWaitFrame) -> Flow {
        if self.syncobj_time_left(*frame) == 0 {
            (frame.result, frame.at) = (-ETIME, At::Unqueueing);
            return Flow::Return(Value::Null);
        }
        if self.interrupted() {
            (frame.result, frame.at) = (-ERESTARTSYS, At::Unqueueing);
            return Flow::Return(Value::Null);
        }
        if frame.timer.is_none() && frame.timeout != FOREVER {
            frame.timer = Some(self.set_timeout(frame.timeout));
        }
        frame.at = At::Asleep;
        self.replace(Frame::Sync(SyncFrame::Wait(*frame)));
        // What came meanwhile, while others ran, has woken nobody yet.
        self.syncobj_asleep(frame)
    }

    /// Woken, or about to sleep: is there any reason to look again?
    fn syncobj_asleep(&mut self, frame: &mut SyncobjWaitFrame) -> Flow {
        let fence = self.syncobj_entry(*frame);
        let timed_out = frame.timer.is_some_and(|timer| !self.w.time.is_set(timer));
        let news = match fence {
            None => false,
            Some(_) if frame.node == NONE => true,
            Some(fence) => self.w.fences.has(fence, flag::SIGNALED),
        };
        if news || timed_out || self.signal_pending() {
            self.stepped = true;
            frame.at = At::Look;
            return Flow::Return(Value::Null);
        }
        Flow::Block(match fence {
            Some(fence) => Wait::Fence(fence),
            None => Wait::Syncobj(frame.syncobj),
        })
    }

    /// Off all lists; gives up what it has.
    fn syncobj_clean_up(&mut self, mut frame: SyncobjWaitFrame) -> Flow {
        if let Some(timer) = frame.timer.take() {
            self.w.time.cancel(timer);
        }
        if frame.at == At::Unqueueing {
            frame.at = At::Unqueued;
            if frame.queued {
                go!(self, SyncFrame::Wait(frame), self.lock_syncobj(frame.syncobj));
            }
        }
        let fence = self.syncobj_entry(frame);
        if frame.at == At::Unqueued {
            if frame.queued {
                // An interrupt can wait here, too, on top of the same task.
                let (task, slot) = (self.task, frame.slot);
                let waiters = &mut self.w.sync.syncobjs[frame.syncobj as usize].waiters;
                waiters.retain(|waiter| (waiter.task, waiter.slot) != (task, slot));
                self.unlock_syncobj(frame.syncobj);
            }
            frame.at = At::CallbackRemoved;
            if let Some(fence) = fence
                && frame.node != NONE
            {
                let doing = Doing::RemoveCallback(frame.node);
                go!(self, SyncFrame::Wait(frame), self.with_fence_lock(fence, doing));
            }
        }
        if frame.at == At::CallbackRemoved {
            if frame.node != NONE {
                self.w.fences.drop_node(frame.node);
            }
            frame.at = At::Put;
            if frame.purpose == Purpose::Signaled {
                go!(self, SyncFrame::Wait(frame), self.fence_put(fence.unwrap_or(NONE)));
            } else {
                self.me().found = fence.map_or(Value::Null, Value::fence);
            }
        }
        self.syncobj_wait_over(frame, frame.result)
    }

    fn syncobj_wait_over(&mut self, frame: SyncobjWaitFrame, result: i64) -> Flow {
        self.me().scratch.truncate(frame.slot as usize);
        Flow::Return(Value::Int(result))
    }
}
