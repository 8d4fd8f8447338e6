//! Lines that are no traces: each is refused by itself, with what was expected.

use crate::{FIRST, FIRST_AT_1, LAST, run};

/// The message about `line`; the lines around it must be decided all the same.
fn refusal(line: &str) -> String {
    let all = run(format!("{FIRST}\n{line}\n{LAST}\n"));
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!((all[0].as_str(), all[2].as_str()), (FIRST_AT_1, "3: last null"));
    all[1].strip_prefix("f:2: ").unwrap_or_else(|| panic!("{line} was not refused: {}", all[1])).into()
}

fn assert_refused(cases: &[(&str, &str)]) {
    for (line, message) in cases {
        assert_eq!(refusal(line), *message, "{line}");
    }
}

/// Cases about one operation; it stands alone in the trace.
fn assert_op_refused(cases: &[(&str, &str)]) {
    for (op, message) in cases {
        assert_eq!(refusal(&format!(r#"{{"id":"a","ops":[{op}]}}"#)), *message, "{op}");
    }
}

#[test]
fn not_an_object() {
    let message = |column| format!(r#"not a JSON object; expected {{"id":…,"ops":[…]}} (column {column})"#);
    for line in ["nonsense", "[]", "null", "42", r#""id""#, r#"["a","",null,[],null]"#, "\0", "\u{feff}{}"] {
        assert_eq!(refusal(line), message(1), "{line}");
    }
    assert_eq!(refusal("  [1]"), message(3));
}

#[test]
fn malformed_json() {
    assert_refused(&[
        ("{", "EOF while parsing an object (column 1)"),
        ("{}", "missing field `id` (column 2)"),
        (r#"{"id":"a","ops":[["irq_off"]"#, "EOF while parsing a list (column 28)"),
        (r#"{"id":"unclosed"#, "EOF while parsing a string (column 15)"),
        (r#"{"id":"a","ops":[]} x"#, "trailing characters (column 21)"),
        (r#"{"id":"a","ops":[]}{"id":"b","ops":[]}"#, "trailing characters (column 20)"),
        (r#"{"id":"\ud800","ops":[]}"#, "unexpected end of hex escape (column 14)"),
        (
            "{\"id\":\"a\0\",\"ops\":[]}",
            r"control character (\u0000-\u001F) found while parsing a string (column 9)",
        ),
    ]);
}

#[test]
fn wrong_fields() {
    assert_refused(&[
        (r#"{"id":"a"}"#, "missing field `ops` (column 10)"),
        (r#"{"ops":[]}"#, "missing field `id` (column 10)"),
        (r#"{"id":1,"ops":[]}"#, "invalid type: integer `1`, expected a string (column 7)"),
        (r#"{"id":"a","ops":{}}"#, "invalid type: map, expected a sequence (column 16)"),
        (r#"{"id":"a","id":"b","ops":[]}"#, "duplicate field `id` (column 14)"),
        (r#"{"id":"a","ops":[],"ops":[]}"#, "duplicate field `ops` (column 24)"),
    ]);
    // Fields that nobody asks for are left alone.
    let all = run(r#"{"id":"a","ops":[],"column":[1,{"x":null}]}"#);
    assert_eq!(all, ["1: a null"]);
}

#[test]
fn wrong_form_of_an_op() {
    let form = "expected an operation: [name, argument, options]";
    assert_op_refused(&[
        ("1", &format!("invalid type: integer `1`, {form} (column 18)")),
        (r#""irq_off""#, &format!("invalid type: string \"irq_off\", {form} (column 26)")),
        ("[]", &format!("invalid length 0, {form} (column 19)")),
        ("[1]", "invalid type: integer `1`, expected a string (column 19)"),
        (r#"["acquire","M0",{},1]"#, &format!("invalid length 4, {form} (column 38)")),
        (r#"["release","M0",{}]"#, "op 0 (release): expected no options"),
        (r#"["irq_off","M0"]"#, "op 0 (irq_off): expected no argument"),
        (r#"["irq_off",{}]"#, "op 0 (irq_off): expected no argument"),
    ]);
    assert_refused(&[(
        r#"{"id":"a","ops":[["acquire","M0",1]]}"#,
        "invalid type: integer `1`, expected a table of options: {subclass, trylock, read, check, nest} (column 34)",
    )]);
}

#[test]
fn unknown_op() {
    let names = "task, acquire, release, sync, downgrade, free, irq_off, irq_on, bh_disable, bh_enable, \
                 hardirq_enter, hardirq_exit, softirq_enter, softirq_exit, alloc, fs_reclaim_acquire, \
                 fs_reclaim_release, nofs_save/restore, noio_save/restore, memalloc_save/restore, \
                 begin_signalling, end_signalling, fence_might_wait, invalidate_range_start, \
                 invalidate_range_end, prime";
    assert_op_refused(&[(r#"["lock","M0"]"#, &format!("op 0 (lock): unknown op; expected one of {names}"))]);
}

#[test]
fn unknown_lock() {
    let message = |op, name| {
        format!(
            "op 0 ({op}): unknown lock `{name}`; expected one of the trace's `locks` table, or without a table \
             R, S, W, M, Q or P and a number, resv0…, ww_ctx0…, mmap_lock or i_mmap_rwsem"
        )
    };
    for name in ["nobody", "", "M", "M'", "M1x", "m1", "X1", "resv", "resv0'", "mmap_lock'", "'", "M٣"] {
        assert_op_refused(&[(&format!(r#"["acquire","{name}"]"#), &message("acquire", name))]);
    }
    assert_op_refused(&[
        (r#"["free","nobody"]"#, &message("free", "nobody")),
        (r#"["sync","M0",{"nest":"nobody"}]"#, &message("sync", "nobody")),
    ]);
    // With a table, a name that would tell its type by itself must be in it too.
    let line = r#"{"id":"a","locks":{"L":{"class":"c"}},"ops":[["acquire","M0"]]}"#;
    assert_refused(&[(line, &message("acquire", "M0"))]);
}

#[test]
fn wrong_arguments() {
    let lock = |op| format!("op 0 ({op}): expected the name of a lock");
    let argument = "expected a lock, a gfp mask, a task number or a table of options";
    assert_op_refused(&[
        (r#"["acquire"]"#, &lock("acquire")),
        (r#"["release",1]"#, &lock("release")),
        (r#"["downgrade",{}]"#, &lock("downgrade")),
        (r#"["task"]"#, "op 0 (task): expected the number of a task"),
        (r#"["task","0"]"#, "op 0 (task): expected the number of a task"),
        (r#"["task",-1]"#, &format!("invalid type: integer `-1`, {argument} (column 27)")),
        (r#"["task",1.5]"#, &format!("invalid type: floating point `1.5`, {argument} (column 28)")),
        (r#"["task",null]"#, &format!("invalid type: null, {argument} (column 29)")),
        (r#"["task",[0]]"#, &format!("invalid type: sequence, {argument} (column 26)")),
        (r#"["alloc"]"#, r#"op 0 (alloc): expected a gfp mask such as "GFP_KERNEL""#),
        (r#"["alloc",0]"#, r#"op 0 (alloc): expected a gfp mask such as "GFP_KERNEL""#),
        (r#"["hardirq_enter","M0"]"#, "op 0 (hardirq_enter): expected nothing, or the option threaded"),
        (r#"["hardirq_enter",{"read":1}]"#, "op 0 (hardirq_enter): expected nothing, or the option threaded"),
        (r#"["hardirq_enter",{"threaded":2}]"#, "op 0 (hardirq_enter): expected threaded to be 0 or 1"),
    ]);
    for (mask, word) in [("GFP_LATER", "GFP_LATER"), ("", ""), ("GFP_KERNEL & __GFP_FS", "__GFP_FS")] {
        let message = format!(
            "op 0 (alloc): unknown gfp flag `{word}`; expected names such as GFP_KERNEL, GFP_NOFS, GFP_NOIO, \
             GFP_ATOMIC, GFP_NOWAIT or __GFP_NOLOCKDEP, joined by `|`, a flag to take away written as \
             `&~__GFP_FS`"
        );
        assert_op_refused(&[(&format!(r#"["alloc","{mask}"]"#), &message)]);
    }
}

#[test]
fn wrong_options() {
    let known = "expected one of `subclass`, `trylock`, `read`, `check`, `nest`, `threaded`";
    assert_op_refused(&[
        (
            r#"["acquire","M0",{"read":3}]"#,
            "op 0 (acquire): expected read to be 0 (exclusive), 1 (shared) or 2 (recursive reader)",
        ),
        (r#"["acquire","M0",{"trylock":2}]"#, "op 0 (acquire): expected trylock to be 0 or 1"),
        (r#"["acquire","M0",{"check":2}]"#, "op 0 (acquire): expected check to be 0 or 1"),
        (
            r#"["acquire","M0",{"threaded":1}]"#,
            "op 0 (acquire): expected only the options subclass, trylock, read, check and nest",
        ),
        (r#"["acquire","M0",{"colour":1}]"#, &format!("unknown field `colour`, {known} (column 42)")),
        (r#"["acquire","M0",{"read":1,"read":1}]"#, "duplicate field `read` (column 49)"),
        (r#"["acquire","M0",{"read":"1"}]"#, "invalid type: string \"1\", expected u64 (column 44)"),
        (r#"["acquire","M0",{"trylock":true}]"#, "invalid type: boolean `true`, expected u64 (column 48)"),
    ]);
}

#[test]
fn huge_numbers() {
    assert_op_refused(&[
        (r#"["acquire","M0",{"subclass":4294967296}]"#, "op 0 (acquire): expected a subclass below 2^32"),
        (r#"["acquire","M0",{"subclass":-1}]"#, "invalid value: integer `-1`, expected u64 (column 47)"),
        (r#"["acquire","M0",{"subclass":1e999}]"#, "number out of range (column 50)"),
        (
            r#"["acquire","M0",{"subclass":18446744073709551616}]"#,
            "invalid type: floating point `1.8446744073709552e+19`, expected u64 (column 65)",
        ),
    ]);
    let all =
        run(r#"{"id":"a","ops":[["task",18446744073709551615],["acquire","M0",{"subclass":4294967295}]]}"#);
    assert_eq!(all, ["1: a null"]);
}

#[test]
fn exits_without_an_enter() {
    for (exit, enter) in [
        ("hardirq_exit", "hardirq_enter"),
        ("softirq_exit", "softirq_enter"),
        ("bh_enable", "bh_disable"),
        ("end_signalling", "begin_signalling"),
    ] {
        assert_op_refused(&[
            (&format!(r#"["{exit}"]"#), &format!("op 0 ({exit}): {exit} without a {enter} on this task")),
            (
                &format!(r#"["{enter}"],["task",1],["{exit}"]"#),
                &format!("op 2 ({exit}): {exit} without a {enter} on this task"),
            ),
            (
                &format!(r#"["{enter}"],["{exit}"],["{exit}"]"#),
                &format!("op 2 ({exit}): {exit} without a {enter} on this task"),
            ),
        ]);
    }
    assert_op_refused(&[(
        r#"["hardirq_enter"],["irq_on"]"#,
        "op 1 (irq_on): irq_on inside a hard interrupt; leave it with hardirq_exit first",
    )]);
}

/// Also where a validator that stops at its first report would never get there.
#[test]
fn misuse_after_the_first_report() {
    let ops = r#"["release","M0"],["hardirq_exit"]"#;
    let message = "op 1 (hardirq_exit): hardirq_exit without a hardirq_enter on this task";
    assert_op_refused(&[(ops, message)]);
}

#[test]
fn wrong_lock_table() {
    let waits = "0 (none), 1 (free), 2 (spin), 3 (config) or 4 (sleep)";
    let known = "expected one of `class`, `wait_inner`, `wait_outer`, `lock_type`";
    for (table, message) in [
        (r#"{"L":{"class":"c"},"L":{"class":"d"}}"#, "lock `L` is in the table twice"),
        (
            r#"{"L":{"class":"c","wait_inner":5}}"#,
            &*format!("lock `L`: there is no wait_inner 5; expected {waits}"),
        ),
        (
            r#"{"L":{"class":"c","wait_outer":99999999999}}"#,
            &format!("lock `L`: there is no wait_outer 99999999999; expected {waits}"),
        ),
        (
            r#"{"L":{"class":"c","lock_type":3}}"#,
            "lock `L`: there is no lock_type 3; expected 0 (normal), 1 (per-CPU) or 2 (wait override)",
        ),
        (r#"{"L":{}}"#, "missing field `class` (column 25)"),
        (r#"{"L":{"class":"c","colour":1}}"#, &format!("unknown field `colour`, {known} (column 44)")),
        (r#"["L"]"#, "invalid type: sequence, expected a table of locks (column 18)"),
    ] {
        assert_refused(&[(&format!(r#"{{"id":"a","locks":{table},"ops":[]}}"#), message)]);
    }
}

#[test]
fn wrong_verdict() {
    let kinds = "circular, recursive, irq-dependency, inconsistent-usage, irq-inversion, wait-context, \
                 unlock-imbalance, nest-lock-not-held, held-lock-freed, limit-reached, ww-api";
    for (verdict, message) in [
        (r#"{"at":1,"kind":"circular","cycle":1}"#, "verdict: at 1 is behind the last of 1 ops"),
        (
            r#"{"at":18446744073709551615,"kind":"recursive"}"#,
            "verdict: at 18446744073709551615 is behind the last of 1 ops",
        ),
        (
            r#"{"at":0,"kind":"deadlock"}"#,
            &*format!("verdict: unknown kind `deadlock`; expected one of {kinds}"),
        ),
        (r#"{"at":0}"#, "missing field `kind` (column 48)"),
        (r#"{"at":-1,"kind":"circular"}"#, "invalid value: integer `-1`, expected u64 (column 48)"),
        (
            r#"{"at":0,"kind":"circular","why":1}"#,
            "unknown field `why`, expected one of `at`, `kind`, `cycle` (column 71)",
        ),
    ] {
        assert_refused(&[(&format!(r#"{{"id":"a","ops":[["irq_off"]],"verdict":{verdict}}}"#), message)]);
    }
}

#[test]
fn messages_stay_short_and_on_one_line() {
    let long = "X".repeat(100_000);
    let message = refusal(&format!(r#"{{"id":"a","ops":[["acquire","{long}"]]}}"#));
    assert!(message.chars().count() <= 601, "{} characters", message.chars().count());
    assert!(message.starts_with("op 0 (acquire): unknown lock `XXX"), "{message}");
    assert!(message.ends_with("mmap_lock or i_mmap_rwsem"), "{message}");
    let message = refusal(r#"{"id":"a","ops":[["acquire","\u001b[31m"]]}"#);
    assert!(message.contains(r"`\u{1b}[31m`"), "{message}");
}

#[test]
fn many_names_take_no_longer_each() {
    // Looked up one by one in a list, these took three quarters of a minute.
    let ops: Vec<String> =
        (0..100_000).map(|lock| format!(r#"["task",{lock}],["acquire","M{lock}"]"#)).collect();
    let line = format!(r#"{{"id":"many","ops":[{}]}}"#, ops.join(","));
    assert_eq!(run(line), ["1: many null"]);
}
