//! How scenarios read.

use ringfence_base::scenario::random::random_scenario;
use ringfence_base::scenario::{
    Arg, Environment, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Sort, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

use crate::SUBMIT;

/// One object of every kind, or several where there are several ways to declare it.
const EVERY_KIND: &str = include_str!("../data/every_kind.json");

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true
    }, {
        insta::assert_snapshot!(name, text);
    });
}

/// The functions of a scenario with one program, without its objects and threads.
fn function(registers: &str, result: &str, body: &str) -> String {
    let json = format!(
        r#"{{"ringfence_scenario":1,"name":"s","objects":[
        {{"kind":"cell","name":"gpu->hung"}},{{"kind":"raw_spinlock","name":"raw"}},
        {{"kind":"dma_resv","name":"bo"}},{{"kind":"ww_class","name":"my_class","algorithm":"wait-die"}}],
        "programs":[{{"name":"f","registers":[{registers}],"result":{result},"body":[{body}]}}]}}"#
    );
    let scenario = Scenario::from_json(&json).unwrap_or_else(|error| panic!("{error}"));
    let text = scenario.to_string();
    let (_, function) = text.split_once("/* called by nobody */\n").expect("the function is there");
    function.to_owned()
}

#[test]
fn a_driver() {
    snapshot("pseudo-code-submit", &Scenario::from_json(SUBMIT).expect("valid").to_string());
}

#[test]
fn every_kind_of_object() {
    let mut scenario = Scenario::from_json(EVERY_KIND).unwrap_or_else(|error| panic!("{error}"));
    scenario.environment = Environment { fence_bound: 2_500_000_000, ..Environment::contract() };
    let kinds: Vec<Kind> = scenario.objects.iter().map(|object| object.kind.kind()).collect();
    let declared = |kind: &&Kind| matches!(kind.sort(), Sort::Declared | Sort::Either);
    assert!(Kind::ALL.iter().filter(declared).all(|kind| kinds.contains(kind)));
    snapshot("pseudo-code-every-kind", &scenario.to_string());
}

#[test]
fn braces_and_lines_are_whole() {
    for seed in 0..200 {
        let scenario = random_scenario(seed, 60);
        let text = scenario.to_string();
        assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        for line in text.lines().filter(|line| line.starts_with("        ")) {
            assert!(line.is_empty() || line.ends_with([';', '{', '}', ',']), "{line}\n{text}");
        }
        // A register is either a variable with a declaration or an expression that moved to its reader.
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let makeshift =
            |word: &str| word.strip_prefix('v').is_some_and(|number| number.parse::<u16>().is_ok());
        assert!(!words.any(makeshift), "{text}");
    }
}

#[test]
fn expressions_move_to_where_they_are_read() {
    let text = function(
        r#""errno","int","int","int","dma_fence""#,
        "null",
        r#"{"op":"dma_resv_lock","args":[{"obj":2},null],"out":0},
        {"op":"eq","args":[{"reg":0},-35],"out":1},
        {"op":"lt","args":[{"reg":0},0],"out":2},
        {"op":"or","args":[{"reg":1},{"reg":2}],"out":3},
        {"if":{"reg":3},"then":[{"return":[]}]},
        {"op":"dma_fence_get_stub","out":4},
        {"op":"eq","args":[{"reg":4},null],"out":1},
        {"if":{"reg":1},"then":[],"else":[{"op":"dma_fence_put","args":[{"reg":4}]}]}"#,
    );
    // Register 1 is written twice, so it stays a variable; the others are expressions.
    assert_eq!(
        text,
        "\
void f(void)
{
        int ret, cond;
        struct dma_fence *fence;

        ret = dma_resv_lock(bo, NULL);
        cond = ret == -EDEADLK;
        if (cond | (ret < 0)) {
                return;
        }
        fence = dma_fence_get_stub();
        cond = !fence;
        if (!cond) {
                dma_fence_put(fence);
        }
}
"
    );
}

#[test]
fn an_expression_does_not_move_past_anything_others_see() {
    let text = function(
        r#""int","int""#,
        "null",
        r#"{"op":"read_once","args":[{"obj":0}],"out":0},
        {"op":"eq","args":[{"reg":0},-5],"out":1},
        {"op":"write_once","args":[{"obj":0},2]},
        {"if":{"reg":1},"then":[{"op":"write_once","args":[{"obj":0},{"reg":0}]}]}"#,
    );
    assert_eq!(
        text,
        "\
void f(void)
{
        int hung, cond;

        hung = READ_ONCE(gpu->hung);
        cond = hung == -EIO;
        WRITE_ONCE(gpu->hung, 2);
        if (cond) {
                WRITE_ONCE(gpu->hung, hung);
        }
}
"
    );
}

#[test]
fn the_kernels_spelling() {
    let text = function(
        r#""cookie","ww_acquire_ctx","int","dma_resv_iter","int""#,
        r#""errno""#,
        r#"{"op":"spin_lock_irqsave","args":[{"obj":1}],"out":0},
        {"op":"spin_unlock_irqrestore","args":[{"obj":1},{"reg":0}]},
        {"op":"ww_acquire_init","args":[{"obj":3}],"out":1},
        {"op":"dma_resv_lock","args":[{"obj":2},{"reg":1}]},
        {"op":"dma_resv_iter_begin","args":[{"obj":2},3],"out":3},
        {"op":"dma_resv_wait_timeout","args":[{"obj":2},3,0,9223372036854775807],"out":2},
        {"op":"le","args":[{"reg":2},0],"out":4},
        {"if":{"reg":4},"then":[{"op":"msleep","args":[2000000]}],
         "else":[{"if":{"reg":2},"then":[{"op":"udelay","args":[1500]}],
         "else":[{"op":"msleep","args":[0]}]}]},
        {"op":"warn_on","args":[{"reg":2}]},
        {"op":"kmalloc","args":[{"gfp":"GFP_NOWAIT|__GFP_NORETRY"}]},
        {"op":"choose","args":["path taken",2],"out":2},
        {"op":"atomic_add_return","args":[{"obj":0},{"reg":2}]},
        {"op":"msleep","args":[7]},
        {"return":[-4000]}"#,
    );
    assert_eq!(
        text,
        "\
int f(void)
{
        unsigned long flags;
        struct ww_acquire_ctx ctx;
        struct dma_resv_iter cursor;
        int left;

        raw_spin_lock_irqsave(&raw, flags);
        raw_spin_unlock_irqrestore(&raw, flags);
        ww_acquire_init(&ctx, &my_class);
        dma_resv_lock(bo, &ctx);
        dma_resv_iter_begin(&cursor, bo, DMA_RESV_USAGE_BOOKKEEP);
        left = dma_resv_wait_timeout(bo, DMA_RESV_USAGE_BOOKKEEP, false, MAX_SCHEDULE_TIMEOUT);
        if (left <= 0) {
                msleep(2 ms);
        } else if (left) {
                udelay(1500 ns);
        } else {
                msleep(0);
        }
        WARN_ON(left);
        kmalloc(GFP_NOWAIT|__GFP_NORETRY);
        left = choose(\"path taken\", 2);
        atomic_add_return(left, &gpu->hung);
        msleep(7 ns);
        return -4000;
}
"
    );
}

#[test]
fn names_are_told_apart() {
    let at = SiteId::UNKNOWN;
    let mutex =
        |name: &str| Object { name: name.into(), kind: ObjectKind::Mutex { class: None }, driver: None, at };
    let lock = |id| {
        Stmt::Op(Operation { op: Op::MutexLock, args: vec![Arg::Object(ObjectId::new(id))], out: None, at })
    };
    let scenario = Scenario {
        name: "same".into(),
        objects: vec![mutex("a"), mutex("a"), mutex("&b->lock")],
        programs: vec![Program {
            name: "f".into(),
            params: 0,
            registers: Vec::new(),
            result: None,
            driver: None,
            body: vec![lock(0), lock(1), lock(2)],
        }],
        threads: vec![ThreadDecl { name: "t".into(), program: ProgramId::new(0), mm: None, at }],
        ..Scenario::default()
    };
    let text = scenario.to_string();
    assert!(
        text.contains("mutex_lock(&a#0);\n        mutex_lock(&a#1);\n        mutex_lock(&b->lock);\n"),
        "{text}"
    );
    assert!(text.ends_with("kthread_run(f, \"t\");\n"), "{text}");
}

#[test]
fn what_is_not_there_is_printed_all_the_same() {
    let at = SiteId::UNKNOWN;
    let call = |op, args, out| Stmt::Op(Operation { op, args, out, at });
    let program = Program {
        name: "f".into(),
        params: 5,
        registers: vec![Kind::Int],
        result: None,
        driver: None,
        body: vec![
            call(Op::MutexLock, vec![Arg::Object(ObjectId::new(7))], Some(9)),
            call(Op::Add, vec![], Some(0)),
            call(Op::Not, vec![], None),
            call(Op::Set, vec![], Some(8)),
            call(Op::ModTimer, vec![], None),
            call(Op::WaitEvent, vec![Arg::Register(4), Arg::Null], None),
            call(Op::Eq, vec![Arg::Null, Arg::Null], Some(3)),
            Stmt::Return { value: Some(Arg::List(vec![Arg::Text("x".into())])), at },
        ],
    };
    let thread = ThreadDecl { name: "t".into(), program: ProgramId::new(3), mm: Some(ObjectId::new(2)), at };
    let task = Object { name: String::new(), kind: ObjectKind::Task { thread: 4 }, driver: None, at };
    let scenario = Scenario {
        objects: vec![task],
        programs: vec![program],
        threads: vec![thread],
        ..Scenario::default()
    };
    let text = scenario.to_string();
    assert!(text.contains("mutex_lock(object#7);"), "{text}");
    assert!(text.contains("wait_event(v4, NULL);"), "{text}");
    assert!(text.contains("kthread_run(program#3, \"t\");  /* with the memory of object#2 */"), "{text}");
}

#[test]
fn drivers_are_named() {
    let json = r#"{"ringfence_scenario":1,"name":"s","objects":[
        {"kind":"mutex","name":"a"},{"kind":"mutex","name":"b","driver":"gpu"},
        {"kind":"mutex","name":"c","driver":"gpu"},{"kind":"mutex","name":"d","driver":"display"},
        {"kind":"mutex","name":"e"}],
        "programs":[{"name":"f","driver":"gpu"}],"threads":[{"name":"t","program":0}]}"#;
    let text = Scenario::from_json(json).expect("valid").to_string();
    assert_eq!(
        text,
        "\
/* s */

DEFINE_MUTEX(a);
/* driver gpu */
DEFINE_MUTEX(b);
DEFINE_MUTEX(c);
/* driver display */
DEFINE_MUTEX(d);
/* no driver's */
DEFINE_MUTEX(e);

/* driver gpu, thread t */
void f(void)
{
}

kthread_run(f, \"t\");
"
    );
}
