//! Callbacks of fences: `struct dma_fence_cb` and the list it hangs on, and what the kernel's own callbacks do.

use ringfence_base::scenario::{Kind, ObjectKind};
use ringfence_base::{EventKind, ProgramId};

use crate::dma_fence::{Fences, fence_object, flag};
use crate::dma_fence_ops::FenceFrame;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::{NONE, State};
use crate::value::Value;
use crate::wait::Wait;

/// `struct dma_fence_cb`: a node in the list of one fence. Linked lists, because adding and removing must not
/// depend on how many there are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Node {
    pub(crate) next: u32,
    pub(crate) prev: u32,
    /// The fence on whose list it is; [`NONE`].
    pub(crate) fence: u32,
    pub(crate) callback: Callback,
}

/// What a callback does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Callback {
    /// Runs the program of the declared callback with the node's number.
    Program,
    /// Wakes a context that waits for the fence.
    Wake(u32),
    /// Wakes who polls a `sync_file`: there is no waiting in `poll()`, so nobody.
    Poll,
    /// Counts down a `dma_fence_array`.
    Array(u32),
    /// Goes on with a `dma_fence_chain`.
    Chain(u32),
    /// `drm_sched_job_done_cb()` of a job.
    JobDone(u32),
    /// `drm_sched_entity_wakeup()` of an entity.
    EntityWakeup(u32),
    /// `drm_sched_entity_clear_dep()` of an entity, which wakes nobody (before 6.17).
    EntityClearDep(u32),
    /// `drm_sched_entity_kill_jobs_cb()` of a job.
    KillJob(u32),
    /// The node is not in use; the next one that is not.
    Unused(u32),
}

impl Node {
    /// The node of a declared callback.
    pub(crate) const fn declared() -> Self {
        Self { next: NONE, prev: NONE, fence: NONE, callback: Callback::Program }
    }
}

impl Fences {
    /// A node for one of the kernel's own callbacks.
    pub(crate) fn new_node(&mut self, callback: Callback) -> u32 {
        let node = Node { next: NONE, prev: NONE, fence: NONE, callback };
        let unused = *self.unused_node;
        if unused == NONE {
            self.nodes.push(node);
            return self.nodes.len() as u32 - 1;
        }
        let Callback::Unused(next) = self.nodes[unused as usize].callback else {
            panic!("engine bug: node {unused} is in use and on the list of unused ones");
        };
        *self.unused_node = next;
        self.nodes[unused as usize] = node;
        unused
    }

    /// The node is not needed any more.
    pub(crate) fn drop_node(&mut self, node: u32) {
        self.unlink(node);
        self.nodes[node as usize].callback = Callback::Unused(*self.unused_node);
        *self.unused_node = node;
    }

    /// The callback that comes first on the list of a fence.
    pub(crate) fn first_callback(&self, fence: u32) -> Option<u32> {
        let first = self.get(fence).first;
        (first != NONE).then_some(first)
    }

    /// The fence on whose list a node is.
    pub(crate) fn fence_of_node(&self, node: u32) -> Option<u32> {
        Some(self.nodes.get(node as usize)?.fence).filter(|&fence| fence != NONE)
    }

    pub(crate) fn is_linked(&self, node: u32) -> bool {
        self.nodes[node as usize].fence != NONE
    }

    pub(crate) fn link_last(&mut self, fence: u32, node: u32) {
        let last = std::mem::replace(&mut self.get_mut(fence).last, node);
        self.nodes[node as usize].fence = fence;
        self.nodes[node as usize].prev = last;
        self.nodes[node as usize].next = NONE;
        match last {
            NONE => self.get_mut(fence).first = node,
            last => self.nodes[last as usize].next = node,
        }
    }

    pub(crate) fn link_first(&mut self, fence: u32, node: u32) {
        let first = std::mem::replace(&mut self.get_mut(fence).first, node);
        self.nodes[node as usize].fence = fence;
        self.nodes[node as usize].prev = NONE;
        self.nodes[node as usize].next = first;
        match first {
            NONE => self.get_mut(fence).last = node,
            first => self.nodes[first as usize].prev = node,
        }
    }

    /// Takes a node off the list of a fence; false if it is not there any more. One of the kernel's own may have been
    /// dropped while this context waited for the fence's lock, and be in use for something else by now.
    pub(crate) fn remove_callback(&mut self, fence: u32, node: u32) -> bool {
        let Node { fence: on, callback, .. } = self.nodes[node as usize];
        (on == fence || callback == Callback::Program) && self.unlink(node)
    }

    /// Takes a node off its list; false if it is on none.
    pub(crate) fn unlink(&mut self, node: u32) -> bool {
        let Node { next, prev, fence, .. } = self.nodes[node as usize];
        if fence == NONE {
            return false;
        }
        match prev {
            NONE => self.get_mut(fence).first = next,
            prev => self.nodes[prev as usize].next = next,
        }
        match next {
            NONE => self.get_mut(fence).last = prev,
            next => self.nodes[next as usize].prev = prev,
        }
        self.nodes[node as usize].fence = NONE;
        true
    }
}

impl Kernel<'_> {
    /// Runs the callbacks of a fence that was just signaled, in list order, with its lock held. The list is nobody
    /// else's now, since everybody looks at the fence's state before adding to it.
    pub(crate) fn run_callbacks(&mut self, fence: u32) -> Flow {
        loop {
            let node = self.w.fences.get(fence).first;
            if node == NONE {
                return Flow::Return(Value::Int(0));
            }
            self.w.fences.unlink(node);
            let flow = match self.w.fences.nodes[node as usize].callback {
                Callback::Wake(task) => {
                    self.wake_fence_waiter(task);
                    continue;
                }
                Callback::Poll => continue,
                Callback::Program => {
                    self.emit(EventKind::FenceCallback(fence, node));
                    let function = self.callback_function(node);
                    self.call_fence_op(function, &[Value::fence(fence)])
                }
                Callback::Array(array) => self.array_callback(array, fence),
                Callback::Chain(chain) => {
                    self.queue_fence_irq_work(chain);
                    self.fence_put(fence)
                }
                callback @ (Callback::JobDone(_)
                | Callback::EntityWakeup(_)
                | Callback::EntityClearDep(_)
                | Callback::KillJob(_)) => {
                    self.w.fences.drop_node(node);
                    self.sched_callback(callback, fence)
                }
                Callback::Unused(_) => panic!("engine bug: node {node} is linked but not in use"),
            };
            if !matches!(flow, Flow::Return(_)) {
                return flow;
            }
        }
    }

    /// A callback of the GPU scheduler's.
    fn sched_callback(&mut self, callback: Callback, fence: u32) -> Flow {
        match callback {
            Callback::JobDone(job) => {
                self.job_mut(job).node = NONE;
                let error = self.w.fences.get(fence).error;
                self.job_done(job, error)
            }
            Callback::EntityWakeup(entity) => self.entity_wakeup(entity, fence, true),
            Callback::EntityClearDep(entity) => self.entity_wakeup(entity, fence, false),
            Callback::KillJob(job) => {
                self.job_mut(job).node = NONE;
                self.kill_job_callback(job, fence)
            }
            other => panic!("engine bug: {other:?} is no callback of the scheduler"),
        }
    }

    fn callback_function(&self, node: u32) -> ProgramId {
        match *self.plan.declared(Kind::FenceCb, node) {
            ObjectKind::FenceCb { function } => function,
            _ => panic!("engine bug: a callback that is none"),
        }
    }

    pub(crate) fn wake_fence_waiter(&mut self, task: u32) {
        if let State::Blocked(Wait::Fence(_) | Wait::AnyFence(_) | Wait::Syncobj(_)) =
            self.w.threads[task as usize].state
        {
            self.w.set_state(task, State::Ready);
        }
    }

    /// Puts a callback at the end of the list; one that is on a list already would break both.
    pub(crate) fn append_callback(&mut self, fence: u32, node: u32) {
        if self.w.fences.has(fence, flag::FREED) {
            self.broken("RF502", "the fence was freed while a callback was added to it", fence_object(fence));
            return;
        }
        if self.w.fences.has(fence, flag::SIGNALED) {
            // By enable_signaling(), or without the lock. Where its list was is its timestamp now.
            self.broken(
                "RF502",
                "the fence was signaled while a callback was added to it",
                fence_object(fence),
            );
            return;
        }
        if self.w.fences.is_linked(node) {
            self.broken("RF502", "a callback that is still pending was added again", fence_object(fence));
            self.w.fences.unlink(node);
        }
        self.w.fences.link_last(fence, node);
    }

    /// The frame that runs the callbacks; goes on with it at once.
    pub(crate) fn start_callbacks(&mut self, fence: u32) -> Flow {
        // What only wakes needs no frame.
        loop {
            let node = self.w.fences.get(fence).first;
            if node == NONE {
                return Flow::Return(Value::Int(0));
            }
            let Callback::Wake(task) = self.w.fences.nodes[node as usize].callback else { break };
            self.w.fences.unlink(node);
            self.wake_fence_waiter(task);
        }
        self.call(Frame::Fence(FenceFrame::Callbacks(fence)))
    }
}
