//! Scenarios as pseudo-code that reads like the kernel's.
//!
//! For people only: nothing reads it back. It also prints scenarios that [`Scenario::validate`] refuses; what
//! is not there shows as `object#7`, `program#3` or `v9`.

mod call;
mod code;
mod declare;
mod literal;
mod names;
mod registers;

use core::fmt::{self, Write as _};

use self::code::Code;
use self::names::Names;
use super::signature::handlers;
use super::{Environment, Kind, Program, Scenario};
use crate::shown::shown;
use crate::{Gfp, ProgramId};

/// Declarations and comments are about so wide at most.
const MAX_COLUMNS: usize = 100;

/// A number of this kind, as people write it: `-ENOMEM`, `DMA_RESV_USAGE_READ`, `10 ms`, `GFP_KERNEL`.
pub fn number(kind: Kind, value: i64) -> String {
    match kind {
        Kind::Gfp => Gfp::from_bits(u32::try_from(value).unwrap_or(0)).to_string(),
        kind => literal::number(value, literal::Meaning::Of(kind)),
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Names::of(self);
        write_header(f, self)?;
        if !self.objects.is_empty() {
            f.write_char('\n')?;
        }
        let mut driver = None;
        for (index, object) in self.objects.iter().enumerate() {
            if object.driver != driver {
                driver.clone_from(&object.driver);
                write_driver(f, driver.as_deref())?;
            }
            writeln!(f, "{}", declare::object(self, &names, index, object))?;
        }
        for (index, program) in self.programs.iter().enumerate() {
            f.write_char('\n')?;
            write_program(f, self, &names, ProgramId::new(index), program)?;
        }
        write_threads(f, self, &names)
    }
}

fn write_header(f: &mut fmt::Formatter<'_>, scenario: &Scenario) -> fmt::Result {
    let name = shown(&scenario.name);
    let mut environment = scenario.environment.clone();
    if environment == Environment::quiet() {
        return writeln!(f, "/* {name} */");
    }
    let part_is_on = |part: &&str| environment.part(part) == Some(&mut true);
    let parts: Vec<String> = Environment::PARTS.into_iter().filter(part_is_on).map(str::to_owned).collect();
    writeln!(f, "/*\n * {name}\n *")?;
    match parts.len() {
        0 => {}
        count if count == Environment::PARTS.len() => {
            writeln!(f, " * Environment: everything that the contract allows others.")?;
        }
        _ => writeln!(f, " * Environment: {}.", filled(&parts).join("\n * "))?,
    }
    let bound = literal::duration(scenario.environment.fence_bound);
    writeln!(f, " * Published fences have to signal within {bound}.\n */")
}

/// What follows belongs to another driver than what comes before.
fn write_driver(f: &mut fmt::Formatter<'_>, driver: Option<&str>) -> fmt::Result {
    match driver {
        Some(driver) => writeln!(f, "/* driver {} */", shown(driver)),
        None => writeln!(f, "/* no driver's */"),
    }
}

fn write_program(
    f: &mut fmt::Formatter<'_>,
    scenario: &Scenario,
    names: &Names,
    id: ProgramId,
    program: &Program,
) -> fmt::Result {
    write_comment(f, &callers(scenario, names, id))?;
    f.write_str(&Code::of(scenario, names, id, program))
}

/// `/* thread client, gpu_shrinker.scan */`, on several lines if it takes them.
fn write_comment(f: &mut fmt::Formatter<'_>, words: &[String]) -> fmt::Result {
    let lines = filled(words);
    match &lines[..] {
        [] => writeln!(f, "/* called by nobody */"),
        [line] => writeln!(f, "/* {line} */"),
        lines => writeln!(f, "/*\n * {}\n */", lines.join("\n * ")),
    }
}

/// Words with commas between them, on lines of bearable length.
fn filled(words: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < MAX_COLUMNS => {
                line.push_str(", ");
                line.push_str(word);
            }
            Some(line) => {
                line.push(',');
                lines.push(word.clone());
            }
            None => lines.push(word.clone()),
        }
    }
    lines
}

/// Who runs a program: `thread client`, `gpu_shrinker.scan`.
fn callers(scenario: &Scenario, names: &Names, id: ProgramId) -> Vec<String> {
    let driver = scenario.programs.get(id.index()).and_then(|program| program.driver.as_ref());
    let mut callers: Vec<String> = driver.iter().map(|driver| format!("driver {}", shown(driver))).collect();
    let threads = scenario.threads.iter().filter(|thread| thread.program == id);
    callers.extend(threads.map(|thread| format!("thread {}", shown(&thread.name))));
    for (index, object) in scenario.objects.iter().enumerate() {
        for handler in handlers(&object.kind) {
            if handler.program == id {
                callers.push(format!("{}.{}", names.object(index), handler.field));
            }
        }
    }
    callers
}

fn write_threads(f: &mut fmt::Formatter<'_>, scenario: &Scenario, names: &Names) -> fmt::Result {
    if !scenario.threads.is_empty() {
        f.write_char('\n')?;
    }
    for thread in &scenario.threads {
        let program = names.program(thread.program.index());
        write!(f, "kthread_run({program}, \"{}\");", shown(&thread.name))?;
        match thread.mm {
            Some(mm) => writeln!(f, "  /* with the memory of {} */", names.object(mm.index()))?,
            None => f.write_char('\n')?,
        }
    }
    Ok(())
}
