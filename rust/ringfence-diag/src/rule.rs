//! The registry of rules. Codes are stable: a code is never given a second meaning.

/// A checkable clause with a stable code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Stable code, `RF601`…
    pub code: &'static str,
    /// Stable name in kebab-case.
    pub name: &'static str,
    /// One sentence: X may do A, therefore Y must not do B.
    pub summary: &'static str,
    /// The page: what it means, why it blocks, a bad and a good program, how to fix it.
    pub doc: RuleDoc,
}

/// A rule's page in Markdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleDoc {
    /// The whole page.
    pub markdown: &'static str,
}

macro_rules! rules {
    ($($code:literal $name:literal $summary:literal;)*) => {
        /// All rules, ordered by code.
        static RULES: &[Rule] = &[$(Rule {
            code: $code,
            name: $name,
            summary: $summary,
            doc: RuleDoc { markdown: include_str!(concat!("../rules/", $code, ".md")) },
        }),*];
    };
}

rules! {
    "RF601" "circular-dependency"
        "Locks are taken in one order everywhere: a chain of \"holds A, takes B\" must not lead back to A.";
    "RF602" "recursive-locking"
        "A task holds a lock class once, unless nesting is declared: taking it again waits for oneself.";
    "RF603" "irq-safe-to-unsafe"
        "A lock that an interrupt takes must not wait for a lock that is held with that interrupt enabled.";
    "RF604" "inconsistent-irq-usage"
        "A lock that an interrupt takes is held only with that interrupt disabled.";
    "RF605" "irq-lock-inversion"
        "A lock may not become irq-safe while it already waits for irq-unsafe ones, nor the other way round.";
    "RF606" "invalid-wait-context"
        "Under a spinning lock or in an interrupt only locks that spin may be taken, never ones that sleep.";
    "RF607" "unlock-imbalance"
        "A task releases only locks that it holds, in the context in which it took them.";
    "RF608" "nest-lock-not-held"
        "The lock that is said to serialise a nested acquisition must itself be held.";
    "RF609" "held-lock-freed"
        "Memory that contains a held lock is neither freed nor initialised again.";
    "RF612" "validator-limit"
        "Lock classes, dependencies, chains and nesting stay within what the kernel's validator can track.";
}

/// All rules, ordered by code.
pub fn rules() -> &'static [Rule] {
    RULES
}

/// The rule with this code (in any letter case) or name.
pub fn rule(code_or_name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(code_or_name) || rule.name == code_or_name)
}
