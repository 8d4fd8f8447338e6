//! Statements and their arguments.

use super::fields::{Field, Reader, unknown_field};
use super::value::Json;
use super::write;
use crate::scenario::closest::unknown;
use crate::scenario::path::Path;
use crate::scenario::{Arg, Op, Operation, ScenarioError, Stmt};
use crate::{Gfp, SiteId};

/// The field that says what sort of statement it is.
const FORMS: [&str; 6] = ["op", "if", "loop", "break", "continue", "return"];

/// Reads a list of statements; none if it is left out.
pub(super) fn block(
    reader: &Reader,
    list: Option<&Json<'_>>,
    name: &str,
    path: &Path<'_>,
) -> Result<Vec<Stmt>, ScenarioError> {
    let items = reader.list(list, name, path)?;
    let mut block = Vec::with_capacity(items.len());
    for (index, json) in items.iter().enumerate() {
        let path = path.named(name, index, "", Reader::peek_site(json));
        block.push(statement(reader, json, &path)?);
    }
    Ok(block)
}

/// Writes a list of statements.
pub(super) fn write_block(out: &mut String, block: &[Stmt]) {
    write::list(out, block, write_statement);
}

fn statement(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Stmt, ScenarioError> {
    let Json::Object(entries) = json else {
        return Err(reader.wrong(json, "a statement, which is an object", path));
    };
    let Some(form) = entries.iter().find_map(|(key, _)| FORMS.into_iter().find(|form| form == key)) else {
        return Err(reader.error(path, no_form(entries.first().map(|(key, _)| key.as_ref()))));
    };
    let site = |at| reader.or(at, SiteId::UNKNOWN, "at", path);
    match form {
        "op" => operation(reader, json, path).map(Stmt::Op),
        "if" => {
            let [cond, then, otherwise, at] = reader.fields(json, ["if", "then", "else", "at"], path)?;
            Ok(Stmt::If {
                cond: reader.required(cond, "if", path)?,
                then: block(reader, then, "then", path)?,
                otherwise: block(reader, otherwise, "else", path)?,
                at: site(at)?,
            })
        }
        "loop" => {
            let [body, at] = reader.fields(json, ["loop", "at"], path)?;
            Ok(Stmt::Loop { body: block(reader, body, "loop", path)?, at: site(at)? })
        }
        "return" => {
            let [values, at] = reader.fields(json, ["return", "at"], path)?;
            let value = match reader.list(values, "return", path)? {
                [] => None,
                [value] => Some(Arg::read(reader, value, &path.item("return", 0))?),
                values => {
                    let message = format!("must be a list of one value or none, not of {}", values.len());
                    return Err(reader.error(&path.field("return"), message));
                }
            };
            Ok(Stmt::Return { value, at: site(at)? })
        }
        jump => {
            let [marker, at] = reader.fields(json, [jump, "at"], path)?;
            match marker {
                Some(Json::Bool(true)) => {}
                _ => return Err(reader.error(&path.field(jump), "must be true")),
            }
            let at = site(at)?;
            Ok(if jump == "break" { Stmt::Break { at } } else { Stmt::Continue { at } })
        }
    }
}

fn no_form(first: Option<&str>) -> String {
    match first {
        Some(field) => unknown_field(field, &FORMS),
        None => format!("a statement has one of the fields `{}`", FORMS.join("`, `")),
    }
}

fn operation(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Operation, ScenarioError> {
    let [op, args, out, at] = reader.fields(json, ["op", "args", "out", "at"], path)?;
    let op = match op {
        Some(Json::Text(name)) => Op::from_name(name).ok_or_else(|| {
            let message = unknown("operation", name, Op::ALL.iter().map(|op| op.name()));
            reader.error(path, message)
        })?,
        _ => return Err(reader.error(&path.field("op"), "must be the name of an operation")),
    };
    let items = reader.list(args, "args", path)?;
    let mut args = Vec::with_capacity(items.len());
    for (index, json) in items.iter().enumerate() {
        args.push(Arg::read(reader, json, &path.item("args", index))?);
    }
    let at = reader.or(at, SiteId::UNKNOWN, "at", path)?;
    Ok(Operation { op, args, out: reader.or(out, None, "out", path)?, at })
}

fn write_statement(out: &mut String, stmt: &Stmt) {
    match stmt {
        Stmt::Op(operation) => {
            out.push_str("{\"op\":");
            write::text(out, operation.op.name());
            if !operation.args.is_empty() {
                out.push_str(",\"args\":");
                write::list(out, &operation.args, |out, arg| arg.write(out));
            }
            if operation.out.is_some() {
                write::field(out, "out", &operation.out);
            }
        }
        Stmt::If { cond, then, otherwise, .. } => {
            out.push_str("{\"if\":");
            cond.write(out);
            out.push_str(",\"then\":");
            write_block(out, then);
            if !otherwise.is_empty() {
                out.push_str(",\"else\":");
                write_block(out, otherwise);
            }
        }
        Stmt::Loop { body, .. } => {
            out.push_str("{\"loop\":");
            write_block(out, body);
        }
        Stmt::Break { .. } => out.push_str("{\"break\":true"),
        Stmt::Continue { .. } => out.push_str("{\"continue\":true"),
        Stmt::Return { value, .. } => {
            out.push_str("{\"return\":");
            write::list(out, value.as_slice(), |out, arg| arg.write(out));
        }
    }
    write::site(out, stmt.at());
    out.push('}');
}

impl Field for Arg {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        match json {
            Json::Int(value) => Ok(Self::Int(*value)),
            Json::Null => Ok(Self::Null),
            Json::Text(text) => Ok(Self::Text(text.to_string())),
            Json::List(items) => {
                let read = |(index, json)| Self::read(reader, json, &path.item("", index));
                items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self::List)
            }
            Json::Object(_) => reference(reader, json, path),
            Json::Bool(_) => Err(reader.error(path, "must be an argument; a truth value is written 1 or 0")),
            Json::Large(_) | Json::Float => Err(reader.wrong(json, "an integer of 64 bits", path)),
        }
    }

    fn write(&self, out: &mut String) {
        let mut tagged = |tag: &str, value: &dyn Fn(&mut String)| {
            out.push_str("{\"");
            out.push_str(tag);
            out.push_str("\":");
            value(out);
            out.push('}');
        };
        match self {
            Self::Gfp(gfp) => tagged("gfp", &|out| write::text(out, &gfp.to_string())),
            Self::Object(id) => tagged("obj", &|out| id.write(out)),
            Self::Register(register) => tagged("reg", &|out| register.write(out)),
            Self::Int(value) => value.write(out),
            Self::Null => out.push_str("null"),
            Self::List(items) => write::list(out, items, |out, item| item.write(out)),
            Self::Text(text) => write::text(out, text),
        }
    }
}

/// `{"obj":1}`, `{"reg":2}` or `{"gfp":"GFP_KERNEL"}`.
fn reference(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Arg, ScenarioError> {
    match reader.fields(json, ["obj", "reg", "gfp"], path)? {
        [Some(object), None, None] => reader.required(Some(object), "obj", path).map(Arg::Object),
        [None, Some(register), None] => reader.required(Some(register), "reg", path).map(Arg::Register),
        [None, None, Some(gfp)] => {
            let path = path.field("gfp");
            let text = String::read(reader, gfp, &path)?;
            Gfp::parse(&text).map(Arg::Gfp).map_err(|error| reader.error(&path, error.to_string()))
        }
        _ => Err(reader.error(path, "must have exactly one of the fields `obj`, `reg` and `gfp`")),
    }
}
