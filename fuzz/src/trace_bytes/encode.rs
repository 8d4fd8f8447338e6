//! Traces as bytes, for seeds: the way back.

use ringfence::base::Read;
use ringfence::validator::annotations::{Gfp, Scope};
use ringfence::validator::trace::{AcquireOp, LockDecl, Op, Trace};

use super::{
    ACQUIRE_PLAIN, GFPS, HARDIRQ_ENTER_THREADED, NAMES, NAMES_OF_OPS, NEST, NO_CHECK, NO_MMU_NOTIFIER,
    SUBCLASS_FOLLOWS, TABLE, TABLE_MAX, TRYLOCK,
};

/// The bytes of a trace under one of the named profiles, for seeds; `None` if it can't be written as bytes.
pub fn encode(trace: &Trace, profile: &str, mmu_notifier: bool) -> Option<Vec<u8>> {
    let mut header = match profile {
        "next" => 1,
        "5.9" => 2,
        _ => 0,
    };
    if !mmu_notifier {
        header |= NO_MMU_NOTIFIER;
    }
    let self_describing = trace.locks.iter().all(|lock| NAMES.contains(&lock.name.as_str()));
    if self_describing {
        let mut bytes = vec![header];
        let index = |lock: u32| {
            let name = &trace.locks[lock as usize].name;
            NAMES.iter().position(|known| known == name).map(|index| index as u8)
        };
        trace.ops.iter().try_for_each(|op| encode_op(op, &trace.tasks, &index, &mut bytes))?;
        return Some(bytes);
    }
    if trace.locks.len() > TABLE_MAX || trace.classes.len() > 16 {
        return None;
    }
    let mut bytes = vec![header | TABLE, (trace.locks.len() - 1) as u8];
    bytes.extend(trace.locks.iter().flat_map(encode_lock));
    trace.ops.iter().try_for_each(|op| encode_op(op, &trace.tasks, &|lock| Some(lock as u8), &mut bytes))?;
    Some(bytes)
}

fn encode_lock(lock: &LockDecl) -> [u8; 2] {
    let kind = lock.kind;
    [lock.class as u8, kind.wait_inner as u8 + 5 * kind.wait_outer as u8 + 25 * kind.lock_type as u8]
}

fn code_of(name: &str) -> Option<u8> {
    NAMES_OF_OPS.iter().position(|known| *known == name).map(|code| code as u8)
}

fn encode_op(op: &Op, tasks: &[u64], lock: &impl Fn(u32) -> Option<u8>, bytes: &mut Vec<u8>) -> Option<()> {
    let gfp = |mask: Gfp| {
        let same = |text: &&str| Gfp::parse(text).is_ok_and(|known| known == mask);
        GFPS.iter().position(same).map(|index| index as u8)
    };
    match *op {
        Op::Task(task) => bytes.extend([code_of("task")?, u8::try_from(tasks[task as usize]).ok()?]),
        Op::Acquire(op) => encode_acquire(&op, "acquire", lock, bytes)?,
        Op::Sync(op) => encode_acquire(&op, "sync", lock, bytes)?,
        Op::Release(index) => bytes.extend([code_of("release")?, lock(index)?]),
        Op::Downgrade(index) => bytes.extend([code_of("downgrade")?, lock(index)?]),
        Op::Free(index) => bytes.extend([code_of("free")?, lock(index)?]),
        Op::HardirqEnter { threaded: true } => bytes.push(HARDIRQ_ENTER_THREADED),
        Op::Alloc(mask) => bytes.extend([code_of("alloc")?, gfp(mask)?]),
        Op::FsReclaimAcquire(mask) => bytes.extend([code_of("fs_reclaim_acquire")?, gfp(mask)?]),
        Op::FsReclaimRelease(mask) => bytes.extend([code_of("fs_reclaim_release")?, gfp(mask)?]),
        ref plain => bytes.push(code_of(plain_name(plain)?)?),
    }
    Some(())
}

fn encode_acquire(
    op: &AcquireOp,
    name: &str,
    lock: &impl Fn(u32) -> Option<u8>,
    bytes: &mut Vec<u8>,
) -> Option<()> {
    let read = match op.read {
        Read::Exclusive => 0,
        Read::Shared => 1,
        Read::Recursive => 2,
    };
    let plain = AcquireOp {
        lock: op.lock,
        subclass: 0,
        trylock: false,
        read: Read::Exclusive,
        check: true,
        nest: None,
    };
    if *op == plain && name == "acquire" {
        bytes.extend([ACQUIRE_PLAIN, lock(op.lock)?]);
        return Some(());
    }
    let subclass = u8::try_from(op.subclass).ok()?.min(SUBCLASS_FOLLOWS);
    let mut options = subclass << 5 | read << 1;
    options |= if op.trylock { TRYLOCK } else { 0 };
    options |= if op.check { 0 } else { NO_CHECK };
    options |= if op.nest.is_some() { NEST } else { 0 };
    bytes.extend([code_of(name)?, lock(op.lock)?, options]);
    if subclass == SUBCLASS_FOLLOWS {
        bytes.push(op.subclass as u8);
    }
    if let Some(nest) = op.nest {
        bytes.push(lock(nest)?);
    }
    Some(())
}

fn plain_name(op: &Op) -> Option<&'static str> {
    Some(match op {
        Op::IrqOff => "irq_off",
        Op::IrqOn => "irq_on",
        Op::BhDisable => "bh_disable",
        Op::BhEnable => "bh_enable",
        Op::HardirqEnter { threaded: false } => "hardirq_enter",
        Op::HardirqExit => "hardirq_exit",
        Op::SoftirqEnter => "softirq_enter",
        Op::SoftirqExit => "softirq_exit",
        Op::ScopeSave(Scope::Nofs) => "nofs_save",
        Op::ScopeSave(Scope::Noio) => "noio_save",
        Op::ScopeSave(Scope::Memalloc) => "memalloc_save",
        Op::ScopeRestore(Scope::Nofs) => "nofs_restore",
        Op::ScopeRestore(Scope::Noio) => "noio_restore",
        Op::ScopeRestore(Scope::Memalloc) => "memalloc_restore",
        Op::BeginSignalling => "begin_signalling",
        Op::EndSignalling => "end_signalling",
        Op::FenceMightWait => "fence_might_wait",
        Op::InvalidateRangeStart => "invalidate_range_start",
        Op::InvalidateRangeEnd => "invalidate_range_end",
        Op::Prime => "prime",
        _ => return None,
    })
}
