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

/// All statements of a program.
pub(super) fn units(body: &[Stmt]) -> Vec<Unit> {
    let all: Vec<Option<&Operation>> = operations(body).collect();
    let mut units: Vec<Unit> = Vec::new();
    let mut taken = vec![false; all.len()];
    for (index, begin) in all.iter().enumerate() {
        if taken[index] {
            continue;
        }
        let mut unit = vec![index];
        if let Some(begin) = begin {
            for (end, operation) in all.iter().enumerate().skip(index + 1) {
                let Some(operation) = operation.filter(|_| !taken[end]) else { continue };
                if begins(operation, begin) {
                    break;
                }
                if ends(begin.op).contains(&operation.op) && concerns(operation, begin) {
                    unit.push(end);
                    taken[end] = true;
                }
            }
        }
        units.push(unit);
    }
    units
}

/// It begins the same thing once more.
fn begins(operation: &Operation, begin: &Operation) -> bool {
    let alike = !ends(operation.op).is_empty() && ends(operation.op) == ends(begin.op);
    alike && operation.out == begin.out && operation.args.first() == begin.args.first()
}

/// It ends what that one has begun: by its result, if it takes one, or on the same object.
fn concerns(end: &Operation, begin: &Operation) -> bool {
    let takes_results = end.args.iter().any(|arg| matches!(arg, Arg::Register(_)));
    match begin.out.map(Arg::Register) {
        Some(result) if takes_results => end.args.contains(&result),
        _ => end.args.is_empty() || end.args.first() == begin.args.first(),
    }
}
