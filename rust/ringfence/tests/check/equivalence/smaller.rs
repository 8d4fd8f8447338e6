//! A scenario made smaller as long as something stays true of it.

use ringfence_base::scenario::{Retained, Scenario, Stmt};

/// The smallest one that is found by leaving out one thing at a time.
pub(crate) fn smallest(mut scenario: Scenario, still: &impl Fn(&Scenario) -> bool) -> Scenario {
    let wanted = |smaller: &Scenario| smaller.validate().is_ok() && still(smaller);
    loop {
        let Some(smaller) = smaller(&scenario).find(wanted) else { return scenario };
        scenario = smaller;
    }
}

/// With one thing less each.
fn smaller(scenario: &Scenario) -> impl Iterator<Item = Scenario> + '_ {
    let threads = (0..scenario.threads.len()).filter_map(|number| {
        let mut left = Retained::all(scenario);
        left.threads[number] = false;
        scenario.retain(&left)
    });
    let objects = (0..scenario.objects.len()).filter_map(|number| {
        let mut left = Retained::all(scenario);
        left.objects[number] = false;
        scenario.retain(&left.closed(scenario))
    });
    let statements = (0..scenario.programs.len()).flat_map(move |program| {
        bodies(&scenario.programs[program].body).into_iter().map(move |body| {
            let mut smaller = scenario.clone();
            smaller.programs[program].body = body;
            smaller
        })
    });
    let called = std::iter::once_with(move || {
        let left = Retained { programs: scenario.called_programs(), ..Retained::all(scenario) };
        scenario.retain(&left).filter(|smaller| smaller != scenario)
    });
    threads.chain(objects).chain(called.flatten()).chain(statements)
}

/// The body without one of its statements, or with a branch decided.
fn bodies(body: &[Stmt]) -> Vec<Vec<Stmt>> {
    let with = |at: usize, by: Vec<Stmt>| [&body[..at], &by, &body[at + 1..]].concat();
    let mut all = Vec::new();
    for (at, stmt) in body.iter().enumerate() {
        all.push(with(at, Vec::new()));
        match stmt {
            Stmt::If { cond, then, otherwise, at: place } => {
                all.extend([then, otherwise].map(|block| with(at, block.clone())));
                let branch = |then, otherwise| {
                    with(at, vec![Stmt::If { cond: cond.clone(), then, otherwise, at: *place }])
                };
                all.extend(bodies(then).into_iter().map(|then| branch(then, otherwise.clone())));
                all.extend(bodies(otherwise).into_iter().map(|otherwise| branch(then.clone(), otherwise)));
            }
            Stmt::Loop { body, at: place } => {
                all.push(with(at, body.clone()));
                let turn = |body| with(at, vec![Stmt::Loop { body, at: *place }]);
                all.extend(bodies(body).into_iter().map(turn));
            }
            Stmt::Op(_) | Stmt::Break { .. } | Stmt::Continue { .. } | Stmt::Return { .. } => {}
        }
    }
    all
}
