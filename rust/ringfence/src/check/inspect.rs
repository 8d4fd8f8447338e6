//! One execution to look at.

use ringfence_base::{ChoiceKind, Decide, Event, EventKind};
use ringfence_diag::StepView;
use ringfence_lockdep::annotations::Profile;
use ringfence_model::{Action, Plan};

use super::describe::Describe;
use super::execution::{End, Executor};
use super::strategy::{Replay, Strategy};

/// A replayed execution.
#[derive(Clone, Debug)]
pub struct Execution {
    steps: Vec<StepView>,
    events: Vec<Event>,
    choices: Vec<u32>,
    needs: Vec<&'static str>,
    end: End,
}

/// Notes which freedoms of the environment a strategy has taken.
struct Noting<S> {
    strategy: S,
    unusual: Vec<&'static str>,
}

impl<S: Strategy> Decide for Noting<S> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let choice = self.strategy.decide(kind, options);
        let part = match kind {
            ChoiceKind::Trylock => Some("trylock_failure"),
            ChoiceKind::Interrupted => Some("interrupts_waits"),
            ChoiceKind::DeadlockInjection => Some("deadlock_injection"),
            ChoiceKind::WorkerCreation => Some("memory_pressure"),
            ChoiceKind::PageFault => Some("user_memory"),
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
        if actions[pick] == Action::Expire && actions.len() > 1 {
            self.unusual.push("early_timeouts");
        }
        pick
    }
}

impl Execution {
    /// Runs these choices, and goes on run-to-completion behind their end.
    pub fn replay(plan: &Plan, profile: Profile, choices: Vec<u32>, steps_max: u64) -> Self {
        let strategy = Noting { strategy: Replay::new(choices), unusual: Vec::new() };
        Self::run(plan, profile, strategy, steps_max)
    }

    fn run<S: Strategy>(plan: &Plan, profile: Profile, mut strategy: Noting<S>, steps_max: u64) -> Self {
        let mut executor = Executor::new(plan, profile);
        let (mut steps, mut all) = (Vec::new(), Vec::new());
        let describe = Describe { plan };
        let mut watch = |executor: &Executor<'_>, task: u32| {
            let number = executor.steps() - 1;
            steps.push(describe.step(executor.world(), number, task, executor.events()));
            all.extend_from_slice(executor.events());
        };
        let end = executor.run_watched(&mut strategy, steps_max, &mut watch);
        let mut needs = strategy.unusual;
        for event in &all {
            match event.kind {
                EventKind::FsReclaimAcquire(_) => needs.push("memory_pressure"),
                EventKind::Allocated(false) => needs.push("allocation_failure"),
                _ => {}
            }
        }
        needs.sort_unstable();
        needs.dedup();
        Self { steps, events: all, choices: executor.choices().to_vec(), needs, end }
    }

    /// Parts of the environment that the execution made use of.
    pub fn needs(&self) -> Vec<String> {
        self.needs.iter().map(|&part| part.to_owned()).collect()
    }

    /// The choices as text.
    pub fn schedule(&self) -> String {
        let choices: Vec<String> = self.choices.iter().map(u32::to_string).collect();
        choices.join(",")
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
