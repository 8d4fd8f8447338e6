//! Steps that nearly all executions consist of, done without the detours of those that can do more.
//!
//! A plain step is one operation of a program that nobody has called: a mutex that nobody waits for is taken or given
//! back, a number is added to a shared variable. It does exactly what `Kernel::run` does in that case, marks for
//! footprints included; in any other case it does nothing.

use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{AcquireFlags, Event, EventKind, LockId, Origin, SiteId, TaskId};

use crate::frame::{Frame, ProgramFrame};
use crate::lock_turns::Turn;
use crate::plan::{Instr, NO_REGISTER, Operand, Plan};
use crate::thread::{Held, NONE};
use crate::value::Value;
use crate::world::World;

/// What an instruction does, if it may be a plain step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PlainStep {
    /// It is none.
    None,
    /// `mutex_lock()` of a lock for which [`Plan::is_plain`].
    Takes(u32),
    /// `mutex_unlock()` of one.
    GivesBack(u32),
    /// `cell_add()` of a constant; the result's register.
    Adds { cell: u32, number: i32, out: u16 },
}

impl PlainStep {
    /// Per instruction of a plan, with its place. A step ends in front of the next operation that others can see.
    pub(crate) fn of_all(plan: &Plan) -> Vec<(Self, SiteId)> {
        let none = (Self::None, SiteId::UNKNOWN);
        let of = |instrs: &[Instr]| match instrs {
            [Instr::Call { site, .. }, Instr::Call { visible: true, .. }] => {
                (Self::of(plan, &instrs[0]), *site)
            }
            _ => none,
        };
        plan.code.windows(2).map(of).chain([none]).collect()
    }

    fn of(plan: &Plan, instr: &Instr) -> Self {
        let &Instr::Call { op, visible: true, out, ref args, .. } = instr else { return Self::None };
        let Operand::Value(Value::Object(kind, index)) = args[0] else { return Self::None };
        let spins = || plan.classes[plan.initial.locks().class(index) as usize].sort.spins();
        let plain = kind == Kind::Mutex && out == NO_REGISTER && plan.is_plain(index) && !spins();
        match op {
            Op::MutexLock if plain => Self::Takes(index),
            Op::MutexUnlock if plain => Self::GivesBack(index),
            Op::CellAdd => match args[1] {
                Operand::Value(Value::Int(number)) => {
                    i32::try_from(number).map_or(Self::None, |number| Self::Adds { cell: index, number, out })
                }
                _ => Self::None,
            },
            _ => Self::None,
        }
    }
}

impl World {
    /// Takes the context's step, if that is a plain one; otherwise false, with nothing done.
    pub(crate) fn plain_step(
        &mut self,
        plan: &Plan,
        task: u32,
        number: u64,
        events: &mut Vec<Event>,
    ) -> bool {
        let thread = self.threads.changed_mut(task as usize);
        let &[Frame::Program(ProgramFrame { pc, base, called: false })] = &thread.frames[..] else {
            return false;
        };
        let (step, site) = plan.plain_steps[pc as usize];
        let event = match step {
            PlainStep::None => return false,
            PlainStep::Takes(lock) => {
                let entry = self.locks.unmarked(lock);
                if !thread.may_sleep() || entry.owner != NONE || !entry.waiters.is_empty() {
                    return false;
                }
                self.locks.turn(lock, Turn::Takes).owner = task;
                thread.held.push(Held { lock, site, shared: false });
                Some(EventKind::Acquire(LockId::from_raw(lock), AcquireFlags::default()))
            }
            PlainStep::GivesBack(lock) => {
                let latest = thread.held.last().is_some_and(|held| held.lock == lock && !held.shared);
                if !latest || !self.locks.unmarked(lock).waiters.is_empty() {
                    return false;
                }
                thread.held.pop();
                self.locks.turn(lock, Turn::GivesBack).owner = NONE;
                Some(EventKind::Release(LockId::from_raw(lock)))
            }
            PlainStep::Adds { cell, number, out } => {
                let new = self.cells[cell as usize].wrapping_add(i64::from(number));
                self.cells[cell as usize] = new;
                if out != NO_REGISTER {
                    thread.registers[base as usize + out as usize] = Value::Int(new);
                }
                None
            }
        };
        thread.site = site;
        thread.frames[0] = Frame::Program(ProgramFrame { pc: pc + 1, base, called: false });
        if let Some(kind) = event {
            let origin = Origin { op: number, task: TaskId::from_raw(task), site };
            events.push(Event { origin, kind });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use ringfence_base::rng::Rng;
    use ringfence_base::scenario::{
        Arg, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
    };
    use ringfence_base::{Action, Event, Footprint, ObjectId, Ordinary, ProgramId, SiteId};

    use super::PlainStep;
    use crate::plan::Plan;
    use crate::world::World;

    /// Locks and cells that programs use.
    const OBJECTS: usize = 3;

    fn operation(rng: &mut Rng) -> Stmt {
        let at = SiteId::UNKNOWN;
        let lock = vec![Arg::Object(ObjectId::new(rng.below(OBJECTS)))];
        let cell =
            vec![Arg::Object(ObjectId::new(OBJECTS + rng.below(OBJECTS))), Arg::Int(rng.number(-3, 3))];
        let (op, args, out) = match rng.below(5) {
            0 | 1 => (Op::MutexLock, lock, None),
            2 | 3 => (Op::MutexUnlock, lock, None),
            _ => (Op::CellAdd, cell, (rng.below(2) == 0).then_some(0)),
        };
        Stmt::Op(Operation { op, args, out, at })
    }

    fn scenario(rng: &mut Rng) -> Scenario {
        let object = |number: usize| {
            let kind = match number {
                0..OBJECTS => ObjectKind::Mutex { class: None },
                _ => ObjectKind::Cell { init: 0 },
            };
            Object { name: format!("object{number}"), kind, driver: None, at: SiteId::UNKNOWN }
        };
        let program = |number: usize, rng: &mut Rng| Program {
            name: format!("program{number}"),
            params: 0,
            registers: vec![ringfence_base::scenario::Kind::Int],
            result: None,
            driver: None,
            body: (0..2 + rng.below(8)).map(|_| operation(rng)).collect(),
        };
        let thread = |number: usize| ThreadDecl {
            name: format!("thread{number}"),
            program: ProgramId::new(number),
            mm: None,
            at: SiteId::UNKNOWN,
        };
        Scenario {
            name: "plain".into(),
            objects: (0..2 * OBJECTS).map(object).collect(),
            programs: (0..3).map(|number| program(number, rng)).collect(),
            threads: (0..3).map(thread).collect(),
            ..Scenario::default()
        }
    }

    /// What a step of a copy of the world comes to, and what it has touched.
    fn done(
        plan: &Plan,
        world: &World,
        action: Action,
        step: impl FnOnce(&mut World, &mut Vec<Event>),
    ) -> (World, Vec<Event>, Footprint) {
        let (mut world, mut events, mut footprint) = (world.clone(), Vec::new(), Footprint::default());
        let before = world.before_step(plan, action);
        step(&mut world, &mut events);
        world.footprint(plan, action, before, &mut footprint);
        (world, events, footprint)
    }

    #[test]
    fn a_plain_step_is_what_any_step_is() {
        let (mut plain, mut others) = (0, 0);
        for seed in 0..2_000 {
            let mut rng = Rng::new(seed);
            let plan = Plan::new(&scenario(&mut rng)).expect("a valid scenario");
            assert!(plan.plain_steps.iter().any(|(step, _)| *step != PlainStep::None), "seed {seed}");
            let mut world = plan.initial().clone();
            let mut actions = Vec::new();
            for number in 0..100 {
                world.enabled(&plan, &mut actions);
                if actions.is_empty() {
                    break;
                }
                let action = *rng.pick(&actions);
                let Action::Run(task) = action else { panic!("{action:?}: there are only threads") };
                let mut taken = false;
                let mine = done(&plan, &world, action, |world, events| {
                    world.threads.mark_changed(task as usize);
                    taken = world.plain_step(&plan, task, number, events);
                    if !taken {
                        world.any_step(&plan, action, number, events, &mut Ordinary);
                    }
                });
                let general = done(&plan, &world, action, |world, events| {
                    world.threads.mark_changed(task as usize);
                    world.any_step(&plan, action, number, events, &mut Ordinary);
                });
                assert_eq!(mine, general, "seed {seed}, step {number}");
                plain += u32::from(taken);
                others += u32::from(!taken);
                world = general.0;
            }
        }
        assert!(plain > 5_000 && others > 2_000, "{plain} plain steps, {others} others");
    }
}
