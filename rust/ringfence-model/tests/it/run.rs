//! Running scenarios in tests.

use ringfence_base::{Decide, Event, Ordinary};
use ringfence_model::{Action, Plan, World};

/// The final world and all events; `pick` chooses among the enabled actions.
pub(crate) fn run_with(
    plan: &Plan,
    decide: &mut dyn Decide,
    mut pick: impl FnMut(&[Action]) -> usize,
) -> (World, Vec<Event>) {
    let mut world = plan.initial().clone();
    let (mut events, mut actions) = (Vec::new(), Vec::new());
    for step in 0..100_000 {
        world.enabled(plan, &mut actions);
        if actions.is_empty() {
            return (world, events);
        }
        let action = actions[pick(&actions)];
        world.step(plan, action, step, &mut events, decide);
    }
    panic!("the scenario does not end");
}

/// Each context as long as it can run.
pub(crate) fn run(plan: &Plan) -> (World, Vec<Event>) {
    run_with(plan, &mut Ordinary, |_| 0)
}
