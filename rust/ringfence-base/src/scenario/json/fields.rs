//! Taking JSON values for what they should be, with errors that name the place.

use super::value::Json;
use super::write;
use crate::scenario::closest::unknown;
use crate::scenario::path::Path;
use crate::scenario::{GpuHang, Kind, ScenarioError, SchedFix, SchedPolicy, SemaphorePoint, WwAlgorithm};
use crate::shown::shown;
use crate::{ObjectId, ProgramId, SiteId, SourceLocation};

/// Reads with the sites at hand that errors are reported with.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) sites: Vec<SourceLocation>,
}

/// A type that a field can have.
pub(super) trait Field: Sized {
    /// Reads it.
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError>;
    /// Writes it.
    fn write(&self, out: &mut String);
}

impl Reader {
    pub(super) fn error(&self, path: &Path<'_>, message: impl Into<String>) -> ScenarioError {
        path.error(&self.sites, message)
    }

    pub(super) fn wrong(&self, json: &Json<'_>, wanted: &str, path: &Path<'_>) -> ScenarioError {
        self.error(path, format!("must be {wanted}, not {}", json.what()))
    }

    /// The values of these fields. Others are refused, and so is a field that is there twice.
    pub(super) fn fields<'v, 'a, const N: usize>(
        &self,
        json: &'v Json<'a>,
        known: [&'static str; N],
        path: &Path<'_>,
    ) -> Result<[Option<&'v Json<'a>>; N], ScenarioError> {
        let Json::Object(entries) = json else {
            return Err(self.wrong(json, "an object", path));
        };
        let mut values = [None; N];
        for (key, value) in entries {
            let Some(index) = known.iter().position(|known| known == key) else {
                return Err(self.error(path, unknown_field(key, &known)));
            };
            if values[index].replace(value).is_some() {
                return Err(self.error(path, format!("field `{key}` is there twice")));
            }
        }
        Ok(values)
    }

    pub(super) fn required<T: Field>(
        &self,
        json: Option<&Json<'_>>,
        name: &str,
        path: &Path<'_>,
    ) -> Result<T, ScenarioError> {
        match json {
            Some(json) => T::read(self, json, &path.field(name)),
            None => Err(self.error(path, format!("field `{name}` is missing"))),
        }
    }

    pub(super) fn or<T: Field>(
        &self,
        json: Option<&Json<'_>>,
        default: T,
        name: &str,
        path: &Path<'_>,
    ) -> Result<T, ScenarioError> {
        json.map_or(Ok(default), |json| T::read(self, json, &path.field(name)))
    }

    /// The elements of a list; none if it is left out.
    pub(super) fn list<'v, 'a>(
        &self,
        json: Option<&'v Json<'a>>,
        name: &str,
        path: &Path<'_>,
    ) -> Result<&'v [Json<'a>], ScenarioError> {
        match json {
            None => Ok(&[]),
            Some(Json::List(items)) => Ok(items),
            Some(json) => Err(self.wrong(json, "a list", &path.field(name))),
        }
    }

    /// What `name` holds, if it is a text, for the path to the thing itself.
    pub(super) fn peek_name<'v>(json: &'v Json<'_>) -> &'v str {
        match Self::peek(json, "name") {
            Some(Json::Text(name)) => name,
            _ => "",
        }
    }

    /// What `at` holds, if it is a place, for the path to the thing itself.
    pub(super) fn peek_site(json: &Json<'_>) -> SiteId {
        match Self::peek(json, "at") {
            Some(&Json::Int(at)) => u32::try_from(at).map_or(SiteId::UNKNOWN, SiteId::from_raw),
            _ => SiteId::UNKNOWN,
        }
    }

    pub(super) fn peek<'v, 'a>(json: &'v Json<'a>, field: &str) -> Option<&'v Json<'a>> {
        match json {
            Json::Object(entries) => entries.iter().find(|(key, _)| key == field).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// `unknown field `x`; did you mean `y`?`, or which ones there are.
pub(super) fn unknown_field(name: &str, known: &[&'static str]) -> String {
    let message = unknown("field", name, known.iter().copied());
    if message.contains("; did you mean") || known.is_empty() {
        return message;
    }
    let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    format!("{message}; expected one of {}", known.join(", "))
}

macro_rules! integer_field {
    ($($type:ty: $wanted:literal)*) => {$(
        impl Field for $type {
            fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
                let value = match json {
                    Json::Int(value) => Self::try_from(*value).ok(),
                    Json::Large(value) => Self::try_from(*value).ok(),
                    _ => return Err(reader.wrong(json, $wanted, path)),
                };
                value.ok_or_else(|| {
                    reader.error(path, format!("must be from {} to {}", Self::MIN, Self::MAX))
                })
            }

            fn write(&self, out: &mut String) {
                write::number(out, *self);
            }
        }
    )*};
}

integer_field! {
    i64: "an integer"
    u64: "an integer"
    u32: "an integer"
    u16: "the number of a register"
    usize: "an integer"
}

macro_rules! id_field {
    ($($type:ident: $wanted:literal)*) => {$(
        impl Field for $type {
            fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
                match json {
                    Json::Int(_) | Json::Large(_) => u32::read(reader, json, path).map(Self::from_raw),
                    _ => Err(reader.wrong(json, $wanted, path)),
                }
            }

            fn write(&self, out: &mut String) {
                write::number(out, self.raw());
            }
        }
    )*};
}

id_field! {
    ObjectId: "the number of an object"
    ProgramId: "the number of a program"
    SiteId: "the number of a site"
}

impl Field for bool {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        match json {
            Json::Bool(value) => Ok(*value),
            _ => Err(reader.wrong(json, "true or false", path)),
        }
    }

    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Field for String {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        match json {
            Json::Text(text) => Ok(text.to_string()),
            _ => Err(reader.wrong(json, "a text", path)),
        }
    }

    fn write(&self, out: &mut String) {
        write::text(out, self);
    }
}

impl<T: Field> Field for Option<T> {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        match json {
            Json::Null => Ok(None),
            _ => T::read(reader, json, path).map(Some),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl Field for Kind {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        let Json::Text(name) = json else {
            return Err(reader.wrong(json, "the name of a kind", path));
        };
        Self::from_name(name).ok_or_else(|| {
            reader.error(path, unknown("kind", name, Self::ALL.iter().map(|kind| kind.as_str())))
        })
    }

    fn write(&self, out: &mut String) {
        write::text(out, self.as_str());
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        let Json::List(items) = json else { return Err(reader.wrong(json, "a list", path)) };
        let item = |(index, json)| T::read(reader, json, &path.item("", index));
        items.iter().enumerate().map(item).collect()
    }

    fn write(&self, out: &mut String) {
        for (index, item) in self.iter().enumerate() {
            out.push(if index == 0 { '[' } else { ',' });
            item.write(out);
        }
        out.push_str(if self.is_empty() { "[]" } else { "]" });
    }
}

/// `[semaphore, value]`.
impl Field for SemaphorePoint {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        let Json::List(items) = json else { return Err(reader.wrong(json, POINT, path)) };
        let [semaphore, value] = &items[..] else { return Err(reader.wrong(json, POINT, path)) };
        Ok(Self {
            semaphore: ObjectId::read(reader, semaphore, path)?,
            value: i64::read(reader, value, path)?,
        })
    }

    fn write(&self, out: &mut String) {
        out.push('[');
        self.semaphore.write(out);
        out.push(',');
        self.value.write(out);
        out.push(']');
    }
}

const POINT: &str = "a semaphore and a value, as [0, 1]";

/// `no`, `infinite`, `after_preemption`, or nanoseconds.
impl Field for GpuHang {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        match json {
            Json::Int(_) | Json::Large(_) => i64::read(reader, json, path).map(Self::Finite),
            Json::Text(name) if name == "no" => Ok(Self::No),
            Json::Text(name) if name == "infinite" => Ok(Self::Infinite),
            Json::Text(name) if name == "after_preemption" => Ok(Self::AfterPreemption),
            _ => Err(reader.wrong(json, "`no`, `infinite`, `after_preemption`, or nanoseconds", path)),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::No => write::text(out, "no"),
            Self::Infinite => write::text(out, "infinite"),
            Self::AfterPreemption => write::text(out, "after_preemption"),
            Self::Finite(time) => time.write(out),
        }
    }
}

/// Reads one of several values by its name.
fn named<T: Copy>(
    names: &[(T, &'static str)],
    reader: &Reader,
    json: &Json<'_>,
    path: &Path<'_>,
) -> Result<T, ScenarioError> {
    let wanted = || names.iter().map(|(_, name)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let Json::Text(text) = json else {
        return Err(reader.wrong(json, &format!("one of {}", wanted()), path));
    };
    let found = names.iter().find(|(_, name)| name == text);
    found
        .map(|&(value, _)| value)
        .ok_or_else(|| reader.error(path, format!("must be one of {}, not `{}`", wanted(), shown(text))))
}

fn name_of<T: Copy + PartialEq>(names: &[(T, &'static str)], value: T) -> &'static str {
    names.iter().find(|(known, _)| *known == value).map_or("", |&(_, name)| name)
}

impl Field for SchedPolicy {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        named(&Self::ALL, reader, json, path)
    }

    fn write(&self, out: &mut String) {
        write::text(out, name_of(&Self::ALL, *self));
    }
}

impl Field for SchedFix {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        named(&Self::ALL, reader, json, path)
    }

    fn write(&self, out: &mut String) {
        write::text(out, name_of(&Self::ALL, *self));
    }
}

impl Field for WwAlgorithm {
    fn read(reader: &Reader, json: &Json<'_>, path: &Path<'_>) -> Result<Self, ScenarioError> {
        match json {
            Json::Text(name) if name == "wait-die" => Ok(Self::WaitDie),
            Json::Text(name) if name == "wound-wait" => Ok(Self::WoundWait),
            Json::Text(name) => {
                let message = format!("must be `wait-die` or `wound-wait`, not `{}`", shown(name));
                Err(reader.error(path, message))
            }
            _ => Err(reader.wrong(json, "`wait-die` or `wound-wait`", path)),
        }
    }

    fn write(&self, out: &mut String) {
        write::text(
            out,
            match self {
                Self::WaitDie => "wait-die",
                Self::WoundWait => "wound-wait",
            },
        );
    }
}
