//! Running any scenario, sensible or not, with everything watched: for random tests.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::check::{End, Executor, Limits, Random, RoundRobin, RunToCompletion, Strategy, Watch};
use ringfence::model::{Action, Plan};
use ringfence_base::rng::Rng;
use ringfence_base::scenario::random::random_scenario;
use ringfence_base::scenario::{Op, Scenario, Stmt};
use ringfence_base::{Event, EventKind};
use ringfence_lockdep::annotations::Profile;

/// Looks at the world, and at what happened, after every step.
struct Invariants<'a> {
    plan: &'a Plan,
    history: History,
}

impl<'p> Watch<Executor<'p>> for Invariants<'_> {
    fn after(&mut self, executor: &Executor<'p>, action: Action) {
        for event in executor.events() {
            assert_eq!(event.origin.op, executor.steps() - 1, "an event of another step: {event:?}");
            self.history.take(event);
        }
        if let Err(what) = executor.world().check_invariants(self.plan) {
            panic!("after step {}, {action:?}: {what}", executor.steps() - 1);
        }
    }
}

/// How often executions ended in which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Survey {
    pub(crate) finished: u64,
    pub(crate) hung: u64,
    pub(crate) bound: u64,
    pub(crate) steps: u64,
    pub(crate) breaches: u64,
    pub(crate) problems: u64,
}

impl Survey {
    pub(crate) fn executions(&self) -> u64 {
        self.finished + self.hung + self.bound
    }

    /// Adds what another one counted.
    pub(crate) fn add(&mut self, other: Self) {
        self.finished += other.finished;
        self.hung += other.hung;
        self.bound += other.bound;
        self.steps += other.steps;
        self.breaches += other.breaches;
        self.problems += other.problems;
    }

    fn one(&mut self, executor: &mut Executor<'_>, plan: &Plan, strategy: &mut impl Strategy, bound: u64) {
        let end = executor.run_within(
            strategy,
            Limits::steps(bound),
            &mut Invariants { plan, history: History::default() },
        );
        match end {
            End::Finished => self.finished += 1,
            End::Hung => {
                self.hung += 1;
                assert!(!executor.hangs().is_empty(), "somebody waits for ever, and no hang is reported");
            }
            End::Bound | End::Interrupted => self.bound += 1,
        }
        self.steps += executor.steps();
        self.breaches += executor.monitor().breaches().len() as u64;
        self.problems += executor.problems().len() as u64;
    }
}

/// Runs a valid scenario on so many random schedules, besides ordered ones. Panics if anything is not as it should
/// be.
pub(crate) fn run_watched(scenario: &Scenario, seed: u64, random: u64, bound: u64) -> Survey {
    let plan = Plan::new(scenario).expect("a valid scenario");
    if let Err(what) = plan.initial().check_invariants(&plan) {
        panic!("before the first step: {what}");
    }
    let mut executor = Executor::new(&plan, Profile::default());
    let mut survey = Survey::default();
    survey.one(&mut executor, &plan, &mut RunToCompletion::new(0), bound);
    survey.one(&mut executor, &plan, &mut RoundRobin::default(), bound);
    for number in 0..random {
        survey.one(&mut executor, &plan, &mut Random::new(seed.wrapping_add(number)), bound);
    }
    survey
}

/// What happens once at most, and in which order.
#[derive(Default)]
struct History {
    now: u64,
    exited: BTreeSet<u32>,
    /// Per fence that was signaled: callbacks that ran since.
    signaled: BTreeMap<u32, u64>,
    freed: BTreeSet<u32>,
    /// Per task: interrupts that it serves, hard and soft.
    serving: BTreeMap<u32, (i32, i32)>,
}

impl History {
    fn take(&mut self, event: &Event) {
        let task = event.origin.task.raw();
        let serving = self.serving.entry(task).or_default();
        match event.kind {
            EventKind::Time(now) => {
                assert!(std::mem::replace(&mut self.now, now) < now, "time stands or goes back");
            }
            EventKind::Exit => assert!(self.exited.insert(task), "task {task} returns twice"),
            EventKind::FenceSignal(fence) => {
                assert!(self.signaled.insert(fence, 0).is_none(), "fence {fence} is signaled twice");
            }
            EventKind::FenceCallback(fence, callback) => {
                let ran = self.signaled.get_mut(&fence);
                *ran.unwrap_or_else(|| {
                    panic!("callback {callback} of fence {fence}, which is not signaled")
                }) += 1;
            }
            EventKind::FenceFree(fence) => assert!(self.freed.insert(fence), "fence {fence} is freed twice"),
            EventKind::HardirqEnter { .. } => serving.0 += 1,
            EventKind::HardirqExit => serving.0 -= 1,
            EventKind::SoftirqEnter => serving.1 += 1,
            EventKind::SoftirqExit => serving.1 -= 1,
            _ => assert!(!self.exited.contains(&task), "task {task} has returned: {event:?}"),
        }
        let serving = self.serving[&task];
        assert!(serving.0 >= 0 && serving.1 >= 0, "task {task} leaves an interrupt that it is not in");
    }
}

/// A random scenario in a random environment.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let mut rng = Rng::new(!seed);
    let size = 4 + rng.below(60);
    let mut scenario = random_scenario(seed, size);
    for part in ringfence_base::scenario::Environment::PARTS {
        if let Some(switch) = scenario.environment.part(part) {
            *switch = rng.percent(50);
        }
    }
    scenario
}

/// Operations of a random scenario are replaced by others of the same signature: what belongs together does so no
/// more, and the same objects are met again and again. Mostly valid.
pub(crate) fn twisted(seed: u64) -> Scenario {
    let mut scenario = scenario(seed);
    let mut rng = Rng::new(seed.wrapping_mul(3));
    let percent = 5 + rng.below(40);
    for program in &mut scenario.programs {
        twist(&mut program.body, &mut rng, percent);
    }
    scenario
}

fn twist(body: &mut [Stmt], rng: &mut Rng, percent: usize) {
    for stmt in body {
        match stmt {
            Stmt::Op(operation) if rng.percent(percent) => {
                let spec = operation.op.spec();
                let kinds = |op: Op| op.spec().args.iter().map(|arg| (arg.kinds, arg.nullable, arg.list));
                let alike = |op: &&Op| op.spec().result == spec.result && kinds(**op).eq(kinds(operation.op));
                let alike: Vec<Op> = Op::ALL.iter().filter(alike).copied().collect();
                operation.op = *rng.pick(&alike);
            }
            Stmt::If { then, otherwise, .. } => {
                twist(then, rng, percent);
                twist(otherwise, rng, percent);
            }
            Stmt::Loop { body, .. } => twist(body, rng, percent),
            _ => {}
        }
    }
}

/// Numbers that are easily forgotten.
const EXTREMES: [&str; 14] = [
    "0",
    "1",
    "-1",
    "2",
    "255",
    "256",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775807",
];

/// The JSON of a scenario with some numbers, and some other pieces, replaced by others: seldom valid.
pub(crate) fn mutated(json: &str, rng: &mut Rng) -> String {
    let mut text = json.to_owned();
    for _ in 0..=rng.below(3) {
        let numbers: Vec<(usize, usize)> = numbers(&text);
        if numbers.is_empty() {
            return text;
        }
        let &(start, end) = rng.pick(&numbers);
        let by = match rng.below(3) {
            0 => {
                let &(start, end) = rng.pick(&numbers);
                text[start..end].to_owned()
            }
            _ => (*rng.pick(&EXTREMES)).to_owned(),
        };
        text.replace_range(start..end, &by);
    }
    text
}

/// Where the numbers in a text are, outside of names.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut quoted) = (0, false);
    while at < bytes.len() {
        let start = at;
        at += 1;
        match bytes[start] {
            b'"' => quoted = !quoted,
            b'-' | b'0'..=b'9' if !quoted => {
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    at += 1;
                }
                found.push((start, at));
            }
            _ => {}
        }
    }
    found
}
