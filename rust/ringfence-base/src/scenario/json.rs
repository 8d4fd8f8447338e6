//! JSON.
/// Version of the JSON form.
pub const SCENARIO_VERSION: u32 = 1;
