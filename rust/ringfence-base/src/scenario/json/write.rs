//! Writing: compact, in a fixed order, defaults left out.

use core::fmt::{Display, Write as _};

use super::fields::Field;
use super::{SCENARIO_VERSION, object, statement};
use crate::scenario::{Environment, Program, Scenario, ThreadDecl};
use crate::{SiteId, SourceLocation};

pub(super) fn scenario(scenario: &Scenario) -> String {
    let mut out = String::with_capacity(4096);
    out.push_str("{\"ringfence_scenario\":");
    number(&mut out, SCENARIO_VERSION);
    field(&mut out, "name", &scenario.name);
    list_field(&mut out, "objects", &scenario.objects, object::write);
    list_field(&mut out, "programs", &scenario.programs, program);
    list_field(&mut out, "threads", &scenario.threads, thread);
    if scenario.environment != Environment::quiet() {
        environment(&mut out, &scenario.environment);
    }
    list_field(&mut out, "sites", &scenario.sites, location);
    out.push('}');
    out
}

fn program(out: &mut String, program: &Program) {
    out.push_str("{\"name\":");
    text(out, &program.name);
    if program.params != 0 {
        field(out, "params", &program.params);
    }
    list_field(out, "registers", &program.registers, |out, kind| kind.write(out));
    if program.result.is_some() {
        field(out, "result", &program.result);
    }
    driver(out, program.driver.as_ref());
    out.push_str(",\"body\":");
    statement::write_block(out, &program.body);
    out.push('}');
}

fn thread(out: &mut String, thread: &ThreadDecl) {
    out.push_str("{\"name\":");
    text(out, &thread.name);
    field(out, "program", &thread.program);
    if thread.mm.is_some() {
        field(out, "mm", &thread.mm);
    }
    site(out, thread.at);
    out.push('}');
}

fn environment(out: &mut String, environment: &Environment) {
    let mut environment = environment.clone();
    out.push_str(",\"environment\":{\"fence_bound\":");
    number(out, environment.fence_bound);
    for part in Environment::PARTS {
        if environment.part(part) == Some(&mut true) {
            field(out, part, &true);
        }
    }
    out.push('}');
}

fn location(out: &mut String, location: &SourceLocation) {
    out.push_str("{\"file\":");
    text(out, &location.file);
    field(out, "line", &location.line);
    if !location.function.is_empty() {
        field(out, "function", &location.function);
    }
    out.push('}');
}

/// `,"at":3`, or nothing for the unknown place.
pub(super) fn site(out: &mut String, at: SiteId) {
    if at != SiteId::UNKNOWN {
        field(out, "at", &at);
    }
}

/// `,"driver":"gpu"`, or nothing.
pub(super) fn driver(out: &mut String, driver: Option<&String>) {
    if let Some(driver) = driver {
        field(out, "driver", driver);
    }
}

/// `,"name":value`.
pub(super) fn field(out: &mut String, name: &str, value: &impl Field) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    value.write(out);
}

/// `,"name":[…]`, or nothing for an empty list.
fn list_field<T>(out: &mut String, name: &str, items: &[T], write: fn(&mut String, &T)) {
    if !items.is_empty() {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        list(out, items, write);
    }
}

/// `[a,b]`.
pub(super) fn list<T>(out: &mut String, items: &[T], write: fn(&mut String, &T)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// A number.
pub(super) fn number(out: &mut String, number: impl Display) {
    let _ = write!(out, "{number}");
}

/// A text, with what JSON wants escaped.
pub(super) fn text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.push_str(&rest[..at]);
        let escaped = rest.as_bytes()[at];
        match escaped {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
