//! Which model it is.

/// Raised when the same choices lead to other steps or events than before, so that what was recorded is not taken for
/// what it is not any more: an operation that takes another step, an event more, a choice in another place. Only what
/// was released counts. `determinism::the_model_has_the_version_of_its_steps` in the facade's tests says when.
pub const MODEL_VERSION: u32 = 1;
