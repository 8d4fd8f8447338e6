//! Programs with statements left out, branches decided, loops run once.

use std::collections::BTreeSet;

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Arg, Kind, Operation, Program, Retained, Scenario, Stmt};

/// What becomes of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edit {
    /// It stays.
    Keep,
    /// It goes, with all that is inside of it.
    Drop,
    /// Of a branch, only what is run if the condition is true.
    Then,
    /// Or if it is not.
    Otherwise,
    /// A loop runs once.
    Once,
}

/// How many statements there are, nested ones too.
pub(super) fn count(body: &[Stmt]) -> usize {
    body.iter().map(|stmt| 1 + blocks(stmt).map(|block| count(block)).sum::<usize>()).sum()
}

/// The blocks inside of a statement.
pub(super) fn blocks(stmt: &Stmt) -> impl Iterator<Item = &Vec<Stmt>> {
    let (first, second) = match stmt {
        Stmt::If { then, otherwise, .. } => (Some(then), Some(otherwise)),
        Stmt::Loop { body, .. } => (Some(body), None),
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

/// Whether the statement leaves the loop around it, or starts it again: without it the loop is another one.
pub(super) fn jumps(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Break { .. } | Stmt::Continue { .. } => true,
        Stmt::If { then, otherwise, .. } => then.iter().chain(otherwise).any(jumps),
        _ => false,
    }
}

/// All statements in the order of the text.
pub(super) fn in_order(body: &[Stmt]) -> impl Iterator<Item = &Stmt> {
    let mut stack = vec![body.iter()];
    std::iter::from_fn(move || {
        loop {
            let Some(stmt) = stack.last_mut()?.next() else {
                stack.pop();
                continue;
            };
            let inside: Vec<_> = blocks(stmt).map(|block| block.iter()).collect();
            stack.extend(inside.into_iter().rev());
            return Some(stmt);
        }
    })
}

/// A program edited. Statements are numbered as they stand in the text, `next` being the number of the first one.
/// Whatever has no value any more is left out too.
pub(super) fn edited(program: &Program, edit: &impl Fn(usize) -> Edit) -> Program {
    let mut next = 0;
    let mut program = Program { body: rewrite(&program.body, &mut next, edit), ..program.clone() };
    mend(&mut program);
    program
}

fn rewrite(body: &[Stmt], next: &mut usize, edit: &impl Fn(usize) -> Edit) -> Vec<Stmt> {
    let mut result = Vec::new();
    for stmt in body {
        let what = edit(*next);
        *next += 1;
        match (stmt, what) {
            (_, Edit::Drop) => *next += blocks(stmt).map(|block| count(block)).sum::<usize>(),
            (Stmt::If { cond, then, otherwise, at }, _) => {
                let then = rewrite(then, next, edit);
                let otherwise = rewrite(otherwise, next, edit);
                match what {
                    Edit::Then => result.extend(then),
                    Edit::Otherwise => result.extend(otherwise),
                    _ => result.push(Stmt::If { cond: cond.clone(), then, otherwise, at: *at }),
                }
            }
            (Stmt::Loop { body, at }, _) => {
                let body = rewrite(body, next, edit);
                match what {
                    Edit::Once => result.extend(without_jumps(&body)),
                    _ => result.push(Stmt::Loop { body, at: *at }),
                }
            }
            (stmt, _) => result.push(stmt.clone()),
        }
    }
    result
}

/// The body of a loop without what leaves the loop or starts it again.
fn without_jumps(body: &[Stmt]) -> Vec<Stmt> {
    let one = |stmt: &Stmt| match stmt {
        Stmt::Break { .. } | Stmt::Continue { .. } => None,
        Stmt::If { cond, then, otherwise, at } => Some(Stmt::If {
            cond: cond.clone(),
            then: without_jumps(then),
            otherwise: without_jumps(otherwise),
            at: *at,
        }),
        // Its jumps are its own.
        other => Some(other.clone()),
    };
    body.iter().filter_map(one).collect()
}

/// Leaves out what works on values that nothing gives any more.
fn mend(program: &mut Program) {
    loop {
        let mut assigned: BTreeSet<u16> = (0..program.params).map(|param| param as u16).collect();
        assign(&program.body, &mut assigned);
        let body = living(&program.body, &assigned, program);
        if body == program.body {
            return;
        }
        program.body = body;
    }
}

fn assign(body: &[Stmt], assigned: &mut BTreeSet<u16>) {
    for stmt in body {
        if let Stmt::Op(operation) = stmt {
            assigned.extend(operation.out);
        }
        blocks(stmt).for_each(|block| assign(block, assigned));
    }
}

fn living(body: &[Stmt], assigned: &BTreeSet<u16>, program: &Program) -> Vec<Stmt> {
    let mut result = Vec::new();
    for stmt in body {
        match stmt {
            Stmt::Op(operation) if !operation.args.iter().all(|arg| lives(arg, assigned)) => {}
            Stmt::If { cond, then, otherwise, at } => {
                let then = living(then, assigned, program);
                let otherwise = living(otherwise, assigned, program);
                match lives(cond, assigned) {
                    // An empty branch decides nothing.
                    true if then.is_empty() && otherwise.is_empty() => {}
                    true => result.push(Stmt::If { cond: cond.clone(), then, otherwise, at: *at }),
                    // A loop must not lose its end.
                    false if then.iter().any(jumps) => result.extend(then),
                    false => result.extend(otherwise),
                }
            }
            Stmt::Loop { body, at } => {
                result.push(Stmt::Loop { body: living(body, assigned, program), at: *at });
            }
            Stmt::Return { value: Some(value), at } if !lives(value, assigned) => {
                let none = if program.result.is_some_and(Kind::is_number) { Arg::Int(0) } else { Arg::Null };
                result.push(Stmt::Return { value: Some(none), at: *at });
            }
            stmt => result.push(stmt.clone()),
        }
    }
    result
}

fn lives(arg: &Arg, assigned: &BTreeSet<u16>) -> bool {
    match arg {
        Arg::Register(register) => assigned.contains(register),
        Arg::List(items) => items.iter().all(|item| lives(item, assigned)),
        _ => true,
    }
}

/// The scenario without these threads and objects, and without the operations on them.
pub(super) fn without(scenario: &Scenario, retained: Retained) -> Option<Scenario> {
    let retained = retained.closed(scenario);
    let mut scenario = scenario.clone();
    for program in &mut scenario.programs {
        let gone = |operation: &Operation| operation.args.iter().any(|arg| mentions(arg, &retained.objects));
        let gone: Vec<bool> = operations(&program.body).map(|found| found.is_some_and(gone)).collect();
        if gone.contains(&true) {
            *program = edited(program, &|index| if gone[index] { Edit::Drop } else { Edit::Keep });
        }
    }
    scenario.retain(&retained).and_then(|scenario| without_garbage(&scenario))
}

/// The scenario without the programs that nobody calls.
pub(super) fn without_garbage(scenario: &Scenario) -> Option<Scenario> {
    let programs = scenario.called_programs();
    scenario.retain(&Retained { programs, ..Retained::all(scenario) })
}

/// All statements in the order of the text; the operation of those that are one.
pub(super) fn operations(body: &[Stmt]) -> impl Iterator<Item = Option<&Operation>> {
    in_order(body).map(|stmt| if let Stmt::Op(operation) = stmt { Some(operation) } else { None })
}

fn mentions(arg: &Arg, retained: &[bool]) -> bool {
    let gone = |id: ObjectId| retained.get(id.index()) == Some(&false);
    match arg {
        Arg::Object(id) => gone(*id),
        Arg::List(items) => items.iter().any(|item| mentions(item, retained)),
        _ => false,
    }
}
