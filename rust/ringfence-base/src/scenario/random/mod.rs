//! Random scenarios, for tests: always valid, the same for the same seed.
//!
//! About half of what a program does is paired: a lock is taken, something happens, the lock is given back.
//! The other half is whatever the table of operations allows, so that every operation turns up sooner or
//! later.

mod body;
mod objects;
mod value;

use self::body::Body;
use self::objects::Plan;
use super::{Environment, Kind, Program, Scenario, ThreadDecl};
use crate::rng::Rng;
use crate::{ObjectId, ProgramId, SiteId, SourceLocation};

/// How many threads at most.
const MAX_THREADS: usize = 3;
/// How many source lines there are.
const SITES: usize = 40;

/// A random scenario whose threads have about `size` statements altogether, besides the handlers' few. Always
/// valid; equal for equal arguments. It has at least one object of every kind that can be declared, so that
/// every operation can occur.
pub fn random_scenario(seed: u64, size: usize) -> Scenario {
    let mut rng = Rng::new(seed);
    let threads = 1 + rng.below(MAX_THREADS.min(1 + size / 4));
    let (objects, mut plans) = objects::declare(&mut rng, threads);
    let handlers = plans.len();
    plans.extend((0..threads).map(|index| Plan::of_thread(&format!("thread{index}_fn"))));
    let programs = plans.iter().enumerate().map(|(index, plan)| {
        let size = if index < handlers { rng.below(4) } else { size.div_ceil(threads) };
        let (registers, body) = Body::random(&objects, &mut rng, plan, size);
        Program {
            name: plan.name.clone(),
            params: plan.params.len(),
            registers,
            result: plan.result,
            driver: some_driver(&mut rng),
            body,
        }
    });
    let programs = programs.collect();
    let mm = objects.iter().position(|object| object.kind.kind() == Kind::Mm).map(ObjectId::new);
    let thread = |index| ThreadDecl {
        name: format!("thread{index}"),
        program: ProgramId::new(handlers + index),
        mm: mm.filter(|_| rng.percent(50)),
        at: some_site(&mut rng),
    };
    Scenario {
        name: format!("random {seed} {size}"),
        threads: (0..threads).map(thread).collect(),
        environment: environment(&mut rng),
        sites: (1..=SITES as u32).map(site).collect(),
        objects,
        programs,
    }
}

fn environment(rng: &mut Rng) -> Environment {
    let mut environment = Environment::quiet();
    for part in Environment::PARTS {
        if let Some(switch) = environment.part(part) {
            *switch = rng.percent(25);
        }
    }
    environment
}

fn site(line: u32) -> SourceLocation {
    SourceLocation { file: "random.py".into(), line, function: format!("part{}", line % 3) }
}

fn some_driver(rng: &mut Rng) -> Option<String> {
    rng.percent(30).then(|| (*rng.pick(&["gpu", "display"])).to_owned())
}

fn some_site(rng: &mut Rng) -> SiteId {
    SiteId::new(rng.below(SITES + 1))
}
