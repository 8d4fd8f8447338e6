//! Bytes as a trace: every byte string is some well-formed trace, and every recorded trace has its bytes.
//!
//! The first byte is the profile, then comes the lock table if that byte asks for one, then the operations, one
//! byte for the name and as many as it takes for the arguments. What would be malformed (an exit without an
//! enter) is left out, so that all bytes are of use to a mutator.

mod encode;

use std::fmt::Write as _;

use ringfence::base::KERNEL_LIMITS;
use ringfence::validator::annotations::Profile;

pub use encode::encode;

/// Longest trace, in operations.
pub const OPS_MAX: usize = 256;
/// Largest lock table.
const TABLE_MAX: usize = 16;

/// Bits of the first byte; the lowest two are the profile's name.
const NO_MMU_NOTIFIER: u8 = 1 << 2;
const NO_RAW_LOCK_NESTING: u8 = 1 << 3;
const LIMITS: u8 = 1 << 4;
const TABLE: u8 = 1 << 5;
const NO_LOCKDEP: u8 = 0b11 << 6;

/// Locks of traces without a table. Their names say what they are.
#[rustfmt::skip]
const NAMES: [&str; 48] = [
    "M0", "M1", "M2", "M3", "M4", "M0'", "M1'", "M2'", "S0", "S1", "S2", "S3", "S4", "S0'", "S1'", "S2'",
    "R0", "R1", "W0", "W1", "W2", "W0'", "W1'", "R0'", "Q0", "Q1", "Q2", "Q0'", "Q1'", "M3'", "S3'", "P1'",
    "P0", "P1", "P2", "P0'", "resv0", "resv1", "resv2", "resv3", "ww_ctx0", "ww_ctx1", "ww_ctx2", "ww_ctx3",
    "mmap_lock", "i_mmap_rwsem", "M5", "S5",
];

const GFPS: [&str; 8] = [
    "GFP_KERNEL",
    "GFP_NOFS",
    "GFP_NOIO",
    "GFP_NOWAIT",
    "GFP_ATOMIC",
    "GFP_KERNEL|__GFP_NOLOCKDEP",
    "GFP_KERNEL&~__GFP_DIRECT_RECLAIM",
    "__GFP_FS|__GFP_DIRECT_RECLAIM",
];

/// Names by opcode. The empty ones are the forms below.
#[rustfmt::skip]
const NAMES_OF_OPS: [&str; 32] = [
    "task", "acquire", "release", "sync", "downgrade", "free", "irq_off", "irq_on", "bh_disable",
    "bh_enable", "hardirq_enter", "hardirq_exit", "softirq_enter", "softirq_exit", "alloc",
    "fs_reclaim_acquire", "fs_reclaim_release", "nofs_save", "nofs_restore", "noio_save", "noio_restore",
    "memalloc_save", "memalloc_restore", "begin_signalling", "end_signalling", "fence_might_wait",
    "invalidate_range_start", "invalidate_range_end", "prime", "", "", "",
];
/// `acquire` without options.
const ACQUIRE_PLAIN: u8 = 29;
/// `hardirq_enter` of a threaded handler.
const HARDIRQ_ENTER_THREADED: u8 = 30;
/// `release` of the lock taken last, which makes most traces sensible.
const RELEASE_LAST: u8 = 31;

/// Bits of an acquisition's options; the highest three are the subclass.
const TRYLOCK: u8 = 1;
const NO_CHECK: u8 = 1 << 3;
const NEST: u8 = 1 << 4;
/// The subclass is in a byte of its own.
const SUBCLASS_FOLLOWS: u8 = 7;

/// What the bytes mean.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Which kernel.
    pub profile: Profile,
    /// The trace as a line of a trace file.
    pub line: String,
}

/// What is open on a task.
#[derive(Clone, Default)]
struct Task {
    hardirq: u32,
    softirq: u32,
    bh: u32,
    signalling: u32,
    taken: Vec<String>,
}

struct Decoder<'a> {
    bytes: std::slice::Iter<'a, u8>,
    line: String,
    locks: Vec<String>,
    tasks: [Task; 4],
    task: usize,
}

/// The trace that these bytes are.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut bytes = bytes.iter();
    let header = bytes.next().copied().unwrap_or(0);
    let mut decoder =
        Decoder { bytes, line: r#"{"id":"t""#.into(), locks: Vec::new(), tasks: Default::default(), task: 0 };
    if header & TABLE == 0 {
        decoder.locks.extend(NAMES.map(str::to_owned));
    } else {
        decoder.table();
    }
    decoder.line += r#","ops":["#;
    let mut comma = "";
    for _ in 0..OPS_MAX {
        let Some(byte) = decoder.byte() else { break };
        if let Some(op) = decoder.op(byte % 32) {
            decoder.line += comma;
            decoder.line += &op;
            comma = ",";
        }
    }
    decoder.line += "]}";
    Decoded { profile: profile(header), line: decoder.line }
}

fn profile(header: u8) -> Profile {
    let mut profile = match header & 3 {
        1 => Profile::NEXT,
        2 => Profile::V5_9,
        _ => Profile::V6_12,
    };
    profile.mmu_notifier = header & NO_MMU_NOTIFIER == 0;
    profile.raw_lock_nesting = header & NO_RAW_LOCK_NESTING == 0;
    profile.lockdep = header & NO_LOCKDEP != NO_LOCKDEP;
    if header & LIMITS != 0 {
        profile.limits = KERNEL_LIMITS;
    }
    profile
}

impl Decoder<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.bytes.next().copied()
    }

    fn table(&mut self) {
        let count = usize::from(self.byte().unwrap_or(0)) % TABLE_MAX + 1;
        self.line += r#","locks":{"#;
        for index in 0..count {
            let class = self.byte().unwrap_or(0) % 16;
            let kind = self.byte().unwrap_or(0);
            let (inner, outer, sort) = (kind % 5, kind / 5 % 5, kind / 25 % 3);
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(self.line, r#"{comma}"L{index}":{{"class":"c{class}","wait_inner":{inner},"#);
            let _ = write!(self.line, r#""wait_outer":{outer},"lock_type":{sort}}}"#);
            self.locks.push(format!("L{index}"));
        }
        self.line += "}";
    }

    fn lock(&mut self) -> Option<String> {
        let index = usize::from(self.byte()?);
        Some(self.locks[index % self.locks.len()].clone())
    }

    /// The operation as JSON; `None` if it would be malformed here or the bytes end.
    fn op(&mut self, code: u8) -> Option<String> {
        let name = NAMES_OF_OPS[usize::from(code)];
        match name {
            "task" => {
                let number = self.byte()? % 4;
                self.task = usize::from(number);
                return Some(format!(r#"["task",{number}]"#));
            }
            "acquire" | "sync" => return self.acquire(name),
            "release" | "downgrade" | "free" => return Some(format!(r#"["{name}","{}"]"#, self.lock()?)),
            "alloc" | "fs_reclaim_acquire" | "fs_reclaim_release" => {
                let gfp = GFPS[usize::from(self.byte()?) % GFPS.len()];
                return Some(format!(r#"["{name}","{gfp}"]"#));
            }
            _ => {}
        }
        let task = &mut self.tasks[self.task];
        let close = |depth: &mut u32| depth.checked_sub(1).map(|less| *depth = less);
        match (name, code) {
            ("irq_on", _) if task.hardirq != 0 => return None,
            ("bh_disable", _) => task.bh += 1,
            ("bh_enable", _) => close(&mut task.bh)?,
            ("hardirq_enter", _) | (_, HARDIRQ_ENTER_THREADED) => task.hardirq += 1,
            ("hardirq_exit", _) => close(&mut task.hardirq)?,
            ("softirq_enter", _) => task.softirq += 1,
            ("softirq_exit", _) => close(&mut task.softirq)?,
            ("begin_signalling", _) => task.signalling += 1,
            ("end_signalling", _) => close(&mut task.signalling)?,
            _ => {}
        }
        Some(match code {
            ACQUIRE_PLAIN => {
                let lock = self.lock()?;
                self.tasks[self.task].taken.push(lock.clone());
                format!(r#"["acquire","{lock}"]"#)
            }
            HARDIRQ_ENTER_THREADED => r#"["hardirq_enter",{"threaded":1}]"#.into(),
            RELEASE_LAST => format!(r#"["release","{}"]"#, self.tasks[self.task].taken.pop()?),
            _ => format!(r#"["{name}"]"#),
        })
    }

    fn acquire(&mut self, name: &str) -> Option<String> {
        let lock = self.lock()?;
        let options = self.byte()?;
        let read = match options >> 1 & 3 {
            3 => 0,
            read => read,
        };
        let mut subclass = u64::from(options >> 5);
        if options >> 5 == SUBCLASS_FOLLOWS {
            // The largest one is a subclass too.
            subclass = match self.byte()? {
                u8::MAX => u64::from(u32::MAX),
                small => u64::from(small),
            };
        }
        let (trylock, check) = (options & TRYLOCK, u8::from(options & NO_CHECK == 0));
        let mut op = format!(
            r#"["{name}","{lock}",{{"subclass":{subclass},"trylock":{trylock},"read":{read},"check":{check}"#
        );
        if options & NEST != 0 {
            let _ = write!(op, r#","nest":"{}""#, self.lock()?);
        }
        if name == "acquire" {
            self.tasks[self.task].taken.push(lock);
        }
        Some(op + "}]")
    }
}
