//! Very many fences in very many buffers: ten fences in each, then all are signaled.

use ringfence_base::scenario::{
    Arg, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

/// Fences per buffer, each on a timeline of its own: a later one of the same timeline would replace it.
pub const PER_BUFFER: usize = 10;

const AT: SiteId = SiteId::UNKNOWN;
/// `DMA_RESV_USAGE_READ`.
const READ: i64 = 2;

/// Where the fences come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// They are declared, and the program names each.
    Declared,
    /// The program makes them, and finds them in their buffers again.
    Made,
}

fn call(op: Op, args: Vec<Arg>) -> Stmt {
    Stmt::Op(Operation { op, args, out: None, at: AT })
}

fn call_out(op: Op, args: Vec<Arg>, out: u16) -> Stmt {
    Stmt::Op(Operation { op, args, out: Some(out), at: AT })
}

/// Objects in the making.
#[derive(Default)]
struct Objects(Vec<Object>);

impl Objects {
    fn add(&mut self, name: String, kind: ObjectKind) -> Arg {
        self.0.push(Object { name, kind, driver: None, at: AT });
        Arg::Object(ObjectId::new(self.0.len() - 1))
    }
}

/// So many fences, in a tenth as many buffers.
pub fn scenario(origin: Origin, fences: usize) -> Scenario {
    let mut objects = Objects::default();
    let timelines: Vec<Arg> = (0..PER_BUFFER)
        .map(|n| {
            let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
            objects.add(format!("timeline{n}"), kind)
        })
        .collect();
    let (mut fill, mut signal) = (Vec::new(), Vec::new());
    for buffer in 0..fences / PER_BUFFER {
        let resv = objects.add(format!("buffer{buffer}"), ObjectKind::Resv);
        fill.push(call(Op::DmaResvLock, vec![resv.clone(), Arg::Null]));
        fill.push(call(Op::DmaResvReserveFences, vec![resv.clone(), Arg::Int(PER_BUFFER as i64)]));
        for (number, timeline) in timelines.iter().enumerate() {
            let fence = match (origin, timeline) {
                (Origin::Declared, &Arg::Object(timeline)) => {
                    let fence = ObjectKind::Fence { timeline, seqno: None };
                    let fence = objects.add(format!("fence{buffer}.{number}"), fence);
                    signal.push(call(Op::DmaFenceSignal, vec![fence.clone()]));
                    fence
                }
                _ => {
                    fill.push(call_out(Op::DmaFenceInit, vec![timeline.clone()], 0));
                    Arg::Register(0)
                }
            };
            fill.push(call(Op::DmaResvAddFence, vec![resv.clone(), fence, Arg::Int(READ)]));
            if origin == Origin::Made {
                fill.push(call(Op::DmaFencePut, vec![Arg::Register(0)]));
            }
        }
        fill.push(call(Op::DmaResvUnlock, vec![resv.clone()]));
        if origin == Origin::Made {
            signal.extend(signal_all(resv));
        }
    }
    fill.append(&mut signal);
    let body = fill;
    let registers = vec![Kind::Fence, Kind::ResvIter];
    let program = Program { name: "client".into(), params: 0, registers, result: None, driver: None, body };
    Scenario {
        name: format!("{fences} fences"),
        objects: objects.0,
        programs: vec![program],
        threads: vec![ThreadDecl { name: "client".into(), program: ProgramId::new(0), mm: None, at: AT }],
        ..Scenario::default()
    }
}

/// Signals what is in a buffer.
fn signal_all(resv: Arg) -> [Stmt; 4] {
    let (fence, cursor) = (Arg::Register(0), Arg::Register(1));
    let next = |op| call_out(op, vec![cursor.clone()], 0);
    let done = vec![Stmt::Break { at: AT }];
    let turn = vec![
        Stmt::If { cond: fence.clone(), then: Vec::new(), otherwise: done, at: AT },
        call(Op::DmaFenceSignal, vec![fence]),
        next(Op::DmaResvIterNextUnlocked),
    ];
    [
        call_out(Op::DmaResvIterBegin, vec![resv, Arg::Int(READ)], 1),
        next(Op::DmaResvIterFirstUnlocked),
        Stmt::Loop { body: turn, at: AT },
        call(Op::DmaResvIterEnd, vec![cursor.clone()]),
    ]
}
