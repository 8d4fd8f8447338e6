//! What is confirmed is made as small as it can be: first its schedule, then the scenario around it, then the schedule
//! of the smaller scenario, until neither gets any smaller. Every pass keeps the same finding.

mod afresh;
mod edit;
mod pairs;
mod reduce;
mod same;
mod translate;
mod trial;

use ringfence_base::scenario::Scenario;
use ringfence_diag::Finding;
use ringfence_explore::minimise::{
    Deviation, Effort, Minimal, Minimality, Spent, minimise as minimise_schedule,
};
use ringfence_explore::{Limits, Replay, Runner};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use self::afresh::Afresh;
use self::reduce::reduce;
use self::same::Same;
use self::trial::Trial;
use super::Options;
use super::execution::plan;

/// What the schedule may cost, each time that it is made smaller.
const SCHEDULE: Effort = Effort { executions: 20_000, steps: 2_000_000 };
/// And before the scenario is made smaller, which changes it anyway.
const FIRST: Effort = Effort { executions: 2_000, steps: 200_000 };
/// What the scenario may cost.
const SCENARIO: u64 = 200_000;

/// A finding in the smallest scenario, on the smallest schedule, that show it.
#[derive(Clone, PartialEq, Debug)]
pub struct Minimised {
    /// The scenario; its sites are those of the original.
    pub scenario: Scenario,
    /// The choices of its schedule, up to where it shows.
    pub choices: Vec<u32>,
    /// The steps up to there.
    pub steps: u64,
    /// Where the schedule is not the ordinary one.
    pub deviations: Vec<Deviation>,
    /// Whether the scenario has a smaller schedule.
    pub minimality: Minimality,
    /// What it took.
    pub spent: Spent,
}

/// Makes the scenario of a finding and its schedule smaller. `choices` are those of the execution that the finding
/// tells of. `None`: that execution alone does not show it, as with what the validator concludes from several. Once
/// `go_on` says no, the smallest so far.
pub fn minimise(
    scenario: &Scenario,
    finding: &Finding,
    choices: &[u32],
    options: &Options,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Option<Minimised> {
    let limits = Limits { steps_max: options.steps_max, go_on: Some(go_on) };
    let first = plan(scenario, options.profile).ok()?;
    let same = &identify(&first, options.profile, finding, choices, limits)?;
    let (minimal, spent) = schedule(&first, options.profile, same, choices, limits, FIRST);
    let mut trial = Trial::new(same, options.profile, limits, scenario.clone(), &first, minimal?);
    trial.executions_max = SCENARIO;
    trial.add(spent);
    loop {
        let before = trial.scenario.clone();
        let enough = reduce(&mut trial).is_err();
        let smaller = plan(&trial.scenario, options.profile).ok()?;
        let choices = &trial.minimal.choices;
        let (found, spent) = schedule(&smaller, options.profile, same, choices, limits, SCHEDULE);
        trial.add(spent);
        trial.follow(&smaller, found?);
        if enough || trial.scenario == before {
            break;
        }
    }
    let Trial { scenario, minimal, spent, .. } = trial;
    let Minimal { choices, steps, deviations, minimality, .. } = minimal;
    Some(Minimised { scenario, choices, steps, deviations, minimality, spent })
}

/// What the finding is about.
fn identify(
    plan: &Plan,
    profile: Profile,
    finding: &Finding,
    choices: &[u32],
    limits: Limits<'_>,
) -> Option<Same> {
    let mut system = Afresh::new(plan, profile, false);
    Runner::default().run(&mut system, &mut Replay::new(choices.to_vec()), limits, &mut ());
    Same::of(plan, &system.executor, finding)
}

/// A smaller schedule for the same.
fn schedule(
    plan: &Plan,
    profile: Profile,
    same: &Same,
    choices: &[u32],
    limits: Limits<'_>,
    effort: Effort,
) -> (Option<Minimal>, Spent) {
    let mut system = Afresh::new(plan, profile, same.is_of_validator());
    minimise_schedule(&mut system, choices, limits, effort, |system, end| {
        same.shows(plan, &system.executor, end)
    })
}
