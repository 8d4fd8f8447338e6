//! The outer parts of a scenario: version, programs, threads, environment, sites.

use super::fields::{Field, Reader};
use super::value::Json;
use super::{SCENARIO_VERSION, object, statement};
use crate::scenario::path::Path;
use crate::scenario::{Environment, Kind, Program, Scenario, ScenarioError, ThreadDecl};
use crate::{SiteId, SourceLocation};

const VERSION: &str = "ringfence_scenario";

pub(super) fn scenario(json: &Json<'_>) -> Result<Scenario, ScenarioError> {
    let mut reader = Reader::default();
    let path = Path::ROOT;
    version(&reader, json, &path)?;
    let known = [VERSION, "name", "objects", "programs", "threads", "environment", "sites"];
    let [_, name, objects, programs, threads, environment, sites] = reader.fields(json, known, &path)?;
    // First of all, so that every later error can name its source line.
    reader.sites = each(&reader, sites, "sites", &path, site)?;
    Ok(Scenario {
        name: reader.required(name, "name", &path)?,
        objects: each(&reader, objects, "objects", &path, object::read)?,
        programs: each(&reader, programs, "programs", &path, program)?,
        threads: each(&reader, threads, "threads", &path, thread)?,
        environment: read_environment(&reader, environment, &path)?,
        sites: reader.sites,
    })
}

fn version(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<(), ScenarioError> {
    match Reader::peek(json, VERSION) {
        Some(&Json::Int(version)) if version == i64::from(SCENARIO_VERSION) => Ok(()),
        Some(Json::Int(version)) => {
            let message = format!("version {version} of the format; only {SCENARIO_VERSION} can be read");
            Err(reader.error(&path.field(VERSION), message))
        }
        Some(json) => Err(reader.wrong(json, "the version of the format, a number", &path.field(VERSION))),
        None if matches!(json, Json::Object(_)) => {
            let message = format!(
                "no scenario: field `{VERSION}`, the version of the format ({SCENARIO_VERSION}), is missing"
            );
            Err(reader.error(path, message))
        }
        None => Err(reader.wrong(json, "an object", path)),
    }
}

/// Reads every element of a list, with its name and line in the path.
fn each<T>(
    reader: &Reader,
    list: Option<&Json<'_>>,
    name: &str,
    path: &Path<'_>,
    read: fn(&Reader, &Json<'_>, &Path<'_>) -> Result<T, ScenarioError>,
) -> Result<Vec<T>, ScenarioError> {
    let items = reader.list(list, name, path)?;
    let mut result = Vec::with_capacity(items.len());
    for (index, json) in items.iter().enumerate() {
        let path = path.named(name, index, Reader::peek_name(json), Reader::peek_site(json));
        result.push(read(reader, json, &path)?);
    }
    Ok(result)
}

fn site(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<SourceLocation, ScenarioError> {
    let [file, line, function] = reader.fields(json, ["file", "line", "function"], path)?;
    Ok(SourceLocation {
        file: reader.required(file, "file", path)?,
        line: reader.required(line, "line", path)?,
        function: reader.or(function, String::new(), "function", path)?,
    })
}

fn thread(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<ThreadDecl, ScenarioError> {
    let [name, program, mm, at] = reader.fields(json, ["name", "program", "mm", "at"], path)?;
    Ok(ThreadDecl {
        name: reader.required(name, "name", path)?,
        program: reader.required(program, "program", path)?,
        mm: reader.or(mm, None, "mm", path)?,
        at: reader.or(at, SiteId::UNKNOWN, "at", path)?,
    })
}

fn program(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Program, ScenarioError> {
    let known = ["name", "params", "registers", "result", "driver", "body"];
    let [name, params, registers, result, driver, body] = reader.fields(json, known, path)?;
    let name = reader.required(name, "name", path)?;
    let mut kinds = Vec::new();
    for (index, json) in reader.list(registers, "registers", path)?.iter().enumerate() {
        kinds.push(Kind::read(reader, json, &path.item("registers", index))?);
    }
    Ok(Program {
        name,
        params: reader.or(params, 0, "params", path)?,
        registers: kinds,
        result: reader.or(result, None, "result", path)?,
        driver: reader.or(driver, None, "driver", path)?,
        body: statement::block(reader, body, "body", path)?,
    })
}

fn read_environment(
    reader: &Reader,
    json: Option<&Json<'_>>,
    path: &Path<'_>,
) -> Result<Environment, ScenarioError> {
    let mut environment = Environment::quiet();
    let Some(json) = json else {
        return Ok(environment);
    };
    let path = path.field("environment");
    let mut known = ["fence_bound"; Environment::PARTS.len() + 1];
    known[1..].copy_from_slice(&Environment::PARTS);
    let [fence_bound, parts @ ..] = reader.fields(json, known, &path)?;
    environment.fence_bound = reader.or(fence_bound, Environment::FENCE_BOUND, "fence_bound", &path)?;
    for (name, json) in Environment::PARTS.into_iter().zip(parts) {
        let part = environment.part(name).expect("engine bug: a part of the environment has no switch");
        *part = reader.or(json, false, name, &path)?;
    }
    Ok(environment)
}
