//! What begins and what ends it: a smaller scenario must not contain a mistake that the larger one does not, such as
//! an unlock that is missing.

use ringfence_base::scenario::{Arg, Op, Operation, Stmt};

use super::edit::operations;

/// What ends what this operation begins; nothing if it begins nothing.
fn ends(op: Op) -> &'static [Op] {
    match op {
        Op::SpinLock | Op::SpinTrylock | Op::SpinLockNested => &[Op::SpinUnlock],
        Op::SpinLockBh => &[Op::SpinUnlockBh],
        Op::SpinLockIrq => &[Op::SpinUnlockIrq],
        Op::SpinLockIrqsave => &[Op::SpinUnlockIrqrestore],
        Op::ReadLock | Op::ReadTrylock => &[Op::ReadUnlock],
        Op::WriteLock | Op::WriteTrylock => &[Op::WriteUnlock],
        Op::ReadLockIrqsave => &[Op::ReadUnlockIrqrestore],
        Op::WriteLockIrqsave => &[Op::WriteUnlockIrqrestore],
        Op::MutexLock | Op::MutexLockNested | Op::MutexLockInterruptible | Op::MutexTrylock => {
            &[Op::MutexUnlock]
        }
        Op::DownRead | Op::DownReadInterruptible | Op::DownReadTrylock => &[Op::UpRead],
        Op::DownWrite | Op::DownWriteKillable | Op::DownWriteTrylock => {
            &[Op::UpWrite, Op::DowngradeWrite, Op::UpRead]
        }
        Op::LocalLock => &[Op::LocalUnlock],
        Op::WwMutexLock
        | Op::WwMutexLockInterruptible
        | Op::WwMutexLockSlow
        | Op::WwMutexLockSlowInterruptible
        | Op::WwMutexTrylock => &[Op::WwMutexUnlock],
        Op::DmaResvLock
        | Op::DmaResvLockInterruptible
        | Op::DmaResvLockSlow
        | Op::DmaResvLockSlowInterruptible
        | Op::DmaResvTrylock => &[Op::DmaResvUnlock],
        Op::WwAcquireInit => &[Op::WwAcquireDone, Op::WwAcquireFini],
        Op::PreemptDisable => &[Op::PreemptEnable],
        Op::LocalIrqDisable => &[Op::LocalIrqEnable],
        Op::LocalIrqSave => &[Op::LocalIrqRestore],
        Op::LocalBhDisable => &[Op::LocalBhEnable],
        Op::RcuReadLock => &[Op::RcuReadUnlock],
        Op::NonBlockStart => &[Op::NonBlockEnd],
        Op::FsReclaimAcquire => &[Op::FsReclaimRelease],
        Op::MemallocNofsSave => &[Op::MemallocNofsRestore],
        Op::MemallocNoioSave => &[Op::MemallocNoioRestore],
        Op::MemallocNoreclaimSave => &[Op::MemallocNoreclaimRestore],
        Op::MmapReadLock | Op::MmapReadTrylock => &[Op::MmapReadUnlock],
        Op::MmapWriteLock => &[Op::MmapWriteUnlock],
        Op::MmuNotifierInvalidateRangeStart => &[Op::MmuNotifierInvalidateRangeEnd],
        Op::GetUserPages | Op::GetUserPagesFast => &[Op::PutPages],
        Op::Mmget | Op::MmgetNotZero => &[Op::Mmput],
        Op::DisableIrq | Op::DisableIrqNosync => &[Op::EnableIrq],
        Op::Kmalloc => &[Op::Kfree],
        Op::DmaFenceBeginSignalling => &[Op::DmaFenceEndSignalling],
        Op::DmaFenceLock => &[Op::DmaFenceUnlock],
        Op::DmaResvIterBegin => &[Op::DmaResvIterEnd],
        _ => &[],
    }
}

/// Statements that are left out together, by their numbers in the text: an operation with what ends it, or one alone.
pub(super) type Unit = Vec<usize>;

/// All statements of a program. What ends something belongs to the latest beginning of the same that nothing has
/// ended yet; on another way out of the program, to the latest one.
pub(super) fn units(body: &[Stmt]) -> Vec<Unit> {
    let all: Vec<Option<&Operation>> = operations(body).collect();
    let mut units: Vec<Unit> = Vec::new();
    for (index, operation) in all.iter().enumerate() {
        let begun = |unit: &&mut Unit| match (all[unit[0]], operation) {
            (Some(begin), Some(end)) => ends(begin.op).contains(&end.op) && concerns(end, begin),
            _ => false,
        };
        let open = units.iter_mut().rev().filter(begun).find(|unit| unit.len() == 1);
        let latest = if open.is_some() { open } else { units.iter_mut().rev().find(begun) };
        match latest {
            Some(unit) => unit.push(index),
            None => units.push(vec![index]),
        }
    }
    units
}

/// Nothing of one program is left open that the other one ends.
pub(super) fn as_closed(smaller: &[Stmt], larger: &[Stmt]) -> bool {
    let known: Vec<&Operation> = left_open(larger).collect();
    left_open(smaller).all(|operation| known.contains(&operation))
}

/// What begins something that nothing ends.
fn left_open(body: &[Stmt]) -> impl Iterator<Item = &Operation> {
    let all: Vec<Option<&Operation>> = operations(body).collect();
    let alone = units(body).into_iter().filter(|unit| unit.len() == 1);
    alone.filter_map(move |unit| all[unit[0]].filter(|operation| !ends(operation.op).is_empty()))
}

/// It ends what that one has begun: by its result, if it takes one, or on the same object.
fn concerns(end: &Operation, begin: &Operation) -> bool {
    let takes_results = end.args.iter().any(|arg| matches!(arg, Arg::Register(_)));
    match begin.out.map(Arg::Register) {
        Some(result) if takes_results => end.args.contains(&result),
        _ => end.args.is_empty() || end.args.first() == begin.args.first(),
    }
}
