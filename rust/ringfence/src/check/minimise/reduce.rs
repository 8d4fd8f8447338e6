//! What can be left out of a scenario, coarse parts first: "Simplifying and Isolating Failure-Inducing Input" (Zeller,
//! Hildebrandt, TSE 2002) for lists, and on the tree of a program the steps of "HDD: Hierarchical Delta Debugging"
//! (Misherghi, Su, ICSE 2006).

use ringfence_base::scenario::{Environment, ObjectKind, Program, Retained, Scenario, Stmt};
use ringfence_explore::minimise::ddmin;

use super::edit::{Edit, count, edited, in_order, jumps, without, without_garbage};
use super::pairs::{Unit, as_closed, units};
use super::trial::{Enough, Trial};

/// Leaves out what can be, until nothing more can.
pub(super) fn reduce(trial: &mut Trial<'_>) -> Result<(), Enough> {
    // From here on the numbers of programs stay while their statements change.
    let without = without_garbage(&trial.scenario);
    trial.takes(without)?;
    loop {
        let before = trial.scenario.clone();
        threads(trial)?;
        environment(trial)?;
        objects(trial)?;
        handlers(trial)?;
        statements(trial)?;
        structure(trial)?;
        if trial.scenario == before {
            return Ok(());
        }
    }
}

/// Leaves out what `smaller` says of all but a part of `items`; what is not to be tried any more is told at the end.
fn reduce_list<T: Clone>(
    trial: &mut Trial<'_>,
    items: &[T],
    smaller: impl Fn(&Scenario, &[T]) -> Option<Scenario>,
) -> Result<(), Enough> {
    let base = trial.scenario.clone();
    let mut enough = Ok(());
    ddmin(items, |part| {
        let taken = trial.takes(smaller(&base, part));
        enough = taken.map(drop);
        taken
    });
    enough
}

fn threads(trial: &mut Trial<'_>) -> Result<(), Enough> {
    let all: Vec<usize> = (0..trial.scenario.threads.len()).collect();
    reduce_list(trial, &all, |base, part| {
        let threads = all.iter().map(|index| part.contains(index)).collect();
        without(base, Retained { threads, ..Retained::all(base) })
    })
}

/// What others may do.
fn environment(trial: &mut Trial<'_>) -> Result<(), Enough> {
    let mut environment = trial.scenario.environment.clone();
    let parts = Environment::PARTS.into_iter().filter(|part| environment.part(part).is_some_and(|on| *on));
    let parts: Vec<&str> = parts.collect();
    reduce_list(trial, &parts, |base, part| {
        let mut scenario = base.clone();
        for name in Environment::PARTS {
            let on = scenario.environment.part(name)?;
            *on = *on && part.contains(&name);
        }
        Some(scenario)
    })
}

/// Objects, with all that is done to them.
fn objects(trial: &mut Trial<'_>) -> Result<(), Enough> {
    let all: Vec<usize> = (0..trial.scenario.objects.len()).collect();
    reduce_list(trial, &all, |base, part| {
        let objects = all.iter().map(|index| part.contains(index)).collect();
        without(base, Retained { objects, ..Retained::all(base) })
    })
}

/// Handlers that an object can be without.
fn handlers(trial: &mut Trial<'_>) -> Result<(), Enough> {
    for index in 0..trial.scenario.objects.len() {
        for number in 0.. {
            let mut scenario = trial.scenario.clone();
            let mut handlers = optional(&mut scenario.objects[index].kind);
            let Some(handler) = handlers.get_mut(number) else { break };
            **handler = None;
            let without = without_garbage(&scenario);
            trial.takes(without)?;
        }
    }
    Ok(())
}

fn optional(kind: &mut ObjectKind) -> Vec<&mut Option<ringfence_base::ProgramId>> {
    match kind {
        ObjectKind::Irq { handler, thread } => vec![handler, thread],
        ObjectKind::MmuNotifier { invalidate, release, .. } => vec![invalidate, release],
        ObjectKind::FenceOps { enable_signaling, signaled, wait, release, set_deadline, .. } => {
            vec![enable_signaling, signaled, wait, release, set_deadline]
        }
        ObjectKind::DrmSched { prepare_job, timedout_job, cancel_job, update_job_credits, .. } => {
            vec![prepare_job, timedout_job, cancel_job, update_job_credits]
        }
        _ => Vec::new(),
    }
}

/// The scenario with another program in this place, which must leave nothing open that it used to end.
fn with(base: &Scenario, index: usize, program: Program) -> Option<Scenario> {
    if !as_closed(&program.body, &base.programs[index].body) {
        return None;
    }
    let mut scenario = base.clone();
    scenario.programs[index] = program;
    without_garbage(&scenario)
}

/// Statements, with what ends what they begin. What leaves a loop goes with the loop.
fn statements(trial: &mut Trial<'_>) -> Result<(), Enough> {
    for index in 0..trial.scenario.programs.len() {
        let body = &trial.scenario.programs[index].body;
        let all: Vec<&Stmt> = in_order(body).collect();
        let units: Vec<Unit> = units(body).into_iter().filter(|unit| !jumps(all[unit[0]])).collect();
        let loose: Vec<usize> = units.iter().flatten().copied().collect();
        reduce_list(trial, &units, |base, part: &[Unit]| {
            let gone =
                |number: usize| loose.contains(&number) && !part.iter().any(|unit| unit.contains(&number));
            let edit = |number| if gone(number) { Edit::Drop } else { Edit::Keep };
            with(base, index, edited(&base.programs[index], &edit))
        })?;
    }
    Ok(())
}

/// Branches that always go one way, loops that run once.
fn structure(trial: &mut Trial<'_>) -> Result<(), Enough> {
    for index in 0..trial.scenario.programs.len() {
        let mut number = 0;
        while number < count(&trial.scenario.programs[index].body) {
            let mut taken = false;
            for edit in edits(&trial.scenario.programs[index].body, number) {
                let one = |at: usize| if at == number { *edit } else { Edit::Keep };
                let program = edited(&trial.scenario.programs[index], &one);
                taken = trial.takes(with(&trial.scenario, index, program))?;
                if taken {
                    break;
                }
            }
            // What was inside is here now.
            number += usize::from(!taken);
        }
    }
    Ok(())
}

/// What can become of a statement besides that it goes.
fn edits(body: &[Stmt], number: usize) -> &'static [Edit] {
    match in_order(body).nth(number) {
        Some(Stmt::If { .. }) => &[Edit::Then, Edit::Otherwise],
        Some(Stmt::Loop { .. }) => &[Edit::Once],
        _ => &[],
    }
}
