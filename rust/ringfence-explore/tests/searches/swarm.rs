//! Swarm testing leaves out what it says it leaves out, and only that.

use std::collections::BTreeSet;

use ringfence_base::{Action, ChoiceKind, Decide, End, System};
use ringfence_explore::cells::{Cells, Op, Register, at};
use ringfence_explore::{Limits, Random, Runner, Swarm, Watch};

use super::reference::independent;

#[test]
fn subsets_of_kinds_are_left_out() {
    let pair = [ChoiceKind::Allocation, ChoiceKind::Trylock];
    let mut subsets = BTreeSet::new();
    let mut enabled = 0;
    for seed in 0..1000 {
        let mut swarm = Swarm::new(seed, Random::new(seed));
        let subset = pair.map(|kind| swarm.enabled(kind));
        subsets.insert(subset);
        enabled += subset.into_iter().filter(|enabled| *enabled).count();
        for (kind, enabled) in pair.into_iter().zip(subset) {
            let unusual = (0..100).any(|_| swarm.decide(kind, 2) != 0);
            assert_eq!(unusual, enabled, "{seed} {kind:?}");
        }
    }
    assert_eq!(subsets.len(), 4);
    assert!((900..1100).contains(&enabled), "{enabled} of 2000");
}

/// Whoever is held back runs only when nobody else can.
struct HeldBack {
    swarm: Swarm<Random>,
    steps: u32,
}

impl Watch<Cells> for HeldBack {
    fn before(&mut self, system: &Cells, action: Action) {
        let mut actions = Vec::new();
        system.clone().enabled(&mut actions);
        let free = actions.iter().any(|&action| !self.swarm.held_back(action));
        assert!(!(self.swarm.held_back(action) && free));
        self.steps += u32::from(self.swarm.held_back(action));
    }
}

#[test]
fn parties_are_held_back_until_nobody_else_can_run() {
    let mut system = independent(&[3, 3, 3, 3]);
    let (mut some, mut steps) = (0, 0);
    for seed in 0..400 {
        let mut swarm = Swarm::new(seed, Random::new(seed));
        let mut watch = HeldBack { swarm: swarm.clone(), steps: 0 };
        let end = Runner::default().run(&mut system, &mut swarm, Limits::steps(100), &mut watch);
        assert_eq!(end, End::Finished);
        some += u32::from((0..4).any(|thread| swarm.held_back(Action::Run(thread))));
        steps += watch.steps;
    }
    assert!((100..300).contains(&some), "{some} of 400");
    assert!(steps > 400, "{steps}");
}

#[test]
fn every_choice_of_a_scenario_still_comes_up() {
    let choose = vec![Op::Choose { options: 3, to: Register::A }];
    let mut system = Cells::new(Vec::new(), 0, &[choose.clone(), choose]);
    let mut outcomes = BTreeSet::new();
    for seed in 0..300 {
        let mut swarm = Swarm::new(seed, Random::new(seed));
        Runner::default().run(&mut system, &mut swarm, Limits::steps(100), &mut ());
        let of = |thread| system.now().register(thread, Register::A);
        outcomes.insert((of(0), of(1)));
    }
    assert_eq!(outcomes.len(), 9);
    // What it does besides does not matter: there is no lock to be held.
    assert_eq!(system.now().owner(at(0).base as usize), None);
}
