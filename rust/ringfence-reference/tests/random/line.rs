//! A trace as a line of the conformance format.

use std::fmt::Write as _;

use ringfence_base::Read;
use ringfence_lockdep::trace::{AcquireOp, Op, Trace};

/// The line; `trace` must hold lock operations only and have names that need no escaping.
pub(crate) fn line(trace: &Trace) -> String {
    let name = |lock: u32| &*trace.locks[lock as usize].name;
    let mut text = format!(r#"{{"id":"{}","family":"{}","locks":{{"#, trace.id, trace.family);
    for (index, lock) in trace.locks.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let class = &trace.classes[lock.class as usize];
        let (inner, outer, kind) =
            (lock.kind.wait_inner as u8, lock.kind.wait_outer as u8, lock.kind.lock_type as u8);
        let lock = &lock.name;
        write!(
            text,
            r#"{comma}"{lock}":{{"class":"{class}","wait_inner":{inner},"wait_outer":{outer},"lock_type":{kind}}}"#
        )
        .unwrap();
    }
    let ops: Vec<String> = trace.ops.iter().map(|op| op_text(op, &name)).collect();
    write!(text, r#"}},"ops":[{}],"verdict":null}}"#, ops.join(",")).unwrap();
    text
}

fn op_text<'a>(op: &Op, name: &dyn Fn(u32) -> &'a str) -> String {
    let with_lock = |op: &str, lock| format!(r#"["{op}","{}"]"#, name(lock));
    match op {
        Op::Task(task) => format!(r#"["task",{task}]"#),
        Op::Acquire(op) => acquire_text("acquire", op, name),
        Op::Sync(op) => acquire_text("sync", op, name),
        Op::Release(lock) => with_lock("release", *lock),
        Op::Downgrade(lock) => with_lock("downgrade", *lock),
        Op::Free(lock) => with_lock("free", *lock),
        Op::IrqOff => r#"["irq_off"]"#.into(),
        Op::IrqOn => r#"["irq_on"]"#.into(),
        Op::BhDisable => r#"["bh_disable"]"#.into(),
        Op::BhEnable => r#"["bh_enable"]"#.into(),
        Op::HardirqEnter { threaded: true } => r#"["hardirq_enter",{"threaded":1}]"#.into(),
        Op::HardirqEnter { threaded: false } => r#"["hardirq_enter"]"#.into(),
        Op::HardirqExit => r#"["hardirq_exit"]"#.into(),
        Op::SoftirqEnter => r#"["softirq_enter"]"#.into(),
        Op::SoftirqExit => r#"["softirq_exit"]"#.into(),
        _ => unreachable!("not an operation on locks"),
    }
}

fn acquire_text<'a>(what: &str, op: &AcquireOp, name: &dyn Fn(u32) -> &'a str) -> String {
    let mut options = Vec::new();
    if op.subclass != 0 {
        options.push(format!(r#""subclass":{}"#, op.subclass));
    }
    if op.trylock {
        options.push(r#""trylock":1"#.into());
    }
    if op.read != Read::Exclusive {
        options.push(format!(r#""read":{}"#, op.read as u8));
    }
    if !op.check {
        options.push(r#""check":0"#.into());
    }
    if let Some(nest) = op.nest {
        options.push(format!(r#""nest":"{}""#, name(nest)));
    }
    let lock = name(op.lock);
    if options.is_empty() {
        return format!(r#"["{what}","{lock}"]"#);
    }
    format!(r#"["{what}","{lock}",{{{}}}]"#, options.join(","))
}
