//! Whoever backs off as told gets its locks in the end, however many there are and whoever runs when.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use ringfence_base::scenario::{Kind, ObjectKind, WwAlgorithm};
use ringfence_base::{ObjectId, Ordinary};
use ringfence_model::{Plan, World};

use crate::build::Build;
use crate::test_ww_mutex::{KINDS, stress_inorder, stress_one, stress_reorder};
use crate::ww::{BOTH, Lcg, all_done, always_ends_well, states, ww_locks};

/// `threads` that each take some of `locks` in an order of their own, some one without a context.
fn random_scenario(rng: &mut Lcg, algorithm: WwAlgorithm) -> Build {
    let mut build = Build::default();
    let (threads, count) = (2 + rng.below(4), 1 + rng.below(5));
    let (class, locks) = ww_locks(&mut build, algorithm, count);
    let cell = |build: &mut Build| build.object("inside", ObjectKind::Cell { init: 0 });
    let cells: Vec<ObjectId> = locks.iter().map(|_| cell(&mut build)).collect();
    let mut registers = KINDS.to_vec();
    registers.extend(std::iter::repeat_n(Kind::WwMutex, count + 1));
    for n in 0..threads {
        let mut body = Vec::new();
        for _ in 0..=rng.below(3) {
            let numbers: Vec<usize> = (0..count).collect();
            let some = &rng.shuffled(&numbers)[..=rng.below(count)];
            let order: Vec<ObjectId> = some.iter().map(|&lock| locks[lock]).collect();
            let inside: Vec<ObjectId> = some.iter().map(|&lock| cells[lock]).collect();
            body.extend(match rng.below(5) {
                0 => stress_one(order[0], inside[0]),
                1 | 2 => stress_reorder(class, &order, &inside),
                _ => stress_inorder(class, &order, &inside),
            });
        }
        build.thread(&format!("thread{n}"), &registers, body);
    }
    build.scenario.environment.deadlock_injection = rng.below(2) == 1;
    build
}

#[test]
fn random_scenarios_end_under_random_schedules() {
    for algorithm in BOTH {
        let mut rng = Lcg(2024);
        for _ in 0..150 {
            let build = random_scenario(&mut rng, algorithm);
            let plan = Plan::new(&build.scenario).expect("a valid scenario");
            always_ends_well(&plan, 10);
        }
    }
}

/// All states that any schedule leads to, with what each can become.
#[derive(Default)]
struct Graph {
    worlds: Vec<World>,
    by_hash: BTreeMap<u64, Vec<usize>>,
    next: Vec<Vec<usize>>,
}

impl Graph {
    fn of(plan: &Plan) -> Self {
        let mut graph = Self::default();
        let mut todo = vec![graph.number(plan.initial().clone()).0];
        let (mut actions, mut events) = (Vec::new(), Vec::new());
        while let Some(from) = todo.pop() {
            graph.worlds[from].enabled(plan, &mut actions);
            for &action in &actions {
                let mut world = graph.worlds[from].clone();
                events.clear();
                world.step(plan, action, 0, &mut events, &mut Ordinary);
                let (to, new) = graph.number(world);
                graph.next[from].push(to);
                if new {
                    todo.push(to);
                }
            }
            assert!(graph.worlds.len() < 200_000, "the scenario is too large to go through all of it");
        }
        graph
    }

    /// The number of a state, and whether it was not known.
    fn number(&mut self, world: World) -> (usize, bool) {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        let same = self.by_hash.entry(hasher.finish()).or_default();
        if let Some(&known) = same.iter().find(|&&known| self.worlds[known] == world) {
            return (known, false);
        }
        same.push(self.worlds.len());
        self.worlds.push(world);
        self.next.push(Vec::new());
        (self.worlds.len() - 1, true)
    }

    /// States from which no schedule leads to the end of all threads.
    fn lost(&self) -> Vec<usize> {
        let mut before = vec![Vec::new(); self.worlds.len()];
        for (from, next) in self.next.iter().enumerate() {
            for &to in next {
                before[to].push(from);
            }
        }
        let mut saved: Vec<bool> = self.worlds.iter().map(all_done).collect();
        let mut todo: Vec<usize> = (0..saved.len()).filter(|&state| saved[state]).collect();
        while let Some(state) = todo.pop() {
            for &earlier in &before[state] {
                if !saved[earlier] {
                    saved[earlier] = true;
                    todo.push(earlier);
                }
            }
        }
        (0..saved.len()).filter(|&state| !saved[state]).collect()
    }
}

/// From wherever any schedule leads, the end can be reached: there is neither a deadlock nor a circle without a way
/// out.
#[test]
fn the_end_can_be_reached_from_every_state() {
    for algorithm in BOTH {
        for (orders, alone) in [
            (&[&[0, 1][..], &[1, 0]][..], None),
            (&[&[0, 1], &[1, 0]], Some(0)),
            (&[&[0, 1], &[1, 0], &[1, 0]], None),
            (&[&[0, 1], &[1, 2], &[2, 0]], None),
        ] {
            let mut build = Build::default();
            let (class, locks) = ww_locks(&mut build, algorithm, 3);
            for order in orders {
                let order: Vec<ObjectId> = order.iter().map(|&lock: &usize| locks[lock]).collect();
                build.thread("thread", &KINDS, stress_inorder(class, &order, &[]));
            }
            if let Some(lock) = alone {
                let cell = build.object("inside", ObjectKind::Cell { init: 0 });
                build.thread("alone", &KINDS, stress_one(locks[lock], cell));
            }
            let plan = Plan::new(&build.scenario).expect("a valid scenario");
            let graph = Graph::of(&plan);
            assert!(graph.worlds.len() > 100, "{}", graph.worlds.len());
            let lost = graph.lost();
            assert!(lost.is_empty(), "{algorithm:?}, {orders:?}: {:?}", states(&graph.worlds[lost[0]]));
        }
    }
}
