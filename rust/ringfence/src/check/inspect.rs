//! One execution to look at: its steps, its events, and the world at any point of it.

use ringfence_base::scenario::{Kind, Scenario, ScenarioError};
use ringfence_base::{ChoiceKind, Decide, Digester, End, Event, EventKind, Recorded};
use ringfence_diag::{Finding, HeldView, PlaceView, StepView};
use ringfence_explore::{Limits, Misfit, Recording, Replay, Steps, Strategy};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::{Action, Plan, State, World};
use serde::Serialize;

use super::describe::Describe;
use super::execution::{Executor, plan};
use super::fit::Fit;
use super::made::Made;
use super::options::Options;
use super::recording::{Outcome, Telling};
use super::report::findings_of;
use super::schedule::Schedule;
use super::step::Recorder;

/// An execution.
#[derive(Clone, Debug)]
pub struct Execution {
    steps: Vec<StepView>,
    events: Vec<Event>,
    choices: Vec<u32>,
    needs: Vec<&'static str>,
    end: End,
    misfit: Option<Misfit>,
    recorded: Recorded,
    fit: Option<Fit>,
}

/// A context at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ThreadView {
    /// Its name.
    pub name: String,
    /// `ready`, `blocked`, `idle` or `done`.
    pub state: &'static str,
    /// What it waits for, if it is blocked.
    pub waits_for: Option<String>,
    /// What it is inside of, outermost first.
    pub inside: Vec<String>,
    /// What it holds, oldest first.
    pub held: Vec<HeldView>,
    /// Where its open signalling sections began.
    pub sections: Vec<PlaceView>,
    /// The operation it is at.
    pub at: PlaceView,
}

/// A fence at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FenceView {
    /// Its name; made-up for one that was made at run time.
    pub name: String,
    /// `driver`, `array`, `chain`, `sw_sync` or `stub`.
    pub sort: &'static str,
    /// Its context and its number in it.
    pub context: u64,
    /// Its number.
    pub seqno: u64,
    /// `unsignaled`, `signaled` or `freed`.
    pub state: &'static str,
    /// 0, or a negative errno.
    pub error: i32,
    /// Others know it.
    pub published: bool,
    /// References.
    pub refs: u32,
}

/// The world at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Snapshot {
    /// How many steps were taken.
    pub steps: u64,
    /// Virtual nanoseconds since the start.
    pub now: u64,
    /// All contexts that have anything to do with the scenario so far.
    pub threads: Vec<ThreadView>,
    /// All fences but the stub.
    pub fences: Vec<FenceView>,
    /// Shared variables by name.
    pub cells: Vec<(String, i64)>,
}

/// Notes which freedoms of the environment a strategy has taken.
struct Noting<S> {
    strategy: S,
    unusual: Vec<&'static str>,
    /// Time may overtake contexts. Otherwise what is due at the same time comes without any need.
    early: bool,
}

impl<S: Strategy> Decide for Noting<S> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let choice = self.strategy.decide(kind, options);
        let part = match kind {
            ChoiceKind::Trylock => Some("trylock_failure"),
            ChoiceKind::Interrupted => Some("interrupts_waits"),
            ChoiceKind::DeadlockInjection => Some("deadlock_injection"),
            ChoiceKind::WorkerCreation => Some("memory_pressure"),
            ChoiceKind::PageFault | ChoiceKind::Reclaim => Some("user_memory"),
            ChoiceKind::GpuHang => Some("gpu_hangs"),
            ChoiceKind::GpuIrq => Some("irq_loss"),
            ChoiceKind::GpuReset => Some("reset_failure"),
            _ => None,
        };
        if choice != 0 {
            self.unusual.extend(part);
        }
        choice
    }
}

impl<S: Strategy> Strategy for Noting<S> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let pick = self.strategy.schedule(actions);
        if self.early && actions[pick] == Action::Expire && actions.len() > 1 {
            self.unusual.push("early_timeouts");
        }
        pick
    }

    #[inline]
    fn follow(&mut self, action: Action) {
        self.strategy.follow(action);
    }

    fn misfit(&self) -> Option<Misfit> {
        self.strategy.misfit()
    }
}

impl Execution {
    /// Runs a scenario under one schedule. `go_on` is asked now and then; if it says false, the execution ends there.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn of(
        scenario: &Scenario,
        profile: Profile,
        schedule: &Schedule,
        steps_max: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, ScenarioError> {
        let plan = plan(scenario, profile)?;
        let limits = Limits { steps_max, go_on: Some(go_on) };
        Ok(Self::run(&plan, profile, Made::from(schedule), Some(schedule), &Steps::default(), limits).0)
    }

    /// Runs these choices, and goes on run-to-completion behind their end.
    pub(super) fn replay(plan: &Plan, profile: Profile, choices: Vec<u32>, steps_max: u64) -> Self {
        let limits = Limits::steps(steps_max);
        Self::run(plan, profile, Replay::new(choices), None, &Steps::default(), limits).0
    }

    /// Runs a strategy, which may know the steps, to the end; and gives it back. `by` is its name, if it has one.
    pub(super) fn run<S: Strategy>(
        plan: &Plan,
        profile: Profile,
        strategy: S,
        by: Option<&Schedule>,
        steps: &Steps,
        limits: Limits<'_>,
    ) -> (Self, S) {
        let mut executor = Executor::new(plan, profile);
        let early = plan.scenario().environment.early_timeouts;
        let strategy = Recording::new(strategy, steps);
        let mut strategy = Noting { strategy, unusual: Vec::new(), early };
        let mut watch = Telling { watch: Recorder::new(plan), steps, events: Digester::default() };
        let end = executor.run_within(&mut strategy, limits, &mut watch);
        let Telling { watch: Recorder { steps, events: all, .. }, events, .. } = watch;
        let misfit = strategy.misfit();
        let Noting { strategy, unusual: mut needs, .. } = strategy;
        let (strategy, deviations) = strategy.finish();
        for event in &all {
            match event.kind {
                EventKind::FsReclaimAcquire(_) => needs.push("memory_pressure"),
                EventKind::Allocated(false) => needs.push("allocation_failure"),
                EventKind::SignalPending if plan.scenario().environment.process_kill => {
                    needs.push("process_kill");
                }
                _ => {}
            }
        }
        needs.sort_unstable();
        needs.dedup();
        let outcome = Outcome { end, steps: executor.steps(), events, deviations };
        let recorded = outcome.recorded(plan, profile, by);
        let choices = executor.trail().choices.clone();
        (Self { steps, events: all, choices, needs, end, misfit, recorded, fit: None }, strategy)
    }

    /// The same, compared with what was recorded.
    pub(super) fn with_fit(self, fit: Fit) -> Self {
        Self { fit: Some(fit), ..self }
    }

    /// How it compares with what was recorded, if it was replayed.
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }

    /// All that it takes to have it again; its text is the replay string.
    pub fn recorded(&self) -> &Recorded {
        &self.recorded
    }

    /// The world after so many steps of this execution: it is run again up to there.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn snapshot(
        &self,
        scenario: &Scenario,
        profile: Profile,
        steps: u64,
    ) -> Result<Snapshot, ScenarioError> {
        let plan = plan(scenario, profile)?;
        let mut executor = Executor::new(&plan, profile);
        executor.run(&mut Replay::new(self.choices.clone()), steps);
        Ok(snapshot(&plan, executor.world(), executor.steps()))
    }

    /// What it breaks: the three judges on this execution alone.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn findings(&self, scenario: &Scenario, profile: Profile) -> Result<Vec<Finding>, ScenarioError> {
        let plan = plan(scenario, profile)?;
        let cut_off = u64::from(self.end != End::Bound);
        let options = Options { profile, steps_max: self.steps.len() as u64 + cut_off, ..Options::default() };
        Ok(findings_of(&plan, &options, self.choices.clone()))
    }

    /// The first choice of its schedule that was not possible.
    pub fn misfit(&self) -> Option<Misfit> {
        self.misfit
    }

    /// Parts of the environment that the execution made use of.
    pub fn needs(&self) -> Vec<String> {
        self.needs.iter().map(|&part| part.to_owned()).collect()
    }

    /// The choices that it took: of each point with more than one possibility, which.
    pub fn choices(&self) -> &[u32] {
        &self.choices
    }

    /// All steps.
    pub fn steps(&self) -> &[StepView] {
        &self.steps
    }

    /// All steps.
    pub fn into_steps(self) -> Vec<StepView> {
        self.steps
    }

    /// All events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How it ended.
    pub fn end(&self) -> End {
        self.end
    }
}

fn snapshot(plan: &Plan, world: &World, steps: u64) -> Snapshot {
    let describe = Describe { plan };
    let thread = |(task, thread): (usize, &ringfence_model::Thread)| {
        let task = task as u32;
        let (state, waits_for) = match thread.state() {
            State::Ready => ("ready", None),
            State::Blocked(wait) => ("blocked", Some(describe.wait(world, wait))),
            State::Idle => ("idle", None),
            State::Done => ("done", None),
        };
        ThreadView {
            name: describe.context(task),
            state,
            waits_for,
            inside: world.inside(plan, task),
            held: thread.held().iter().map(|held| describe.held(world, task, held)).collect(),
            sections: thread
                .sections()
                .iter()
                .map(|section| describe.place_of(task, section.site, steps))
                .collect(),
            at: describe.place_of(task, thread.site(), steps),
        }
    };
    let fence = |fence: ringfence_model::FenceState| FenceView {
        name: world.fence_name(plan, fence.index),
        sort: fence.sort,
        context: fence.context,
        seqno: fence.seqno,
        state: match fence {
            _ if fence.freed => "freed",
            _ if fence.signaled => "signaled",
            _ => "unsignaled",
        },
        error: fence.error,
        published: fence.published,
        refs: fence.refs,
    };
    let cell = |(index, &value): (usize, &i64)| (plan.object_name(Kind::Cell, index as u32), value);
    Snapshot {
        steps,
        now: world.now(),
        threads: world.threads().iter().enumerate().map(thread).collect(),
        fences: world.fences().filter(|fence| fence.sort != "stub").map(fence).collect(),
        cells: world.cells().iter().enumerate().map(cell).collect(),
    }
}
