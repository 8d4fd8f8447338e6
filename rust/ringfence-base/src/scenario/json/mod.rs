//! Scenarios as JSON, version 1.
//!
//! Reading goes from text to a borrowed tree (`value`), from there to a scenario (`read`, `statement`), and
//! through [`Scenario::validate`]. Fields that have their default value may be left out and are left out.

mod fields;
mod object;
mod read;
mod statement;
mod value;
mod write;

use super::{Scenario, ScenarioError};

/// Version of the JSON form.
pub const SCENARIO_VERSION: u32 = 1;

impl Scenario {
    /// Reads a scenario and checks it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: in the text if it is no JSON, else in the scenario.
    pub fn from_json(text: &str) -> Result<Self, ScenarioError> {
        let scenario = read::scenario(&value::parse(text)?)?;
        scenario.validate()?;
        Ok(scenario)
    }

    /// The scenario as JSON on one line: the same text for equal scenarios, and read back as the same
    /// scenario.
    pub fn to_json(&self) -> String {
        write::scenario(self)
    }
}
