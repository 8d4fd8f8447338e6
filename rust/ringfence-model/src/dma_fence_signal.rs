//! Signalling, polling, enabling: everything that happens under a fence's lock
//! (`dma_fence_signal()`, `dma_fence_add_callback()`, `__dma_fence_enable_signaling()` and their like in
//! `drivers/dma-buf/dma-fence.c`).

use ringfence_base::EventKind;
use ringfence_base::errno::{EDEADLK, EINVAL, ENOENT};

use crate::dma_fence::{FenceSort, fence_object, flag};
use crate::dma_fence_ops::{FenceFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::lock::Manner;
use crate::thread::{NONE, Section};
use crate::value::Value;

/// Doing something with the fence's lock held and interrupts off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LockedFrame {
    pub(crate) fence: u32,
    pub(crate) doing: Doing,
    at: At,
    irqs_on: bool,
}

/// What is done under the lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Doing {
    /// `dma_fence_signal()`: in a signalling section of its own.
    Signal,
    /// `dma_fence_signal_timestamp()`: without one.
    SignalTimestamp(u64),
    /// The last reference is gone but callbacks are pending.
    SignalDead,
    /// `dma_fence_add_callback()` of a node.
    AddCallback(u32),
    /// `dma_fence_remove_callback()` of a node.
    RemoveCallback(u32),
    /// `dma_fence_enable_sw_signaling()`.
    Enable,
    /// `dma_fence_get_status()`.
    Status,
    /// The last reference to a `sw_sync` fence is gone.
    Unlist,
    /// A `sw_sync` fence notes its deadline.
    Deadline,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Start,
    Locked,
    Done,
}

/// `dma_fence_is_signaled()`: may ask the driver, and then signal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PollFrame {
    fence: u32,
    /// The caller holds the fence's lock.
    locked: bool,
    at: PollAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum PollAt {
    Start,
    Asked,
    Signaled,
}

/// `__dma_fence_enable_signaling()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct EnableFrame {
    fence: u32,
    at: PollAt,
}

impl Kernel<'_> {
    /// Whoever signals a fence that others wait for does so in a signalling section, so that the validator sees
    /// all that is needed to get there. Atomic context is excused: what is forbidden there is checked anyway.
    pub(crate) fn check_annotated(&mut self, fence: u32) {
        let flags = self.w.fences.get(fence).flags;
        let pending = flags & flag::PUBLISHED != 0 && flags & flag::SIGNALED == 0;
        let thread = self.me();
        if pending && thread.sections.is_empty() && !thread.in_atomic() && !thread.irqs_off {
            self.broken(
                "RF201",
                "a published fence is signaled outside a signalling section",
                fence_object(fence),
            );
        }
    }

    /// A fence is a promise of the driver that made it: nobody else ends it early, or says how it went. Whoever does
    /// not want to wait any longer gives up waiting, and goes on without it.
    pub(crate) fn check_own_fence(&mut self, fence: u32, what: &'static str) {
        let owner = match self.w.fences.get(fence).sort {
            FenceSort::Scheduled(job) | FenceSort::Finished(job) => self.job_driver(job),
            _ => self.w.fences.driver(self.plan, fence),
        };
        let acting = self.acting_driver();
        if owner.is_some() && acting.is_some() && owner != acting {
            self.broken("RF105", what, fence_object(fence));
        }
    }

    /// The driver whose code the context runs.
    fn acting_driver(&self) -> Option<&str> {
        let frames = self.w.threads[self.task as usize].frames.iter().rev();
        let pc = frames.filter_map(|frame| match frame {
            Frame::Program(frame) => Some(frame.pc),
            _ => None,
        });
        self.plan.driver_at(pc.into_iter().next()?)
    }

    /// `dma_fence_begin_signalling()`: the cookie is that of the section around it plus one.
    pub(crate) fn begin_signalling(&mut self) -> i64 {
        self.emit(EventKind::BeginSignalling);
        self.open_section(false)
    }

    /// The section that strict mode puts a scheduler's work in.
    pub(crate) fn begin_strict_section(&mut self) {
        self.emit(EventKind::BeginStrict);
        self.open_section(true);
    }

    fn open_section(&mut self, strict: bool) -> i64 {
        let thread = self.me();
        let cookie = thread.sections.last().map_or(0, |section| section.cookie) + 1;
        thread.sections.push(Section { site: thread.site, cookie, strict });
        cookie
    }

    /// `dma_fence_end_signalling()`. With the cookie of an outer section it ends that one, and with none that is
    /// open, the innermost.
    pub(crate) fn end_signalling(&mut self, cookie: i64) {
        let sections = &self.me().sections;
        let innermost = sections.len().checked_sub(1);
        let ended = sections.iter().rposition(|section| section.cookie == cookie);
        if ended.is_none() || ended != innermost {
            self.broken(
                "RF203",
                "a section is ended with another cookie than that of the innermost open one",
                None,
            );
        }
        if let Some(ended) = ended.or(innermost) {
            self.me().sections.remove(ended);
            self.emit(EventKind::EndSignalling);
        }
    }

    /// Takes the fence's lock, interrupts off; the lock's frame returns whether they were on.
    pub(crate) fn lock_fence(&mut self, fence: u32) -> Flow {
        if self.w.fences.has(fence, flag::FREED) {
            self.broken("RF502", "the lock of a fence is taken after it was freed", fence_object(fence));
        }
        let result = i64::from(self.irqs_on());
        self.irq_disable();
        self.me().preempt += 1;
        let lock = self.w.fences.get(fence).lock;
        self.take_lock(lock, Manner { result, ..Manner::EXCLUSIVE })
    }

    /// Gives the fence's lock back.
    pub(crate) fn unlock_fence(&mut self, fence: u32, irqs_on: bool) {
        let lock = self.w.fences.get(fence).lock;
        let held = self.holds(lock);
        self.drop_lock(lock);
        if held {
            self.preempt_count_sub("a fence's lock is given back with preemption enabled before");
        }
        self.irq_restore(irqs_on);
    }

    /// Does something under the fence's lock.
    pub(crate) fn with_fence_lock(&mut self, fence: u32, doing: Doing) -> Flow {
        let frame = LockedFrame { fence, doing, at: At::Start, irqs_on: false };
        self.call(Frame::Fence(FenceFrame::Locked(frame)))
    }

    /// `dma_fence_signal()`.
    pub(crate) fn fence_signal(&mut self, fence: u32) -> Flow {
        self.with_fence_lock(fence, Doing::Signal)
    }

    /// `dma_fence_add_callback()`: 0, or -ENOENT if it is signaled.
    pub(crate) fn fence_add_callback(&mut self, fence: u32, node: u32) -> Flow {
        if self.w.fences.has(fence, flag::SIGNALED) {
            return Flow::Return(Value::errno(ENOENT));
        }
        self.with_fence_lock(fence, Doing::AddCallback(node))
    }

    pub(crate) fn run_locked(&mut self, mut frame: LockedFrame) -> Flow {
        let LockedFrame { fence, doing, .. } = frame;
        if frame.at == At::Start {
            if doing == Doing::Signal {
                self.begin_signalling();
            }
            frame.at = At::Locked;
            go!(self, FenceFrame::Locked(frame), self.lock_fence(fence));
        }
        if frame.at == At::Locked {
            frame.irqs_on = self.ret().is_true();
            frame.at = At::Done;
            go!(self, FenceFrame::Locked(frame), self.do_locked(fence, doing));
        }
        let result = self.finish_locked(fence, doing);
        self.unlock_fence(fence, frame.irqs_on);
        if doing == Doing::Signal {
            // Callbacks ran in between, but all that they began has ended, or was reported.
            let cookie = self.me().sections.last().map_or(0, |section| section.cookie);
            self.end_signalling(cookie);
        }
        Flow::Return(result)
    }

    fn do_locked(&mut self, fence: u32, doing: Doing) -> Flow {
        let now = *self.w.time.now;
        match doing {
            Doing::Signal => self.fence_signal_locked(fence, now),
            Doing::SignalTimestamp(timestamp) => self.fence_signal_locked(fence, timestamp),
            Doing::SignalDead => {
                self.w.fences.get_mut(fence).error = -(EDEADLK as i32);
                self.fence_signal_locked(fence, now)
            }
            Doing::AddCallback(_) | Doing::Enable => self.fence_enable_locked(fence),
            Doing::RemoveCallback(node) => {
                Flow::Return(Value::bool(self.w.fences.remove_callback(fence, node)))
            }
            Doing::Status => self.fence_is_signaled(fence, true),
            Doing::Unlist => {
                self.sw_sync_forget(fence);
                Flow::Return(Value::Null)
            }
            Doing::Deadline => Flow::Return(Value::Null),
        }
    }

    /// What is left to do when that has returned, and the result of it all.
    fn finish_locked(&mut self, fence: u32, doing: Doing) -> Value {
        let result = self.ret();
        match doing {
            Doing::AddCallback(node) => {
                if !result.is_true() {
                    return Value::errno(ENOENT);
                }
                self.append_callback(fence, node);
                Value::Int(0)
            }
            Doing::Status if result.is_true() => match self.w.fences.get(fence).error {
                0 => Value::Int(1),
                error => Value::Int(i64::from(error)),
            },
            Doing::Enable => Value::Null,
            _ => result,
        }
    }

    /// `dma_fence_signal_timestamp_locked()`.
    pub(crate) fn fence_signal_locked(&mut self, fence: u32, timestamp: u64) -> Flow {
        let lock = self.w.fences.get(fence).lock;
        if !self.holds(lock) {
            self.broken("RF510", "a fence is signaled without its lock", fence_object(fence));
        }
        let entry = self.w.fences.get_mut(fence);
        if entry.flags & flag::SIGNALED != 0 {
            return Flow::Return(Value::errno(EINVAL));
        }
        entry.flags |= flag::SIGNALED;
        entry.timestamp = timestamp;
        self.emit(EventKind::FenceSignal(fence));
        self.fence_was_signaled(fence);
        self.start_callbacks(fence)
    }

    /// `__dma_fence_enable_signaling()`: 1, or 0 if the fence is signaled.
    pub(crate) fn fence_enable_locked(&mut self, fence: u32) -> Flow {
        let entry = self.w.fences.get_mut(fence);
        let was_set = entry.flags & flag::ENABLE_SIGNAL != 0;
        entry.flags |= flag::ENABLE_SIGNAL;
        if entry.flags & flag::SIGNALED != 0 {
            return Flow::Return(Value::bool(false));
        }
        let has_op = match entry.sort {
            FenceSort::Driver(NONE) | FenceSort::Stub | FenceSort::Scheduled(_) | FenceSort::Finished(_) => {
                false
            }
            FenceSort::Driver(_) => self.fence_ops(fence).enable_signaling.is_some(),
            FenceSort::Array(_) | FenceSort::Chain(_) | FenceSort::SwSync(_) => true,
        };
        if was_set || !has_op {
            return Flow::Return(Value::bool(true));
        }
        self.call(Frame::Fence(FenceFrame::Enable(EnableFrame { fence, at: PollAt::Start })))
    }

    pub(crate) fn run_enable(&mut self, mut frame: EnableFrame) -> Flow {
        let fence = frame.fence;
        if frame.at == PollAt::Start {
            frame.at = PollAt::Asked;
            go!(self, FenceFrame::Enable(frame), self.ask_to_enable(fence));
        }
        if frame.at == PollAt::Asked {
            if self.ret().is_true() {
                return Flow::Return(Value::bool(true));
            }
            frame.at = PollAt::Signaled;
            let now = *self.w.time.now;
            go!(self, FenceFrame::Enable(frame), self.fence_signal_locked(fence, now));
        }
        Flow::Return(Value::bool(false))
    }

    fn ask_to_enable(&mut self, fence: u32) -> Flow {
        match self.w.fences.get(fence).sort {
            FenceSort::Array(_) => self.array_enable_signaling(fence),
            FenceSort::Chain(_) => self.chain_enable_signaling(fence),
            FenceSort::SwSync(_) | FenceSort::Scheduled(_) | FenceSort::Finished(_) => {
                Flow::Return(Value::bool(true))
            }
            FenceSort::Driver(_) | FenceSort::Stub => match self.fence_ops(fence).enable_signaling {
                Some(program) => {
                    self.emit(EventKind::FenceEnableSignaling(fence));
                    self.call_fence_op(program, &[Value::fence(fence)])
                }
                None => Flow::Return(Value::bool(true)),
            },
        }
    }

    /// `dma_fence_is_signaled()`, or with the lock held `dma_fence_is_signaled_locked()`.
    pub(crate) fn fence_is_signaled(&mut self, fence: u32, locked: bool) -> Flow {
        if self.w.fences.has(fence, flag::SIGNALED) {
            return Flow::Return(Value::bool(true));
        }
        let has_op = match self.w.fences.get(fence).sort {
            FenceSort::Driver(NONE) | FenceSort::Stub | FenceSort::Scheduled(_) | FenceSort::Finished(_) => {
                false
            }
            FenceSort::Driver(_) => self.fence_ops(fence).signaled.is_some(),
            FenceSort::Array(_) | FenceSort::Chain(_) | FenceSort::SwSync(_) => true,
        };
        if !has_op {
            return Flow::Return(Value::bool(false));
        }
        self.call(Frame::Fence(FenceFrame::Poll(PollFrame { fence, locked, at: PollAt::Start })))
    }

    pub(crate) fn run_poll(&mut self, mut frame: PollFrame) -> Flow {
        let PollFrame { fence, locked, .. } = frame;
        if frame.at == PollAt::Start {
            frame.at = PollAt::Asked;
            go!(self, FenceFrame::Poll(frame), self.ask_whether_signaled(fence));
        }
        if frame.at == PollAt::Asked {
            if !self.ret().is_true() {
                return Flow::Return(Value::bool(false));
            }
            frame.at = PollAt::Signaled;
            let now = *self.w.time.now;
            go!(
                self,
                FenceFrame::Poll(frame),
                if locked { self.fence_signal_locked(fence, now) } else { self.fence_signal(fence) }
            );
        }
        Flow::Return(Value::bool(true))
    }

    fn ask_whether_signaled(&mut self, fence: u32) -> Flow {
        match self.w.fences.get(fence).sort {
            FenceSort::Array(_) => self.array_signaled(fence),
            FenceSort::Chain(_) => self.chain_signaled(fence),
            FenceSort::SwSync(timeline) => Flow::Return(Value::bool(self.w.sw_sync_reached(timeline, fence))),
            FenceSort::Scheduled(_) | FenceSort::Finished(_) => Flow::Return(Value::bool(false)),
            FenceSort::Driver(_) | FenceSort::Stub => match self.fence_ops(fence).signaled {
                Some(program) => self.call_fence_op(program, &[Value::fence(fence)]),
                None => Flow::Return(Value::bool(false)),
            },
        }
    }
}
