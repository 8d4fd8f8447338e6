//! The kernel by hand: threads that do one operation at a time, as somebody tells them. For replaying recordings
//! and for tests of single calls.

use ringfence_base::scenario::{Op, Scenario, ScenarioError};
use ringfence_base::{Action, Decide, Event, ObjectId, Ordinary};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::plan::{Operand, Plan};
use crate::thread::State;
use crate::value::Value;
use crate::world::World;

/// A world whose threads do what they are told. Choices are the most ordinary ones, or those of a given strategy.
pub struct Session {
    plan: Plan,
    world: World,
    events: Vec<Event>,
    actions: Vec<Action>,
    steps: u64,
}

/// An operation issued by hand: arguments in registers 0 to 3, the elements of a list behind them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IssuedFrame {
    op: Op,
    base: u32,
    list: u16,
    /// It has called a kernel function, whose result is its own.
    called: bool,
}

/// Registers of an issued operation before its list.
const PLAIN: usize = 4;

impl Session {
    /// The scenario's objects, and so many threads to command, task ids 0 and up.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn new(scenario: &Scenario, threads: usize) -> Result<Self, ScenarioError> {
        let plan = Plan::with_manual_threads(scenario, threads)?;
        let world = plan.initial().clone();
        Ok(Self { plan, world, events: Vec::new(), actions: Vec::new(), steps: 0 })
    }

    /// The world as it is.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A declared object, as an argument.
    pub fn object(&self, id: ObjectId) -> Value {
        let kind = self.plan.scenario.objects[id.index()].kind.kind();
        Value::Object(kind, self.plan.index(id))
    }

    /// What has happened since the last call of this.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The same, without taking it.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Whether the thread has nothing to do; otherwise it runs or is blocked.
    pub fn is_idle(&self, task: u32) -> bool {
        self.world.threads[task as usize].state == State::Idle
    }

    /// Tells an idle thread to do something; an argument that is a list is taken from `list`. Nothing happens until
    /// the next [`Session::settle`].
    ///
    /// # Panics
    /// If the thread is not idle.
    pub fn issue(&mut self, task: u32, op: Op, args: &[Value], list: &[Value]) {
        assert!(self.is_idle(task), "engine bug: task {task} is told {op:?} while it is busy");
        let thread = &mut self.world.threads[task as usize];
        let base = thread.registers.len();
        thread.registers.extend_from_slice(args);
        thread.registers.resize(base + PLAIN, Value::Null);
        thread.registers.extend_from_slice(list);
        let frame = IssuedFrame { op, base: base as u32, list: list.len() as u16, called: false };
        thread.frames.push(Frame::Issued(frame));
        self.world.set_state(task, State::Ready);
    }

    /// Runs everything, time included, until nothing can happen any more.
    pub fn settle(&mut self) {
        self.settle_with(&mut Ordinary);
    }

    /// As [`Session::settle`], with somebody's choices.
    pub fn settle_with(&mut self, decide: &mut dyn Decide) {
        self.settle_by(decide, |_| 0);
    }

    /// As [`Session::settle`], with somebody's choices and schedule: `pick` says which of the actions is next.
    ///
    /// # Panics
    /// If it says one that there is not.
    pub fn settle_by(&mut self, decide: &mut dyn Decide, mut pick: impl FnMut(&[Action]) -> usize) {
        while self.step(decide, &mut pick) {}
    }

    /// One action of those that can happen next; false if there is none.
    ///
    /// # Panics
    /// If `pick` says one that there is not.
    pub fn step(&mut self, decide: &mut dyn Decide, pick: &mut impl FnMut(&[Action]) -> usize) -> bool {
        self.world.enabled(&self.plan, &mut self.actions);
        if self.actions.is_empty() {
            return false;
        }
        let action = self.actions[pick(&self.actions)];
        self.world.step(&self.plan, action, self.steps, &mut self.events, decide);
        self.steps += 1;
        true
    }

    /// Issues an operation, settles, and returns its result; `None` if the thread is blocked in it.
    pub fn call(&mut self, task: u32, op: Op, args: &[Value], list: &[Value]) -> Option<Value> {
        self.issue(task, op, args, list);
        self.settle();
        self.result(task)
    }

    /// Result of the latest operation of an idle thread.
    pub fn result(&self, task: u32) -> Option<Value> {
        let thread = &self.world.threads[task as usize];
        (thread.state == State::Idle).then_some(thread.ret)
    }

    /// A fatal signal for the thread.
    pub fn interrupt(&mut self, task: u32) {
        self.world.threads[task as usize].signal = true;
        if matches!(self.world.threads[task as usize].state, State::Blocked(_)) {
            self.world.set_state(task, State::Ready);
        }
    }

    /// The thread has dealt with its signal.
    pub fn clear_signal(&mut self, task: u32) {
        self.world.threads[task as usize].signal = false;
    }
}

impl Kernel<'_> {
    pub(crate) fn run_issued(&mut self, frame: IssuedFrame) -> Flow {
        let IssuedFrame { op, base, list, called } = frame;
        let depth = self.me().frames.len();
        let flow = if called {
            Flow::Return(self.ret())
        } else {
            self.stepped = true;
            let mut args = [Operand::Value(Value::Null); PLAIN];
            for (n, slot) in args.iter_mut().enumerate() {
                let is_list = op.spec().args.get(n).is_some_and(|arg| arg.list);
                *slot = match is_list {
                    true => Operand::Registers { start: PLAIN as u16, len: list },
                    false => Operand::Register(n as u16),
                };
            }
            self.operation(Call { op, args: &args, base })
        };
        match flow {
            Flow::Return(value) => {
                let thread = self.me();
                thread.registers.truncate(base as usize);
                thread.frames.pop();
                thread.ret = value;
                self.w.set_state(self.task, State::Idle);
                Flow::Yield
            }
            Flow::Continue => {
                self.me().frames[depth - 1] = Frame::Issued(IssuedFrame { called: true, ..frame });
                Flow::Continue
            }
            flow => flow,
        }
    }
}
