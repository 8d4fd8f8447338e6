//! A device that completes submitted work in order, after a while, and raises an interrupt.

use ringfence_base::scenario::{Kind, ObjectKind, Op};

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::thread::NONE;
use crate::time::{Timed, TimerId};
use crate::value::Value;

/// Devices of a world.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Engines {
    list: Vec<Engine>,
}

#[derive(PartialEq, Eq, Hash, Debug, Default)]
struct Engine {
    /// Submitted and not completed, oldest first.
    queue: Vec<Job>,
    /// Fences of completed work that nobody has asked for yet, oldest first.
    completed: Vec<u32>,
    /// When the oldest work is completed; `None` while there is none, or it never will be.
    due: Option<TimerId>,
    /// It completes nothing until it is reset.
    hung: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Job {
    /// [`NONE`]: nobody wants to know.
    fence: u32,
    /// Virtual nanoseconds; [`i64::MAX`]: it never ends.
    run_time: i64,
}

impl Clone for Engine {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), completed: self.completed.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.queue.clone_from(&source.queue);
        self.completed.clone_from(&source.completed);
        self.due = source.due;
        self.hung = source.hung;
    }
}

impl Clone for Engines {
    fn clone(&self) -> Self {
        Self { list: self.list.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.list.clone_from(&source.list);
    }
}

impl Engines {
    /// When the oldest work of each is completed, if it ever is.
    pub(crate) fn due(&self) -> impl Iterator<Item = Option<TimerId>> {
        self.list.iter().map(|engine| engine.due)
    }
}

impl Compiler {
    pub(crate) fn set_up_device(&mut self) {
        for _ in &self.plan.by_kind[Kind::Engine as usize] {
            self.plan.initial.engines.list.push(Engine::default());
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn device_op(&mut self, call: Call<'_>) -> Flow {
        let nothing = Flow::Return(Value::Null);
        let Some(engine) = self.object(call, 0) else { return nothing };
        match call.op {
            Op::EngineSubmit => {
                let fence = self.arg(call, 1).index().unwrap_or(NONE);
                if fence != NONE && !self.fence_is_usable(fence) {
                    return nothing;
                }
                let run_time = self.int(call, 2);
                self.w.engines.list[engine as usize].queue.push(Job { fence, run_time });
                self.engine_begins(engine);
            }
            Op::EngineCompleted => {
                let completed = &mut self.w.engines.list[engine as usize].completed;
                if !completed.is_empty() {
                    return Flow::Return(Value::fence(completed.remove(0)));
                }
            }
            Op::EngineIdle => {
                return Flow::Return(Value::bool(self.w.engines.list[engine as usize].queue.is_empty()));
            }
            Op::EngineHang => {
                self.w.engines.list[engine as usize].hung = true;
                self.engine_stops(engine);
            }
            Op::EngineReset => {
                self.engine_stops(engine);
                let entry = &mut self.w.engines.list[engine as usize];
                entry.hung = false;
                entry.queue.clear();
            }
            other => panic!("engine bug: {other:?} is no operation on devices"),
        }
        nothing
    }

    /// Begins its oldest work, unless it is at it already.
    fn engine_begins(&mut self, engine: u32) {
        let entry = &mut self.w.engines.list[engine as usize];
        if entry.hung || entry.due.is_some() {
            return;
        }
        if let Some(&Job { run_time, .. }) = entry.queue.first()
            && run_time != i64::MAX
        {
            let run_time = u64::try_from(run_time).unwrap_or(0);
            entry.due = Some(self.w.time.set(run_time, Timed::Engine(engine)));
        }
    }

    fn engine_stops(&mut self, engine: u32) {
        if let Some(due) = self.w.engines.list[engine as usize].due.take() {
            self.w.time.cancel(due);
        }
    }

    /// The oldest work is completed.
    pub(crate) fn engine_completes(&mut self, engine: u32) {
        let entry = &mut self.w.engines.list[engine as usize];
        entry.due = None;
        let fence = entry.queue.remove(0).fence;
        if fence != NONE {
            entry.completed.push(fence);
            self.fence_hw_done(fence);
        }
        if let ObjectKind::Engine { irq: Some(irq), .. } = *self.plan.declared(Kind::Engine, engine) {
            self.raise_irq(self.plan.index(irq));
        }
        self.engine_begins(engine);
    }
}
