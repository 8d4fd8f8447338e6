//! Waiting for fences (`dma_fence_wait_timeout()`, `dma_fence_default_wait()`, `dma_fence_wait_any_timeout()`).

use ringfence_base::errno::{EINVAL, ENOMEM, ERESTARTSYS};
use ringfence_base::{EventKind, Gfp};

use crate::dma_fence::{fence_object, flag};
use crate::dma_fence_cb::Callback;
use crate::dma_fence_ops::{FenceFrame, go};
use crate::dma_fence_signal::Doing;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::NONE;
use crate::time::TimerId;
use crate::value::Value;
use crate::wait::Wait;

/// `MAX_SCHEDULE_TIMEOUT`: no limit.
pub(crate) const FOREVER: i64 = i64::MAX;

/// `dma_fence_wait_timeout()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WaitFrame {
    fence: u32,
    interruptible: bool,
    /// The caller gets 0 for whatever is left.
    errno_only: bool,
    at: At,
    node: u32,
    timeout: i64,
    timer: Option<TimerId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Start,
    Enabled,
    /// The driver's own wait runs.
    Driver,
    Locked,
    Asleep,
    /// Awake, with the lock held again.
    Relocked,
}

/// `dma_fence_wait_any_timeout()`: fences and nodes are in the context's scratch, from `base` on, in turn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AnyFrame {
    base: u32,
    /// Which of them is looked at.
    position: u32,
    interruptible: bool,
    at: AnyAt,
    timeout: i64,
    timer: Option<TimerId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum AnyAt {
    Polled,
    Allocated,
    Added,
    Asleep,
    Removed,
}

impl WaitFrame {
    /// When the wait is over at the latest.
    pub(crate) fn timeout(&self) -> Option<TimerId> {
        self.timer
    }
}

impl AnyFrame {
    /// When the wait is over at the latest.
    pub(crate) fn timeout(&self) -> Option<TimerId> {
        self.timer
    }
}

impl Kernel<'_> {
    /// `dma_fence_wait_timeout()`: what is left of the timeout, 0, or -ERESTARTSYS.
    pub(crate) fn fence_wait_timeout(&mut self, fence: u32, interruptible: bool, timeout: i64) -> Flow {
        self.start_fence_wait(fence, interruptible, timeout, false)
    }

    /// `dma_fence_wait()`: 0 or -ERESTARTSYS.
    pub(crate) fn fence_wait(&mut self, fence: u32, interruptible: bool) -> Flow {
        self.start_fence_wait(fence, interruptible, FOREVER, true)
    }

    fn start_fence_wait(&mut self, fence: u32, interruptible: bool, timeout: i64, errno_only: bool) -> Flow {
        if timeout < 0 {
            self.broken("RF706", "negative timeout", fence_object(fence));
            return Flow::Return(Value::errno(EINVAL));
        }
        let (at, node, timer) = (At::Start, NONE, None);
        let frame = WaitFrame { fence, interruptible, errno_only, at, node, timeout, timer };
        self.call(Frame::Fence(FenceFrame::Wait(frame)))
    }

    pub(crate) fn run_fence_wait(&mut self, mut frame: WaitFrame) -> Flow {
        let fence = frame.fence;
        if frame.at == At::Start {
            self.might_sleep();
            self.emit(EventKind::MightWait);
            frame.at = At::Enabled;
            go!(self, FenceFrame::Wait(frame), self.with_fence_lock(fence, Doing::Enable));
        }
        if frame.at == At::Enabled {
            if let Some(program) = self.fence_ops(fence).wait {
                frame.at = At::Driver;
                self.replace(Frame::Fence(FenceFrame::Wait(frame)));
                let args = [Value::fence(fence), Value::bool(frame.interruptible), Value::Int(frame.timeout)];
                return self.call_fence_op(program, &args);
            }
            frame.at = At::Locked;
            go!(self, FenceFrame::Wait(frame), self.lock_fence(fence));
        }
        match frame.at {
            At::Driver => wait_over(frame, self.ret().int()),
            At::Locked => self.wait_locked(frame),
            At::Asleep => self.wait_asleep(frame),
            _ => self.wait_relocked(frame),
        }
    }

    /// Looks whether there is anything to wait for, and goes to sleep.
    fn wait_locked(&mut self, mut frame: WaitFrame) -> Flow {
        let WaitFrame { fence, interruptible, timeout, .. } = frame;
        let irqs_on = self.ret().is_true();
        // That it was freed before its lock was taken has been reported: nobody will signal it.
        let result = if self.w.fences.has(fence, flag::SIGNALED | flag::FREED) {
            Some(timeout.max(1))
        } else if interruptible && (self.signal_pending() || (timeout != 0 && self.interrupted())) {
            Some(-ERESTARTSYS)
        } else {
            (timeout == 0).then_some(0)
        };
        if result.is_none() {
            let task = self.task;
            frame.node = self.w.fences.new_node(Callback::Wake(task));
            self.w.fences.link_first(fence, frame.node);
        }
        self.unlock_fence(fence, irqs_on);
        if let Some(result) = result {
            return wait_over(frame, result);
        }
        frame.at = At::Asleep;
        frame.timer = (timeout != FOREVER).then(|| self.set_timeout(timeout));
        self.replace(Frame::Fence(FenceFrame::Wait(frame)));
        Flow::Block(Wait::Fence(fence))
    }

    /// Woken: is it over? Then the callback comes off the list, under the lock.
    fn wait_asleep(&mut self, mut frame: WaitFrame) -> Flow {
        let fence = frame.fence;
        let timed_out = frame.timer.is_some_and(|timer| !self.w.time.is_set(timer));
        let changed = self.w.fences.has(fence, flag::SIGNALED | flag::FREED);
        let over = changed || timed_out || (frame.interruptible && self.signal_pending());
        if !over {
            return Flow::Block(Wait::Fence(fence));
        }
        self.stepped = true;
        if self.w.fences.has(fence, flag::FREED) {
            self.broken("RF502", "the fence was freed while it was waited for", fence_object(fence));
            self.w.fences.drop_node(frame.node);
            return self.wait_result(frame);
        }
        frame.at = At::Relocked;
        go!(self, FenceFrame::Wait(frame), self.lock_fence(fence));
        self.wait_relocked(frame)
    }

    fn wait_relocked(&mut self, frame: WaitFrame) -> Flow {
        let irqs_on = self.ret().is_true();
        self.w.fences.drop_node(frame.node);
        self.unlock_fence(frame.fence, irqs_on);
        self.wait_result(frame)
    }

    fn wait_result(&mut self, frame: WaitFrame) -> Flow {
        let left = match frame.timer {
            None => Some(FOREVER),
            Some(timer) => self.time_left(timer),
        };
        let result = match left {
            None => 0,
            Some(_) if frame.interruptible && self.signal_pending() => -ERESTARTSYS,
            Some(left) => left,
        };
        wait_over(frame, result)
    }

    /// `dma_fence_wait_any_timeout()` for the fences that are in the scratch from `base` on, in every second place.
    pub(crate) fn fence_wait_any(&mut self, base: usize, interruptible: bool, timeout: i64) -> Flow {
        let position = base as u32;
        if timeout < 0 || self.me().scratch.len() == base {
            self.broken("RF706", "waiting for any of no fences, or with a negative timeout", None);
            self.me().scratch.truncate(base);
            return Flow::Return(Value::errno(EINVAL));
        }
        let at = if timeout == 0 { AnyAt::Polled } else { AnyAt::Allocated };
        let frame = AnyFrame { base: position, position, interruptible, at, timeout, timer: None };
        self.me().ret = Value::Int(0);
        let flow = self.call(Frame::Fence(FenceFrame::WaitAny(frame)));
        if timeout == 0 {
            return flow;
        }
        let flow = self.allocate(Gfp::KERNEL);
        self.returned(flow)
    }

    pub(crate) fn run_wait_any(&mut self, frame: AnyFrame) -> Flow {
        match frame.at {
            AnyAt::Polled => self.wait_any_poll(frame),
            AnyAt::Allocated => {
                let memory = self.ret();
                if !memory.is_true() {
                    return self.wait_any_over(frame, -ENOMEM);
                }
                self.free_memory(memory);
                self.wait_any_add(frame)
            }
            AnyAt::Added => self.wait_any_added(frame),
            AnyAt::Asleep => self.wait_any_asleep(frame),
            AnyAt::Removed => self.wait_any_remove(frame),
        }
    }

    fn any_fence(&mut self, frame: AnyFrame) -> Option<u32> {
        self.me().scratch.get(frame.position as usize).and_then(|fence| fence.index())
    }

    /// Without a timeout, every fence is asked once. The result of the one before is in `ret`.
    fn wait_any_poll(&mut self, mut frame: AnyFrame) -> Flow {
        loop {
            if self.ret().is_true() {
                return self.wait_any_over(frame, 1);
            }
            let Some(fence) = self.any_fence(frame) else { return self.wait_any_over(frame, 0) };
            frame.position += 2;
            go!(self, FenceFrame::WaitAny(frame), self.fence_is_signaled(fence, false));
        }
    }

    /// Adds a callback to every fence.
    fn wait_any_add(&mut self, mut frame: AnyFrame) -> Flow {
        let Some(fence) = self.any_fence(frame) else { return self.wait_any_sleep(frame) };
        let task = self.task;
        let node = self.w.fences.new_node(Callback::Wake(task));
        self.me().scratch[frame.position as usize + 1] = Value::Int(i64::from(node));
        frame.at = AnyAt::Added;
        go!(self, FenceFrame::WaitAny(frame), self.fence_add_callback(fence, node));
        self.wait_any_added(frame)
    }

    fn wait_any_added(&mut self, mut frame: AnyFrame) -> Flow {
        if self.ret().int() != 0 {
            // This one is signaled already.
            let timeout = frame.timeout;
            return self.wait_any_end(frame, timeout);
        }
        frame.position += 2;
        self.wait_any_add(frame)
    }

    fn wait_any_sleep(&mut self, mut frame: AnyFrame) -> Flow {
        frame.timer = (frame.timeout != FOREVER).then(|| self.set_timeout(frame.timeout));
        frame.at = AnyAt::Asleep;
        self.replace(Frame::Fence(FenceFrame::WaitAny(frame)));
        self.might_sleep();
        if self.any_signaled(frame) {
            return self.wait_any_end(frame, frame.timeout);
        }
        if frame.interruptible && self.interrupted() {
            return self.wait_any_end(frame, -ERESTARTSYS);
        }
        Flow::Block(Wait::AnyFence(self.task))
    }

    fn any_signaled(&mut self, frame: AnyFrame) -> bool {
        let fences = &self.w.fences;
        let list = &self.w.threads[self.task as usize].scratch[frame.base as usize..];
        list.iter()
            .step_by(2)
            .filter_map(|fence| fence.index())
            .any(|fence| fences.has(fence, flag::SIGNALED | flag::FREED))
    }

    fn wait_any_asleep(&mut self, frame: AnyFrame) -> Flow {
        let timed_out = frame.timer.is_some_and(|timer| !self.w.time.is_set(timer));
        let signaled = self.any_signaled(frame);
        let interrupted = frame.interruptible && self.signal_pending();
        if !signaled && !timed_out && !interrupted {
            return Flow::Block(Wait::AnyFence(self.task));
        }
        self.stepped = true;
        let left = match frame.timer {
            None => Some(FOREVER),
            Some(timer) => self.time_left(timer),
        };
        let result = match left {
            None => 0,
            Some(_) if interrupted => -ERESTARTSYS,
            Some(left) => left,
        };
        self.wait_any_end(frame, result)
    }

    /// It is over, with this result: the callbacks before `position` are removed, the last one first.
    fn wait_any_end(&mut self, mut frame: AnyFrame, result: i64) -> Flow {
        if let Some(timer) = frame.timer.take() {
            self.w.time.cancel(timer);
        }
        frame.timeout = result;
        frame.at = AnyAt::Removed;
        self.wait_any_remove(frame)
    }

    fn wait_any_remove(&mut self, mut frame: AnyFrame) -> Flow {
        while frame.position > frame.base {
            frame.position -= 2;
            let Some(fence) = self.any_fence(frame) else { continue };
            let node = self.me().scratch[frame.position as usize + 1].int().cast_unsigned() as u32;
            if self.w.fences.has(fence, flag::FREED) {
                self.broken("RF502", "the fence was freed while it was waited for", fence_object(fence));
                continue;
            }
            go!(self, FenceFrame::WaitAny(frame), self.with_fence_lock(fence, Doing::RemoveCallback(node)));
        }
        self.wait_any_over(frame, frame.timeout)
    }

    fn wait_any_over(&mut self, frame: AnyFrame, result: i64) -> Flow {
        for position in (frame.base as usize + 1..self.me().scratch.len()).step_by(2) {
            if let Value::Int(node) = self.me().scratch[position] {
                self.w.fences.drop_node(node.cast_unsigned() as u32);
            }
        }
        self.me().scratch.truncate(frame.base as usize);
        Flow::Return(Value::Int(result))
    }
}

fn wait_over(frame: WaitFrame, result: i64) -> Flow {
    Flow::Return(Value::Int(if frame.errno_only { result.min(0) } else { result }))
}
