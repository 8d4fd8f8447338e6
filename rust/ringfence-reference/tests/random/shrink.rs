//! Making a trace smaller while something stays true of it.

use ringfence_base::Read;
use ringfence_lockdep::trace::{Op, Trace, parse};

use crate::line::line;

/// The smallest trace found by taking operations away and simplifying those left.
pub(crate) fn shrink(trace: &Trace, still: &mut dyn FnMut(&Trace) -> bool) -> Trace {
    let mut best = trace.clone();
    loop {
        let before = best.ops.clone();
        take_away(&mut best, still);
        simplify(&mut best, still);
        if best.ops == before {
            return best;
        }
    }
}

/// Takes the candidate if it makes sense as a trace and is still true.
fn adopt(best: &mut Trace, ops: Vec<Op>, still: &mut dyn FnMut(&Trace) -> bool) -> bool {
    let candidate = Trace { ops, ..best.clone() };
    // Reading it back refuses an exit that lost its enter.
    let adopted = parse(line(&candidate).as_bytes()).is_ok() && still(&candidate);
    if adopted {
        *best = candidate;
    }
    adopted
}

fn take_away(best: &mut Trace, still: &mut dyn FnMut(&Trace) -> bool) {
    let mut size = best.ops.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < best.ops.len() {
            let mut ops = best.ops.clone();
            ops.drain(at..(at + size).min(best.ops.len()));
            if !adopt(best, ops, still) {
                at += 1;
            }
        }
        size /= 2;
    }
    // Pairs: an enter goes only together with its exit.
    for first in (0..best.ops.len()).rev() {
        for second in (first + 1..best.ops.len()).rev() {
            let mut ops = best.ops.clone();
            ops.remove(second);
            ops.remove(first);
            if adopt(best, ops, still) {
                return;
            }
        }
    }
}

fn simplify(best: &mut Trace, still: &mut dyn FnMut(&Trace) -> bool) {
    for at in 0..best.ops.len() {
        for field in 0..5 {
            let mut ops = best.ops.clone();
            let (Op::Acquire(op) | Op::Sync(op)) = &mut ops[at] else { continue };
            match field {
                0 => op.subclass = 0,
                1 => op.trylock = false,
                2 => op.read = Read::Exclusive,
                3 => op.check = true,
                _ => op.nest = None,
            }
            if ops != best.ops {
                adopt(best, ops, still);
            }
        }
    }
}
