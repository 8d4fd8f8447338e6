//! The smallest schedule of all that hang in a certain way, by a search through everything, on worlds alone.

use ringfence::check::End;
use ringfence_base::scenario::Scenario;
use ringfence_base::{Action, ChoiceKind, Decide, Event};
use ringfence_model::judge::hangs;
use ringfence_model::{Plan, State, World};

/// Answers from a script, 0 behind its end, and notes how many answers there were to choose from.
struct Script<'a> {
    answers: &'a [usize],
    asked: Vec<usize>,
}

impl Decide for Script<'_> {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.asked.push(options);
        self.answers.get(self.asked.len() - 1).copied().unwrap_or(0)
    }
}

/// What is looked for.
pub(crate) struct Reference<'a> {
    plan: &'a Plan,
    rule: &'a str,
    /// Links of its chain.
    links: usize,
    best: Option<(usize, u64)>,
    events: Vec<Event>,
}

/// The fewest deviations, and with those the fewest steps, of an execution that hangs by this rule with so many in the
/// chain; `None`: none does with at most so many deviations.
pub(crate) fn smallest(
    scenario: &Scenario,
    rule: &str,
    links: usize,
    deviations_max: usize,
) -> Option<(usize, u64)> {
    let plan = Plan::new(scenario).expect("a valid scenario");
    let best = Some((deviations_max + 1, 0));
    let mut reference = Reference { plan: &plan, rule, links, best, events: Vec::new() };
    reference.search(plan.initial(), None, (0, 0));
    reference.best.filter(|&(deviations, _)| deviations <= deviations_max)
}

impl Reference<'_> {
    fn search(&mut self, world: &World, last: Option<Action>, so_far: (usize, u64)) {
        if self.best.is_some_and(|best| best <= so_far) || so_far.1 > 200 {
            return;
        }
        let mut actions = Vec::new();
        world.enabled(self.plan, &mut actions);
        if actions.is_empty() {
            if self.end(world) == End::Hung {
                self.best = Some(so_far);
            }
            return;
        }
        // Whoever took a step takes the next one, too; whoever was interrupted goes on.
        let goes_on = match last {
            Some(Action::Interrupt { host, .. }) => Some(Action::Run(host)),
            Some(Action::Expire) => None,
            last => last,
        };
        let usual = goes_on.filter(|action| actions.contains(action)).unwrap_or(actions[0]);
        actions.sort_by_key(|action| *action != usual);
        for action in actions {
            let mut scripts: Vec<Vec<usize>> = vec![Vec::new()];
            while let Some(answers) = scripts.pop() {
                let mut next = world.clone();
                let mut script = Script { answers: &answers, asked: Vec::new() };
                self.events.clear();
                next.step(self.plan, action, so_far.1, &mut self.events, &mut script);
                for (index, &options) in script.asked.iter().enumerate().skip(answers.len()) {
                    let zeros = vec![0; index - answers.len()];
                    scripts.extend((1..options).map(|answer| [&answers[..], &zeros, &[answer]].concat()));
                }
                let unusual = answers.iter().filter(|answer| **answer != 0).count();
                let deviations = so_far.0 + usize::from(action != usual) + unusual;
                self.search(&next, Some(action), (deviations, so_far.1 + 1));
            }
        }
    }

    /// Hung, if it is what is looked for.
    fn end(&self, world: &World) -> End {
        let waits = world.threads().iter().any(|thread| matches!(thread.state(), State::Blocked(_)));
        let found = |world| {
            hangs(self.plan, world)
                .iter()
                .any(|hang| hang.rule == self.rule && hang.links.len() == self.links)
        };
        if waits && found(world) { End::Hung } else { End::Finished }
    }
}
