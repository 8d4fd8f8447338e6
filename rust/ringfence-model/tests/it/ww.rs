//! What the tests of `ww_mutex` share.

use ringfence_base::scenario::{Arg, ObjectKind, Op, Stmt, WwAlgorithm};
use ringfence_base::{ChoiceKind, Decide, Event, EventKind, ObjectId, SiteId};
use ringfence_model::{Plan, State, World};

use crate::build::{Build, obj, op, op_out};
use crate::run::run_with;

pub(crate) const BOTH: [WwAlgorithm; 2] = [WwAlgorithm::WaitDie, WwAlgorithm::WoundWait];

pub(crate) const R: fn(u16) -> Arg = Arg::Register;

/// A class and so many of its locks.
pub(crate) fn ww_locks(build: &mut Build, algorithm: WwAlgorithm, count: usize) -> (ObjectId, Vec<ObjectId>) {
    let class = build.object("ww_class", ObjectKind::WwClass { algorithm });
    let lock = |n| build.object(&format!("lock{n}"), ObjectKind::WwMutex { class });
    let locks = (0..count).map(lock).collect();
    (class, locks)
}

pub(crate) fn completion(build: &mut Build, name: &str) -> ObjectId {
    build.object(name, ObjectKind::Completion)
}

/// A 64-bit linear congruential generator (Knuth's MMIX).
#[derive(Clone)]
pub(crate) struct Lcg(pub(crate) u64);

impl Lcg {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }

    pub(crate) fn shuffled<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
        items
    }
}

impl Decide for Lcg {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.below(options)
    }
}

/// Runs random schedules; in each, every thread must come to its end and nothing may be broken.
pub(crate) fn always_ends_well(plan: &Plan, seeds: u64) {
    for seed in 0..seeds {
        ends_well(plan, seed);
    }
}

/// One of them; what happened.
pub(crate) fn ends_well(plan: &Plan, seed: u64) -> Vec<Event> {
    let mut schedule = Lcg(seed);
    let mut choices = Lcg(!seed);
    let (world, events) = run_with(plan, &mut choices, |actions| schedule.below(actions.len()));
    assert!(all_done(&world), "seed {seed}: {:?}", states(&world));
    assert_eq!(broken(&events), Vec::<String>::new(), "seed {seed}");
    events
}

/// Every thread has returned; whatever serves interrupts is idle.
pub(crate) fn all_done(world: &World) -> bool {
    world.threads().iter().all(|thread| matches!(thread.state(), State::Done | State::Idle))
}

pub(crate) fn states(world: &World) -> Vec<State> {
    world.threads().iter().map(ringfence_model::Thread::state).collect()
}

pub(crate) fn broken(events: &[Event]) -> Vec<String> {
    let broken = events.iter().filter_map(|event| match event.kind {
        EventKind::Broken(rule, what, _) => Some(format!("{rule} {what}")),
        _ => None,
    });
    broken.collect()
}

/// A small number.
pub(crate) fn int(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// `if (cond) { … }`.
pub(crate) fn when(cond: Arg, then: Vec<Stmt>) -> Stmt {
    when_else(cond, then, Vec::new())
}

pub(crate) fn when_else(cond: Arg, then: Vec<Stmt>, otherwise: Vec<Stmt>) -> Stmt {
    Stmt::If { cond, then, otherwise, at: SiteId::UNKNOWN }
}

pub(crate) fn forever(body: Vec<Stmt>) -> Stmt {
    Stmt::Loop { body, at: SiteId::UNKNOWN }
}

pub(crate) const BREAK: Stmt = Stmt::Break { at: SiteId::UNKNOWN };

/// `if (a == b) { … }`, with a register for the comparison.
pub(crate) fn when_eq(scratch: u16, a: Arg, b: i64, then: Vec<Stmt>) -> Vec<Stmt> {
    vec![op_out(Op::Eq, &[a, Arg::Int(b)], scratch), when(R(scratch), then)]
}

/// A finding if the value is not that.
pub(crate) fn expect_eq(scratch: u16, value: Arg, expected: i64) -> Vec<Stmt> {
    vec![op_out(Op::Ne, &[value, Arg::Int(expected)], scratch), op(Op::WarnOn, &[R(scratch)])]
}

/// Inside, nobody else is: a finding if somebody is.
pub(crate) fn alone(cell: ObjectId, scratch: u16) -> Vec<Stmt> {
    let mut body = vec![op_out(Op::CellAdd, &[obj(cell), Arg::Int(1)], scratch)];
    body.extend(expect_eq(scratch, R(scratch), 1));
    body.push(op_out(Op::CellAdd, &[obj(cell), Arg::Int(-1)], scratch));
    body
}
