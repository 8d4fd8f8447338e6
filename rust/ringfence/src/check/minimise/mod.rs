//! What is confirmed is made as small as it can be: first its schedule, then the scenario around it, then the schedule
//! of the smaller scenario, until neither gets any smaller. Every pass keeps the same finding.

mod afresh;
mod edit;
mod pairs;
mod reduce;
mod same;
mod translate;
mod trial;
mod words;

use ringfence_base::scenario::Scenario;
use ringfence_diag::{DeviationView, Finding, PlaceView, SmallestView, WaitLink, Witness};
use ringfence_explore::minimise::{Effort, Minimal, Minimality, Spent, minimise as minimise_schedule};
use ringfence_explore::{Limits, Replay, Runner};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use self::afresh::Afresh;
use self::reduce::reduce;
use self::same::Same;
use self::trial::Trial;
use self::words::deviations;
use super::Options;
use super::execution::{Executor, plan};
use super::inspect::Execution;

/// What a schedule may cost, each time that it is made smaller.
const SCHEDULE: Effort = Effort { executions: 20_000, steps: 1_000_000 };
/// Executions that the scenario may cost.
const SCENARIO: Effort = Effort { executions: 20_000, steps: 2_000_000 };

/// A schedule as small as can be.
#[derive(Clone, PartialEq, Debug)]
pub struct Smallest {
    /// Its choices, up to where the finding shows.
    pub choices: Vec<u32>,
    /// Its steps up to there.
    pub steps: u64,
    /// Where it is not the ordinary one.
    pub deviations: Vec<DeviationView>,
    /// Whether there is a smaller one.
    pub minimality: Minimality,
}

/// A finding made as small as can be.
#[derive(Clone, Debug)]
pub struct Minimised {
    /// On the smallest schedule of its own scenario.
    pub schedule: Smallest,
    /// The same, as an execution to look at: up to where the finding shows.
    pub execution: Execution,
    /// Who waits for whom then.
    pub chain: Vec<WaitLink>,
    /// The operation that broke the rule, then.
    pub at: PlaceView,
    /// The smallest scenario that shows it; its sites are those of its own.
    pub scenario: Scenario,
    /// On the smallest schedule of that.
    pub in_scenario: Smallest,
    /// What it took.
    pub spent: Spent,
}

/// Makes the schedule of a finding smaller, and then its scenario. `choices` are those of the execution that the
/// finding tells of. `None`: that execution alone does not show it, as with what the validator concludes from several.
/// Once `go_on` says no, the smallest so far.
pub fn minimise(
    scenario: &Scenario,
    finding: &Finding,
    choices: &[u32],
    options: &Options,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Option<Minimised> {
    let (profile, limits) = (options.profile, Limits { steps_max: options.steps_max, go_on: Some(go_on) });
    let whole = plan(scenario, profile).ok()?;
    let same = &identify(&whole, profile, finding, choices, limits)?;
    let (minimal, spent) = schedule(&whole, profile, same, choices, limits);
    let minimal = minimal?;
    let smallest = smallest(&whole, profile, &minimal);
    let execution = Execution::replay(&whole, profile, smallest.choices.clone(), smallest.steps);
    let (chain, at) = retold(&whole, profile, same, &smallest, finding);
    let mut trial = Trial::new(same, profile, limits, scenario.clone(), &whole, minimal);
    trial.effort = SCENARIO;
    trial.add(spent);
    let in_scenario = reduced(&mut trial, options, limits)?;
    let Trial { scenario, spent, .. } = trial;
    Some(Minimised { schedule: smallest, execution, chain, at, scenario, in_scenario, spent })
}

impl Minimised {
    /// The finding tells of the smallest schedule, and of the smallest scenario if it is not its own.
    pub fn tell(&self, original: &Scenario, finding: &mut Finding) {
        finding.chain.clone_from(&self.chain);
        finding.at.clone_from(&self.at);
        finding.witness = Some(Witness {
            schedule: self.execution.recorded().to_string(),
            steps: self.execution.steps().to_vec(),
            deviations: Some(self.schedule.deviations.clone()),
            fewest: self.schedule.minimality >= Minimality::Fewest,
        });
        let Self { scenario, in_scenario, .. } = self;
        let statements = |scenario: &Scenario| {
            scenario.programs.iter().map(|program| edit::count(&program.body)).sum::<usize>()
        };
        finding.smallest = (scenario != original).then(|| SmallestView {
            threads: scenario.threads.len(),
            of_threads: original.threads.len(),
            statements: statements(scenario),
            of_statements: statements(original),
            scenario: scenario.to_json(),
            code: scenario.to_string(),
            choices: in_scenario.choices.clone(),
            deviations: in_scenario.deviations.clone(),
            fewest: in_scenario.minimality >= Minimality::Fewest,
        });
    }
}

/// Leaves out of the scenario what can be, and then of its schedule, until neither gets smaller.
fn reduced(trial: &mut Trial<'_>, options: &Options, limits: Limits<'_>) -> Option<Smallest> {
    loop {
        let before = trial.scenario.clone();
        let enough = reduce(trial).is_err();
        let plan = plan(&trial.scenario, options.profile).ok()?;
        let (found, spent) = schedule(&plan, options.profile, trial.same, &trial.minimal.choices, limits);
        trial.add(spent);
        // Not wanted any more: what is known will do.
        trial.follow(&plan, found.unwrap_or_else(|| trial.minimal.clone()));
        if enough || trial.scenario == before {
            return Some(smallest(&plan, options.profile, &trial.minimal));
        }
    }
}

fn smallest(plan: &Plan, profile: Profile, minimal: &Minimal) -> Smallest {
    Smallest {
        choices: minimal.choices.clone(),
        steps: minimal.steps,
        deviations: deviations(plan, profile, minimal),
        minimality: minimal.minimality,
    }
}

/// The chain, and the place, as they are on another schedule.
fn retold(
    plan: &Plan,
    profile: Profile,
    same: &Same,
    smallest: &Smallest,
    finding: &Finding,
) -> (Vec<WaitLink>, PlaceView) {
    let mut executor = Executor::new(plan, profile);
    let mut replay = Replay::new(smallest.choices.clone());
    Runner::default().run(&mut executor, &mut replay, Limits::steps(smallest.steps), &mut ());
    same.retold(plan, &executor).unwrap_or_else(|| (finding.chain.clone(), finding.at.clone()))
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
) -> (Option<Minimal>, Spent) {
    let mut system = Afresh::new(plan, profile, same.is_of_validator());
    minimise_schedule(&mut system, choices, limits, SCHEDULE, |system, end| system.shows(same, end))
}
