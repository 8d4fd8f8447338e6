//! Deviations of one plan, for a plan of a similar scenario: contexts and sources of interrupts go by their names.

use std::collections::BTreeMap;

use ringfence_base::Action;
use ringfence_explore::minimise::{Chosen, Intent};
use ringfence_model::Plan;

/// A name, and which of those with this name it is.
type Name = (String, usize);

/// The parties of a plan by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Parties {
    contexts: Vec<Name>,
    sources: Vec<Name>,
}

impl Parties {
    pub(super) fn of(plan: &Plan) -> Self {
        let contexts = plan.contexts().iter().map(|context| context.name.clone());
        let sources = (0..plan.sources().len() as u32).map(|source| plan.source_name(source));
        Self { contexts: numbered(contexts), sources: numbered(sources) }
    }

    /// Of deviations of this plan, those that can be made in a plan with the other parties.
    pub(super) fn translate(&self, intents: &[Intent], to: &Self) -> Vec<Intent> {
        let find = |name: &Name, list: &[Name]| {
            list.iter().position(|known| known == name).map(|index| index as u32)
        };
        let context = |task: u32| find(self.contexts.get(task as usize)?, &to.contexts);
        let source = |source: u32| find(self.sources.get(source as usize)?, &to.sources);
        let action = |action| {
            Some(match action {
                Action::Run(task) => Action::Run(context(task)?),
                Action::Interrupt { source: from, host } => {
                    Action::Interrupt { source: source(from)?, host: context(host)? }
                }
                Action::Expire => Action::Expire,
            })
        };
        let one = |intent: &Intent| {
            let what = match intent.what {
                Chosen::Party { taken, instead_of } => {
                    Chosen::Party { taken: action(taken)?, instead_of: action(instead_of)? }
                }
                Chosen::Decision { by, kind, value } => Chosen::Decision { by: action(by)?, kind, value },
            };
            Some(Intent { what, ..*intent })
        };
        intents.iter().filter_map(one).collect()
    }
}

fn numbered(names: impl Iterator<Item = String>) -> Vec<Name> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let number = |name: String| {
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        (name, *count)
    };
    names.map(number).collect()
}
