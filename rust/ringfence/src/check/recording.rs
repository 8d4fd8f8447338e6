//! An execution as a replay string.

use core::fmt::Write as _;

use ringfence_base::{Course, Deviations, Digester, End, Event, Recorded};
use ringfence_explore::{Steps, Watch};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::{Action, MODEL_VERSION, Plan};

use super::execution::Executor;
use super::profile_bits;
use super::schedule::Schedule;

/// Longer strings name the strategy instead, if there is one: it says less where the scenario has been edited, but
/// always fits into a line.
const LONG: usize = 200;

/// Tells the steps of an execution to its strategies, and digests its events.
pub(super) struct Telling<'a, W> {
    pub(super) watch: W,
    pub(super) steps: &'a Steps,
    pub(super) events: Digester,
}

impl<'p, W: Watch<Executor<'p>>> Watch<Executor<'p>> for Telling<'_, W> {
    fn before(&mut self, executor: &Executor<'p>, action: Action) {
        self.steps.begin(action);
        self.watch.before(executor, action);
    }

    fn after(&mut self, executor: &Executor<'p>, action: Action) {
        for event in executor.events() {
            digest(&mut self.events, event);
        }
        self.watch.after(executor, action);
    }
}

/// What happened, but not where in the source it stands.
fn digest(digester: &mut Digester, event: &Event) {
    let Event { origin, kind } = event;
    let written = writeln!(digester, "{} {} {kind:?}", origin.op, origin.task.raw());
    written.expect("engine bug: a digest can't be written to");
}

/// What an execution of this plan was.
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) steps: u64,
    pub(super) events: Digester,
    pub(super) deviations: Deviations,
}

impl Outcome {
    /// All that it takes to have it again. `by` made its choices.
    pub(super) fn recorded(self, plan: &Plan, profile: Profile, by: Option<&Schedule>) -> Recorded {
        let Self { end, steps, events, deviations } = self;
        let recorded = Recorded {
            model: MODEL_VERSION,
            profile: profile_bits::to_bits(profile),
            scenario: plan.scenario().identity(),
            end: end.into(),
            steps,
            events: events.finish(),
            course: Course::Except(deviations),
        };
        let course = match by {
            Some(Schedule::RoundRobin) => Course::RoundRobin,
            Some(Schedule::Random(seed)) => Course::Random(*seed),
            Some(Schedule::RunToCompletion | Schedule::Choices(_)) | None => return recorded,
        };
        if recorded.to_string().len() <= LONG { recorded } else { Recorded { course, ..recorded } }
    }
}
