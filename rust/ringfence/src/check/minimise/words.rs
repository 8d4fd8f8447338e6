//! Deviations in the kernel's words.

use ringfence_base::scenario::Op;
use ringfence_base::{Action, ChoiceKind, Event, EventKind};
use ringfence_diag::DeviationView;
use ringfence_explore::minimise::{Chosen, Deviation, Minimal};
use ringfence_explore::{Limits, Replay, Runner, Watch};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use crate::check::describe::Describe;
use crate::check::execution::Executor;

/// Where the schedule is not the ordinary one. It is run once more, for what its steps did.
pub(super) fn deviations(plan: &Plan, profile: Profile, minimal: &Minimal) -> Vec<DeviationView> {
    let mut seen = Seen { deviations: &minimal.deviations, plan, views: Vec::new() };
    let mut executor = Executor::new(plan, profile);
    let mut replay = Replay::new(minimal.choices.clone());
    Runner::default().run(&mut executor, &mut replay, Limits::steps(minimal.steps), &mut seen);
    seen.views
}

/// Puts the deviations of each step into words when it is over.
struct Seen<'a> {
    deviations: &'a [Deviation],
    plan: &'a Plan,
    views: Vec<DeviationView>,
}

impl<'p> Watch<Executor<'p>> for Seen<'_> {
    fn after(&mut self, executor: &Executor<'p>, _: Action) {
        let step = executor.steps() - 1;
        while let Some((first, rest)) = self.deviations.split_first() {
            if first.step != step {
                return;
            }
            let words = Words { plan: self.plan };
            self.views.push(words.deviation(first, executor));
            self.deviations = rest;
        }
    }
}

struct Words<'a> {
    plan: &'a Plan,
}

impl Words<'_> {
    fn deviation(&self, deviation: &Deviation, executor: &Executor<'_>) -> DeviationView {
        let step = deviation.step;
        match deviation.what {
            Chosen::Party { taken, instead_of } => DeviationView {
                step,
                context: self.party(taken),
                instead_of: Some(self.party(instead_of)),
                what: self.instead(taken, instead_of),
            },
            Chosen::Decision { by, kind, value } => DeviationView {
                step,
                context: self.party(by),
                instead_of: None,
                what: decision(kind, value, executor.events()),
            },
        }
    }

    /// Who takes a step.
    fn party(&self, action: Action) -> String {
        let task = match action {
            Action::Run(task) | Action::Interrupt { host: task, .. } => task,
            Action::Expire => u32::MAX,
        };
        Describe { plan: self.plan }.context(task)
    }

    fn instead(&self, taken: Action, instead_of: Action) -> String {
        let (next, usual) = (self.party(taken), self.party(instead_of));
        match (taken, instead_of) {
            (Action::Interrupt { source, host }, Action::Run(task)) if host == task => {
                format!("{} arrives on {next}", self.plan.source_name(source))
            }
            (Action::Interrupt { source, .. }, _) => {
                format!("{} arrives before {usual} goes on", self.plan.source_name(source))
            }
            (Action::Expire, _) => format!("time moves on before {usual} does"),
            (Action::Run(_), Action::Interrupt { source, .. }) => {
                format!("{next} runs before {} arrives", self.plan.source_name(source))
            }
            (Action::Run(_), _) => format!("{next} runs instead of {usual}"),
        }
    }
}

/// What was decided in a step, as far as that is not to be seen from what happened in it.
fn decision(kind: ChoiceKind, value: u32, events: &[Event]) -> String {
    let happened = |what: fn(&EventKind) -> bool| events.iter().any(|event| what(&event.kind));
    match kind {
        ChoiceKind::Allocation if happened(|kind| matches!(kind, EventKind::FsReclaimAcquire(_))) => {
            "the allocation reclaims memory first".into()
        }
        ChoiceKind::Allocation if happened(|kind| matches!(kind, EventKind::Allocated(false))) => {
            "the allocation fails".into()
        }
        ChoiceKind::Allocation => "the allocation wakes kswapd".into(),
        ChoiceKind::Trylock => "the trylock fails though the lock is free".into(),
        ChoiceKind::Interrupted => "a signal interrupts the wait".into(),
        ChoiceKind::DeadlockInjection => {
            format!("{}() returns -EDEADLK without need", Op::WwMutexLock.name())
        }
        ChoiceKind::WorkerCreation => "there is no memory for a new worker".into(),
        ChoiceKind::PageFault => "user memory is not there and has to be faulted in".into(),
        ChoiceKind::ForeignFence => format!("the foreign driver takes published fence number {}", value + 1),
        ChoiceKind::Named => format!("the choice is {value}"),
        ChoiceKind::Reclaim => format!("reclaim takes user memory (range {value})"),
        ChoiceKind::GpuHang => "the work on the GPU hangs".into(),
        ChoiceKind::GpuIrq if value == 1 => "the interrupt of the GPU is lost".into(),
        ChoiceKind::GpuIrq => "the interrupt of the GPU comes late".into(),
        ChoiceKind::GpuReset => "the reset fails".into(),
        ChoiceKind::GpuRing => format!("the engine serves another ring first (number {value})"),
    }
}
