//! What the tests of things that run later share: marks in programs, traces of marks, random schedules.

use std::collections::BTreeMap;

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ChoiceKind, Decide, Event, EventKind, ObjectId, ProgramId, SiteId};
use ringfence_model::{Plan, State, World};

use crate::build::{Build, obj, op, op_out};
use crate::run::run_with;

/// A scenario whose programs leave marks. A mark is `might_lock()` of a mutex of that name, which nobody takes: it
/// changes nothing, and the order of marks is the order of what happened.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) build: Build,
    marks: BTreeMap<String, ObjectId>,
}

impl Story {
    pub(crate) fn mark(&mut self, name: &str) -> Stmt {
        let build = &mut self.build;
        let id = *self.marks.entry(name.into()).or_insert_with(|| build.mutex(&format!("!{name}")));
        op(Op::MightLock, &[obj(id)])
    }

    /// `name` before and after the body, with `+` and `-`.
    pub(crate) fn around(&mut self, name: &str, body: Vec<Stmt>) -> Vec<Stmt> {
        let mut all = vec![self.mark(&format!("{name}+"))];
        all.extend(body);
        all.push(self.mark(&format!("{name}-")));
        all
    }

    /// A program that marks its beginning and its end.
    pub(crate) fn function(&mut self, name: &str, body: Vec<Stmt>) -> ProgramId {
        let body = self.around(name, body);
        self.build.program(name, &[Kind::Int, Kind::Cookie, Kind::Fence], body)
    }

    /// An object of a kind that has a function.
    pub(crate) fn with_function(
        &mut self,
        name: &str,
        kind: fn(ProgramId) -> ObjectKind,
        body: Vec<Stmt>,
    ) -> ObjectId {
        let function = self.function(name, body);
        self.build.object(name, kind(function))
    }

    pub(crate) fn thread(&mut self, name: &str, body: Vec<Stmt>) {
        self.build.thread(name, &[Kind::Int, Kind::Cookie, Kind::Fence], body);
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan::new(&self.build.scenario).expect("a valid scenario")
    }
}

/// `kind` as a work.
pub(crate) fn work(function: ProgramId) -> ObjectKind {
    ObjectKind::Work { function }
}

/// Calls with one object, the most frequent ones.
pub(crate) fn on(call: Op, object: ObjectId) -> Stmt {
    op(call, &[obj(object)])
}

/// `then` if register 0 is true.
pub(crate) fn if_0(then: Vec<Stmt>) -> Stmt {
    Stmt::If { cond: Arg::Register(0), then, otherwise: Vec::new(), at: SiteId::UNKNOWN }
}

/// An operation whose result decides whether `then` is run.
pub(crate) fn if_op(call: Op, args: &[Arg], then: Vec<Stmt>) -> Vec<Stmt> {
    vec![op_out(call, args, 0), if_0(then)]
}

/// A linear congruential generator.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }
}

impl Decide for Random {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.below(options)
    }
}

/// Every choice is this one.
pub(crate) struct Always(pub(crate) usize);

impl Decide for Always {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.0.min(options - 1)
    }
}

/// How an execution went.
pub(crate) struct Outcome<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) world: World,
    pub(crate) events: Vec<Event>,
}

impl Outcome<'_> {
    /// Every mark, in order.
    pub(crate) fn marks(&self) -> Vec<String> {
        self.marks_and_tasks().into_iter().map(|(mark, _)| mark).collect()
    }

    /// Every mark with the name of the context that left it.
    pub(crate) fn marks_and_tasks(&self) -> Vec<(String, String)> {
        let marks = self.events.iter().filter_map(|event| match event.kind {
            EventKind::Acquire(lock, _) => {
                let name = self.plan.lock_name(&self.world, lock.raw());
                let task = self.plan.contexts()[event.origin.task.index()].name.clone();
                name.strip_prefix('!').map(|mark| (mark.to_owned(), task))
            }
            _ => None,
        });
        marks.collect()
    }

    pub(crate) fn count(&self, mark: &str) -> usize {
        self.marks().iter().filter(|known| *known == mark).count()
    }

    /// Position of the first such mark.
    pub(crate) fn position(&self, mark: &str) -> Option<usize> {
        self.marks().iter().position(|known| known == mark)
    }

    /// Whether the first `before` comes before the first `after`, both being there.
    pub(crate) fn in_order(&self, before: &str, after: &str) -> bool {
        matches!((self.position(before), self.position(after)), (Some(before), Some(after)) if before < after)
    }

    /// Codes of the rules that were broken.
    pub(crate) fn broken(&self) -> Vec<&'static str> {
        let rules = self.events.iter().filter_map(|event| match event.kind {
            EventKind::Broken(rule, ..) => Some(rule),
            _ => None,
        });
        rules.collect()
    }

    /// Somebody waits although nothing can happen any more.
    pub(crate) fn hangs(&self) -> bool {
        self.world.threads().iter().any(|thread| matches!(thread.state(), State::Blocked(_)))
    }

    /// State of the context of this name.
    pub(crate) fn state(&self, name: &str) -> State {
        let task = self.plan.contexts().iter().position(|context| context.name == name);
        self.world.threads()[task.expect("a context of that name")].state()
    }

    /// Acquisitions and releases of locks whose name contains `part`, as `+name` and `-name`.
    pub(crate) fn locks(&self, part: &str) -> Vec<String> {
        let name = |lock: ringfence_base::LockId| self.plan.lock_name(&self.world, lock.raw());
        let all = self.events.iter().filter_map(|event| match event.kind {
            EventKind::Acquire(lock, _) => Some(('+', name(lock))),
            EventKind::Release(lock) => Some(('-', name(lock))),
            _ => None,
        });
        all.filter(|(_, name)| name.contains(part)).map(|(sign, name)| format!("{sign}{name}")).collect()
    }
}

/// Somebody waits although nothing can happen any more.
pub(crate) fn hangs(outcome: &Outcome<'_>) -> bool {
    outcome.hangs()
}

/// One execution: each context as long as it can run, choices as given.
pub(crate) fn once_with<'p>(plan: &'p Plan, decide: &mut dyn Decide) -> Outcome<'p> {
    let (world, events) = run_with(plan, decide, |_| 0);
    Outcome { plan, world, events }
}

/// One execution: each context as long as it can run, choices the most ordinary ones.
pub(crate) fn once(plan: &Plan) -> Outcome<'_> {
    once_with(plan, &mut ringfence_base::Ordinary)
}

/// An execution of a random schedule.
pub(crate) fn random(plan: &Plan, seed: u64) -> Outcome<'_> {
    let (mut schedule, mut choices) = (Random(seed), Random(!seed));
    let (world, events) = run_with(plan, &mut choices, |actions| schedule.below(actions.len()));
    Outcome { plan, world, events }
}

/// How many random schedules a claim about all schedules is tried on.
pub(crate) const SCHEDULES: u64 = 2_000;

/// Random schedules: all of them end, nothing is broken, and the claim holds for each.
pub(crate) fn always(plan: &Plan, claim: impl Fn(&Outcome<'_>) -> bool) {
    for seed in 0..SCHEDULES {
        let outcome = random(plan, seed);
        assert!(!outcome.hangs(), "seed {seed} hangs: {:?}", outcome.marks());
        assert_eq!(outcome.broken(), Vec::<&str>::new(), "seed {seed}");
        assert!(claim(&outcome), "seed {seed}: {:?}", outcome.marks());
    }
}

/// Some random schedule of which this is true.
pub(crate) fn sometimes(plan: &Plan, claim: impl Fn(&Outcome<'_>) -> bool) {
    assert!((0..SCHEDULES).any(|seed| claim(&random(plan, seed))), "no schedule does that");
}

/// No random schedule of which this is true.
pub(crate) fn never(plan: &Plan, claim: impl Fn(&Outcome<'_>) -> bool) {
    for seed in 0..SCHEDULES {
        let outcome = random(plan, seed);
        assert!(!claim(&outcome), "seed {seed}: {:?}", outcome.marks());
    }
}

/// The most of these functions that are inside at once, and whether any is inside twice.
pub(crate) fn nesting(marks: &[String], functions: &[&str]) -> (usize, bool) {
    let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut most, mut twice) = (0, false);
    for mark in marks {
        let (name, sign) = mark.split_at(mark.len() - 1);
        let Some(&function) = functions.iter().find(|&&function| function == name) else { continue };
        let depth = inside.entry(function).or_default();
        *depth = if sign == "+" { *depth + 1 } else { *depth - 1 };
        twice |= *depth > 1;
        most = most.max(inside.values().sum());
    }
    (most, twice)
}
