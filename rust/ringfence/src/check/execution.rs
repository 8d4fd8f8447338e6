//! One execution after the other: a world that is reset in place, and the three judges over its events.

use ringfence_base::scenario::{Scenario, ScenarioError};
use ringfence_base::{Action, Decide, Dependent, End, Event, EventKind, Footprint, Located, SiteId, System};
use ringfence_explore::{Limits, Runner, Strategy, Trail, Watch};
use ringfence_lockdep::annotations::{Annotation, Profile};
use ringfence_model::judge::{Hang, Monitor, hangs};
use ringfence_model::{Foreknown, KernelVersion, Plan, State, World};

use super::validator_judge::ValidatorJudge;

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
    runner: Runner,
    steps: u64,
    hangs: Vec<Hang>,
    /// Problems of the validator that this execution met, by index, with the step.
    problems: Vec<(usize, u64)>,
    tracking: bool,
    /// The latest step, and what was known of it before.
    latest: (Action, Foreknown),
    /// [`World::only_ready`] of the enabled actions that were asked for last.
    listed: u64,
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
            runner: Runner::default(),
            steps: 0,
            hangs: Vec::new(),
            problems: Vec::new(),
            tracking: false,
            latest: (Action::Expire, Foreknown::default()),
            listed: 0,
        }
    }

    /// Runs one execution, at most so many steps of it.
    pub fn run(&mut self, strategy: &mut impl Strategy, steps_max: u64) -> End {
        self.run_within(strategy, Limits::steps(steps_max), &mut ())
    }

    /// As [`Executor::run`], within other limits too, under somebody's eyes.
    pub fn run_within(
        &mut self,
        strategy: &mut impl Strategy,
        limits: Limits<'_>,
        watch: &mut impl Watch<Self>,
    ) -> End {
        let mut runner = std::mem::take(&mut self.runner);
        let end = runner.run(self, strategy, limits, watch);
        self.runner = runner;
        end
    }

    /// The latest execution that [`Executor::run`] has run.
    pub fn trail(&self) -> &Trail {
        self.runner.trail()
    }

    /// What it runs.
    pub fn plan(&self) -> &'p Plan {
        self.plan
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

    /// The judges look at the events of the latest step.
    #[inline]
    fn judge_events(&mut self) {
        let Self { plan, world, judge, monitor, events, problems, steps, .. } = self;
        for event in &*events {
            let origin = event.origin;
            if origin.task.raw() == u32::MAX {
                monitor.observe_time(plan, world, event);
                continue;
            }
            // Nearly all events are of the first two sorts: both judges are told of them in one place.
            let reported = match &event.kind {
                &EventKind::Acquire(lock, flags) => {
                    let reported = judge.acquire(plan, world, origin, lock, flags);
                    monitor.acquired(plan, world, origin, lock, flags);
                    reported
                }
                &EventKind::Release(lock) => {
                    let reported = judge.release(plan, world, origin, lock);
                    monitor.released(world, origin, lock);
                    reported
                }
                // Nobody's business, and in every execution.
                EventKind::Block(_) | EventKind::Exit => continue,
                _ => {
                    let reported = judge.observe_rare(plan, world, event);
                    monitor.observe_rare(plan, world, event);
                    reported
                }
            };
            if reported != 0 {
                let reported = judge.kernel().validator().reported();
                problems.extend(reported.iter().map(|&problem| (problem, *steps)));
            }
        }
    }
}

impl System for Executor<'_> {
    /// Back to the first step. What the validator has learnt stays.
    fn restart(&mut self) {
        self.world.restart(self.plan.initial());
        self.judge.restart();
        self.monitor.restart(self.plan);
        self.events.clear();
        self.hangs.clear();
        self.problems.clear();
        self.steps = 0;
    }

    #[inline]
    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.listed = self.world.only_ready();
        self.world.enabled(self.plan, actions);
    }

    #[inline]
    fn enabled_again(&mut self, actions: &mut Vec<Action>) {
        if self.listed == 0 || self.listed != self.world.only_ready() {
            self.enabled(actions);
        }
    }

    /// One step, with the judges.
    #[inline]
    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.events.clear();
        if self.tracking {
            self.latest = (action, self.world.before_step(self.plan, action));
            self.monitor.before_step();
        }
        self.world.step(self.plan, action, self.steps, &mut self.events, decide);
        self.judge_events();
        self.steps += 1;
    }

    fn over(&mut self) -> End {
        over(self.plan, &self.world, &mut self.monitor, self.steps, &mut self.hangs)
    }
}

/// Nothing can happen any more: the wait-for graph and the monitors judge the end.
pub(super) fn over(plan: &Plan, world: &World, monitor: &mut Monitor, step: u64, of: &mut Vec<Hang>) -> End {
    let hung = world.threads().iter().any(|thread| matches!(thread.state(), State::Blocked(_)));
    if hung {
        *of = hangs(plan, world);
        for hang in of {
            monitor.refine(plan, world, hang);
        }
    }
    monitor.end(plan, world, step, hung);
    if hung { End::Hung } else { End::Finished }
}

/// The monitors are told what has happened; whether a context has done it.
#[inline]
pub(super) fn observe(monitor: &mut Monitor, plan: &Plan, world: &World, event: &Event) {
    if event.origin.task.raw() == u32::MAX {
        monitor.observe_time(plan, world, event);
    } else {
        monitor.observe(plan, world, event);
    }
}

/// What the validator remembers of earlier executions is nobody's resource: it says the same of every order of
/// independent steps, once it has seen one.
impl Dependent for Executor<'_> {
    fn track(&mut self, on: bool) {
        self.tracking = on;
    }

    fn footprint(&mut self, footprint: &mut Footprint) {
        let (action, before) = self.latest;
        let end = self.world.footprint(self.plan, action, before, footprint);
        self.monitor.add_uses(end, footprint);
    }

    fn only_waits(&mut self, action: Action) -> bool {
        self.world.only_waits(self.plan, action)
    }
}

impl Located for Executor<'_> {
    fn site(&mut self, action: Action) -> SiteId {
        match action {
            Action::Run(task) => self.world.next_site(self.plan, task),
            Action::Interrupt { .. } | Action::Expire => SiteId::UNKNOWN,
        }
    }
}
