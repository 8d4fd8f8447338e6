//! Contexts: their states, stacks and registers.

use super::{Holds, holds};
use crate::frame::Frame;
use crate::plan::{ContextKind, Plan};
use crate::thread::{State, Thread};
use crate::world::World;

impl World {
    pub(super) fn check_contexts(&self, plan: &Plan) -> Holds {
        for (task, thread) in self.threads.iter().enumerate() {
            let ready = self.ready.0.get(task / 64).is_some_and(|word| word >> (task % 64) & 1 == 1);
            holds!(
                ready == (thread.state == State::Ready),
                "task {task}: its bit says {ready}, it is {:?}",
                thread.state
            );
            check_stack(plan, thread).map_err(|what| format!("task {task}: {what}"))?;
            if thread.frames.is_empty() {
                check_nothing_to_do(plan, task, thread).map_err(|what| format!("task {task}: {what}"))?;
            } else {
                let busy = !matches!(thread.state, State::Idle | State::Done);
                holds!(busy, "task {task}: it is {:?} with {:?}", thread.state, thread.frames);
            }
        }
        let bits: u32 = self.ready.0.iter().map(|word| word.count_ones()).sum();
        holds!(bits as usize == self.ready().count(), "{bits} bits for fewer contexts");
        Ok(())
    }
}

fn check_stack(plan: &Plan, thread: &Thread) -> Holds {
    let mut end = 0;
    for frame in &thread.frames {
        if let Frame::Program(frame) = frame {
            holds!(frame.base == end, "a program's registers begin at {}, not {end}", frame.base);
            holds!((frame.pc as usize) < plan.code.len(), "it is at {}, behind all code", frame.pc);
            let after = plan.programs.partition_point(|program| program.entry <= frame.pc);
            end += plan.programs[after - 1].registers;
        }
    }
    let issued = thread.frames.iter().any(|frame| matches!(frame, Frame::Issued(_)));
    let registers = thread.registers.len();
    holds!(issued || registers == end as usize, "{registers} registers, not {end}");
    Ok(())
}

fn check_nothing_to_do(plan: &Plan, task: usize, thread: &Thread) -> Holds {
    let state = thread.state;
    holds!(thread.scratch.is_empty(), "it is {state:?}, and left {:?} behind", thread.scratch);
    let expected = match plan.contexts[task].kind {
        // One that was told nothing yet, or whose program's return is a step to come.
        ContextKind::Thread => state == State::Done || state == State::Idle || state == State::Ready,
        _ => state == State::Idle,
    };
    holds!(expected, "it is {state:?} with nothing to do");
    Ok(())
}
