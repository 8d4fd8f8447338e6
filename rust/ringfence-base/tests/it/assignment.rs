//! Registers have a value before they are read, and every path returns: judged by walking the paths.

use ringfence_base::SiteId;
use ringfence_base::rng::Rng;
use ringfence_base::scenario::{Arg, Kind, Op, Operation, Program, Scenario, Stmt};

const AT: SiteId = SiteId::UNKNOWN;
const REGISTERS: u16 = 3;
/// A path goes round a loop at most so often. Twice is enough to reach whatever follows a `continue`.
const TURNS: usize = 2;

/// A small program that may well be wrong.
fn random_block(rng: &mut Rng, size: usize, depth: usize, in_loop: bool) -> Vec<Stmt> {
    let mut block = Vec::new();
    for _ in 0..=rng.below(size) {
        let register = rng.below(usize::from(REGISTERS)) as u16;
        block.push(match rng.below(12) {
            0..4 => op(Op::Set, vec![Arg::Int(1)], Some(register)),
            4 | 5 => op(Op::Msleep, vec![Arg::Register(register)], None),
            6 | 7 if depth > 0 => Stmt::If {
                cond: Arg::Int(1),
                then: random_block(rng, size, depth - 1, in_loop),
                otherwise: if rng.percent(50) {
                    random_block(rng, size, depth - 1, in_loop)
                } else {
                    Vec::new()
                },
                at: AT,
            },
            8 if depth > 0 => Stmt::Loop { body: random_block(rng, size, depth - 1, true), at: AT },
            9 if in_loop => Stmt::Break { at: AT },
            10 if in_loop && rng.percent(50) => Stmt::Continue { at: AT },
            11 if rng.percent(40) => Stmt::Return { value: Some(Arg::Register(register)), at: AT },
            _ => op(Op::SignalPending, Vec::new(), Some(register)),
        });
    }
    block
}

fn op(op: Op, args: Vec<Arg>, out: Option<u16>) -> Stmt {
    Stmt::Op(Operation { op, args, out, at: AT })
}

/// How a path left a block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    End,
    Break,
    Continue,
    Return,
    /// It read a register that has no value.
    Unassigned,
}

/// Every way through a block: the assigned registers as bits, and how it was left.
fn paths(block: &[Stmt], assigned: u8) -> Vec<(u8, Left)> {
    let mut going = vec![assigned];
    let mut left = Vec::new();
    for stmt in block {
        let mut next = Vec::new();
        for assigned in going {
            for (assigned, how) in step(stmt, assigned) {
                if how == Left::End { next.push(assigned) } else { left.push((assigned, how)) }
            }
        }
        next.sort_unstable();
        next.dedup();
        going = next;
    }
    left.extend(going.into_iter().map(|assigned| (assigned, Left::End)));
    left.sort_unstable();
    left.dedup();
    left
}

fn step(stmt: &Stmt, assigned: u8) -> Vec<(u8, Left)> {
    let reads = |arg: &Arg| matches!(arg, Arg::Register(register) if assigned & (1 << register) == 0);
    match stmt {
        Stmt::Op(operation) if operation.args.iter().any(reads) => vec![(assigned, Left::Unassigned)],
        Stmt::Op(operation) => {
            vec![(operation.out.map_or(assigned, |out| assigned | (1 << out)), Left::End)]
        }
        Stmt::If { then, otherwise, .. } => {
            let mut both = paths(then, assigned);
            both.extend(paths(otherwise, assigned));
            both
        }
        Stmt::Loop { body, .. } => {
            let mut out = Vec::new();
            let mut starts = vec![assigned];
            for _ in 0..TURNS {
                let ends: Vec<(u8, Left)> = starts.iter().flat_map(|&start| paths(body, start)).collect();
                starts.clear();
                for (assigned, how) in ends {
                    match how {
                        Left::End | Left::Continue => starts.push(assigned),
                        Left::Break => out.push((assigned, Left::End)),
                        Left::Return | Left::Unassigned => out.push((assigned, how)),
                    }
                }
            }
            out
        }
        Stmt::Break { .. } => vec![(assigned, Left::Break)],
        Stmt::Continue { .. } => vec![(assigned, Left::Continue)],
        Stmt::Return { value, .. } if value.iter().any(reads) => vec![(assigned, Left::Unassigned)],
        Stmt::Return { .. } => vec![(assigned, Left::Return)],
    }
}

#[test]
fn the_checker_agrees_with_all_paths() {
    let mut rng = Rng::new(42);
    let (mut fine, mut unassigned, mut no_value, mut spinning) = (0, 0, 0, 0);
    for case in 0..20_000 {
        let body = random_block(&mut rng, 4, 3, false);
        let ways = paths(&body, 0b001);
        let reads_nothing = ways.iter().any(|&(_, how)| how == Left::Unassigned);
        let falls_off = ways.iter().any(|&(_, how)| how == Left::End);
        let program = Program {
            name: "f".into(),
            params: 1,
            registers: vec![Kind::Int; usize::from(REGISTERS)],
            result: Some(Kind::Int),
            driver: None,
            body,
        };
        let scenario = Scenario { programs: vec![program], ..Scenario::default() };
        let said = scenario.validate().map_err(|error| error.message);
        let said = said.as_ref().map_err(String::as_str);
        match said {
            Ok(()) => {
                fine += 1;
                assert!(!reads_nothing && !falls_off, "case {case} was let through:\n{scenario}");
            }
            Err(message) if message.contains("is read before it has a value") => {
                unassigned += 1;
                assert!(reads_nothing, "case {case}: no path does that: {message}\n{scenario}");
            }
            Err(message) if message.contains("not every path returns a value") => {
                no_value += 1;
                assert!(falls_off, "case {case}: every path returns\n{scenario}");
            }
            Err(message) if message.contains("the loop does nothing") => spinning += 1,
            Err(message) => panic!("case {case}: {message}\n{scenario}"),
        }
    }
    assert!(
        fine > 300 && unassigned > 1_000 && no_value > 1_000 && spinning > 10,
        "{fine} {unassigned} {no_value} {spinning}"
    );
}
