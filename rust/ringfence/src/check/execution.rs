//! One execution after the other: a world that is reset in place, and the three judges over its events.

use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_base::{ChoiceKind, Decide, Event};
use ringfence_lockdep::annotations::{Annotation, Profile};
use ringfence_model::judge::{Hang, Monitor, hangs};
use ringfence_model::{Action, KernelVersion, Plan, State, World};

use super::strategy::Strategy;
use super::validator_judge::ValidatorJudge;

/// How an execution ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Every thread has returned, and everything that was set off has run.
    Finished,
    /// Nothing can happen any more, but somebody still waits.
    Hung,
    /// The bound on steps was reached.
    Bound,
    /// Whoever wanted it does not any more.
    Interrupted,
}

/// Steps between two questions whether the execution is still wanted: little enough for a person to wait.
const ASK_EVERY: u64 = 4096;

/// The scenario made ready to run on this kernel: without `CONFIG_MMU_NOTIFIER` nobody has a notifier.
pub(super) fn plan(scenario: &Scenario, profile: Profile) -> Result<Plan, ScenarioError> {
    // The later annotation came with the later fences.
    let version = match profile.annotation {
        Annotation::Read => KernelVersion::V6_12,
        Annotation::ReadTrylock => KernelVersion::Next,
    };
    let plan = if profile.mmu_notifier || !scenario.environment.foreign_notifier {
        Plan::new(scenario)?
    } else {
        let mut scenario = scenario.clone();
        scenario.environment.foreign_notifier = false;
        Plan::new(&scenario)?
    }
    .with_version(version);
    Ok(if profile.strict { plan } else { plan.without_strict_mode() })
}

/// Runs executions.
pub struct Executor<'p> {
    plan: &'p Plan,
    world: World,
    judge: ValidatorJudge,
    monitor: Monitor,
    events: Vec<Event>,
    actions: Vec<Action>,
    choices: Vec<u32>,
    steps: u64,
    hangs: Vec<Hang>,
    /// Problems of the validator that this execution met, by index, with the step.
    problems: Vec<(usize, u64)>,
    go_on: Option<&'p (dyn Fn() -> bool + Sync)>,
}

/// Sees each step of an execution.
pub trait Watch {
    /// Before the step.
    #[inline]
    fn before(&mut self, _: &Executor<'_>, _: Action) {}

    /// After it.
    #[inline]
    fn after(&mut self, _: &Executor<'_>, _: Action) {}
}

/// Nobody watches.
impl Watch for () {}

/// Records the choices that a strategy makes.
struct Recording<'a, S> {
    strategy: &'a mut S,
    choices: &'a mut Vec<u32>,
}

impl<S: Strategy> Decide for Recording<'_, S> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let choice = self.strategy.decide(kind, options);
        self.choices.push(choice as u32);
        choice
    }
}

impl<'p> Executor<'p> {
    /// The judges know nothing yet, besides what the kernel teaches its validator at boot.
    pub fn new(plan: &'p Plan, profile: Profile) -> Self {
        Self {
            plan,
            world: plan.initial().clone(),
            judge: ValidatorJudge::new(plan, profile),
            monitor: Monitor::new(profile.mmu_notifier),
            events: Vec::new(),
            actions: Vec::new(),
            choices: Vec::new(),
            steps: 0,
            hangs: Vec::new(),
            problems: Vec::new(),
            go_on: None,
        }
    }

    /// Asks now and then whether the execution is still wanted.
    #[must_use]
    pub fn asking(mut self, go_on: &'p (dyn Fn() -> bool + Sync)) -> Self {
        self.go_on = Some(go_on);
        self
    }

    /// Runs one execution, at most so many steps of it.
    pub fn run(&mut self, strategy: &mut impl Strategy, steps_max: u64) -> End {
        self.run_watched(strategy, steps_max, &mut ())
    }

    /// As [`Executor::run`], under somebody's eyes.
    pub fn run_watched(
        &mut self,
        strategy: &mut impl Strategy,
        steps_max: u64,
        watch: &mut impl Watch,
    ) -> End {
        self.restart();
        loop {
            self.world.enabled(self.plan, &mut self.actions);
            if self.actions.is_empty() {
                return self.over();
            }
            if self.steps == steps_max {
                return End::Bound;
            }
            if self.steps % ASK_EVERY == ASK_EVERY - 1 && self.go_on.is_some_and(|go_on| !go_on()) {
                return End::Interrupted;
            }
            let pick = match self.actions.len() {
                1 => 0,
                _ => {
                    let pick = strategy.schedule(&self.actions);
                    self.choices.push(pick as u32);
                    pick
                }
            };
            let action = self.actions[pick];
            watch.before(self, action);
            self.step(action, strategy);
            watch.after(self, action);
        }
    }

    /// Back to the first step. What the validator has learnt stays.
    pub fn restart(&mut self) {
        self.world.clone_from(self.plan.initial());
        self.judge.restart();
        self.monitor.restart(self.plan);
        self.events.clear();
        self.choices.clear();
        self.hangs.clear();
        self.problems.clear();
        self.steps = 0;
    }

    /// One step, with the judges.
    #[inline]
    fn step(&mut self, action: Action, strategy: &mut impl Strategy) {
        let mut recording = Recording { strategy, choices: &mut self.choices };
        self.events.clear();
        self.world.step(self.plan, action, self.steps, &mut self.events, &mut recording);
        for event in &self.events {
            if event.origin.task.raw() == u32::MAX {
                self.monitor.observe_time(self.plan, &self.world, event);
                continue;
            }
            if self.judge.observe(self.plan, &self.world, event) != 0 {
                let reported = self.judge.kernel().validator().reported();
                self.problems.extend(reported.iter().map(|&problem| (problem, self.steps)));
            }
            self.monitor.observe(self.plan, &self.world, event);
        }
        self.steps += 1;
    }

    fn over(&mut self) -> End {
        let hung = self.world.threads().iter().any(|thread| matches!(thread.state(), State::Blocked(_)));
        if hung {
            self.hangs = hangs(self.plan, &self.world);
            for hang in &mut self.hangs {
                self.monitor.refine(self.plan, &self.world, hang);
            }
        }
        self.monitor.end(self.plan, &self.world, self.steps, hung);
        if hung { End::Hung } else { End::Finished }
    }

    /// The choices of the latest execution: of each point with more than one possibility, which was taken.
    pub fn choices(&self) -> &[u32] {
        &self.choices
    }

    /// Steps of the latest execution.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Its final world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What its final world waits for in vain.
    pub fn hangs(&self) -> &[Hang] {
        &self.hangs
    }

    /// The validator problems it met: index, and number of the step.
    pub fn problems(&self) -> &[(usize, u64)] {
        &self.problems
    }

    /// The monitors.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The validator.
    pub fn judge(&self) -> &ValidatorJudge {
        &self.judge
    }

    /// Events of the latest step.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}
