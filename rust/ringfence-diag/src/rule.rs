//! The registry of rules. Codes are stable: a code is never given a second meaning.

mod table;

use table::RULES;

/// A checkable clause with a stable code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Stable code, `RF601`…
    pub code: &'static str,
    /// Stable name in kebab-case.
    pub name: &'static str,
    /// One sentence. A clause of the contract says: X may do A, therefore Y must not do B.
    pub summary: &'static str,
    /// How it is usually fixed: imperatives, the best one first.
    pub fixes: &'static [&'static str],
    /// The page: what it means, why it blocks, a bad and a good program, how to fix it.
    pub doc: RuleDoc,
}

/// A rule's page in Markdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleDoc {
    /// The whole page.
    pub markdown: &'static str,
}

/// All rules, ordered by code.
pub fn rules() -> &'static [Rule] {
    RULES
}

/// The rule with this code (in any letter case) or name.
pub fn rule(code_or_name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(code_or_name) || rule.name == code_or_name)
}
