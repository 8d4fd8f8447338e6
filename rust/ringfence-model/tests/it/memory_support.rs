//! What the tests of memory share: objects of user memory, choices by name, random schedules.

use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Scenario, Stmt};
use ringfence_base::{ChoiceKind, Decide, Event, EventKind, Gfp, ObjectId};
use ringfence_model::{Plan, Session, Value, World};

use crate::build::{Build, obj, op};
use crate::run::run_with;

/// Takes one kind of choice as told, all others as usual.
pub(crate) struct Take(pub(crate) ChoiceKind, pub(crate) usize);

impl Decide for Take {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        if kind == self.0 { self.1.min(options - 1) } else { 0 }
    }
}

/// Every allocation that can reclaims, and takes user memory.
pub(crate) struct Evict;

impl Decide for Evict {
    fn decide(&mut self, kind: ChoiceKind, _: usize) -> usize {
        usize::from(matches!(kind, ChoiceKind::Allocation | ChoiceKind::Reclaim))
    }
}

/// A gfp mask as an argument.
pub(crate) fn mask(gfp: Gfp) -> Value {
    Value::Int(i64::from(gfp.bits()))
}

/// Takes all choices at random.
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

impl Decide for Random {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.below(options)
    }
}

/// One random execution.
pub(crate) fn run_random(plan: &Plan, seed: u64) -> (World, Vec<Event>) {
    let mut schedule = Random(seed ^ 0x9e37_79b9_7f4a_7c15);
    run_with(plan, &mut Random(seed), |actions| schedule.below(actions.len()))
}

/// A quiet environment but for these parts.
pub(crate) fn only(parts: &[&str]) -> Environment {
    let mut environment = Environment::quiet();
    for part in parts {
        *environment.part(part).expect("a part of the environment") = true;
    }
    environment
}

/// Rules broken, in order.
pub(crate) fn broken(events: &[Event]) -> Vec<&'static str> {
    let broken = events.iter().filter_map(|event| match event.kind {
        EventKind::Broken(rule, ..) => Some(rule),
        _ => None,
    });
    broken.collect()
}

/// An mm with one range.
pub(crate) fn user_memory(build: &mut Build) -> (ObjectId, ObjectId) {
    let mm = build.object("mm", ObjectKind::Mm);
    (mm, build.object("range", ObjectKind::UserRange { mm }))
}

/// Adds to a cell.
pub(crate) fn add(cell: ObjectId, value: Arg) -> Stmt {
    op(Op::CellAdd, &[obj(cell), value])
}

/// A counter that starts at 0.
pub(crate) fn counter(build: &mut Build, name: &str) -> ObjectId {
    build.object(name, ObjectKind::Cell { init: 0 })
}

/// A shrinker that counts a fixed number, and adds up calls and objects it was asked to scan.
pub(crate) struct CountingShrinker {
    pub(crate) calls: ObjectId,
    pub(crate) asked: ObjectId,
}

pub(crate) fn counting_shrinker(
    build: &mut Build,
    freeable: i64,
    (seeks, batch): (u32, u32),
    result: i64,
) -> CountingShrinker {
    let (calls, asked) = (counter(build, "calls"), counter(build, "asked"));
    let returns = |value| Stmt::Return { value: Some(value), at: ringfence_base::SiteId::UNKNOWN };
    let count = build.handler("count", 0, &[], Some(Kind::Int), vec![returns(Arg::Int(freeable))]);
    let scan = vec![add(calls, Arg::Int(1)), add(asked, Arg::Register(0)), returns(Arg::Int(result))];
    let scan = build.handler("scan", 1, &[Kind::Int], Some(Kind::Int), scan);
    build.object("shrinker", ObjectKind::Shrinker { count, scan, seeks, batch });
    CountingShrinker { calls, asked }
}

/// The kernel by hand, with values for declared objects.
pub(crate) struct Hand {
    pub(crate) session: Session,
    scenario: Scenario,
}

impl Hand {
    pub(crate) fn new(scenario: Scenario, threads: usize) -> Self {
        let session = Session::new(&scenario, threads).expect("a valid scenario");
        Self { session, scenario }
    }

    /// The value that refers to an object.
    pub(crate) fn value(&self, id: ObjectId) -> Value {
        let kind = self.scenario.objects[id.index()].kind.kind();
        let before = self.scenario.objects[..id.index()].iter();
        Value::Object(kind, before.filter(|object| object.kind.kind() == kind).count() as u32)
    }

    /// Does one operation; `None` if it is not over.
    pub(crate) fn call_with(
        &mut self,
        task: u32,
        op: Op,
        args: &[Value],
        decide: &mut dyn Decide,
    ) -> Option<Value> {
        self.session.issue(task, op, args, &[]);
        self.session.settle_with(decide);
        self.session.result(task)
    }

    pub(crate) fn call(&mut self, task: u32, op: Op, args: &[Value]) -> Option<Value> {
        self.call_with(task, op, args, &mut ringfence_base::Ordinary)
    }

    /// An operation on one declared object.
    pub(crate) fn on(&mut self, op: Op, object: ObjectId) -> Option<Value> {
        let object = self.value(object);
        self.call(0, op, &[object])
    }

    pub(crate) fn cell(&mut self, cell: ObjectId) -> i64 {
        self.on(Op::CellRead, cell).expect("reading does not block").int()
    }

    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        self.session.take_events().into_iter().map(|event| event.kind).collect()
    }

    pub(crate) fn broken(&mut self) -> Vec<&'static str> {
        broken(&self.session.take_events())
    }
}
