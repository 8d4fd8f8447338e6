"""What the builder refuses: the message says what is wrong and what to do, the place is the user's line.

The line that is to blame is marked ``# <-- wrong``.
"""

# What is written here is wrong on purpose.
# mypy: disable-error-code="untyped-decorator, unreachable"

import contextlib
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ringfence as rf
from ringfence import GFP_KERNEL

# Mistakes are written as somebody without a type checker would: everything is Any.
Body = Callable[[Any, Any], object]


def marked(function: Callable[..., object]) -> int:
    """The marked line of a function."""
    first = function.__code__.co_firstlineno
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(
        number for number in range(first, len(lines) + 1) if lines[number - 1].endswith("# <-- wrong")
    )


def refused(describe: Callable[..., object], **keywords: Any) -> rf.ScenarioError:
    with pytest.raises(rf.ScenarioError) as caught:
        rf.Scenario.build(describe, **keywords)
    return caught.value


def refused_in_thread(body: Body) -> str:
    """Builds a scenario with a thread that does this; the message, whose place must be the marked line."""

    def describe(k: Any) -> None:
        k.thread("client", lambda t: body(k, t))

    error = refused(describe)
    assert error.place == f"tests/test_scenario_errors.py:{marked(body)}", str(error)
    assert str(error) == f"{error.place}: {error.message}"
    return error.message


def test_a_plain_if() -> None:
    def body(k: Any, t: Any) -> None:
        ret = t.dma_fence_wait(k.dma_fence("fence"), True)
        if ret == -rf.ERESTARTSYS:  # <-- wrong
            t.return_()

    message = refused_in_thread(body)
    assert "`with t.if_(ret == -rf.ERESTARTSYS):`" in message
    assert "only known when the scenario runs" in message


def test_a_plain_while() -> None:
    def body(k: Any, t: Any) -> None:
        cell = k.cell("cell")
        while t.read_once(cell) < 3:  # <-- wrong
            t.cond_resched()

    assert "`with t.while_(lambda: t.read_once(cell) < 3):`" in refused_in_thread(body)


def test_and_or_not() -> None:
    def both(k: Any, t: Any) -> None:
        a = t.read_once(k.cell("cell"))
        with t.if_(a == 1 and a == 2):  # <-- wrong
            pass

    def neither(k: Any, t: Any) -> None:
        a = t.read_once(k.cell("cell"))
        with t.if_(not a):  # <-- wrong
            pass

    def chained(k: Any, t: Any) -> None:
        a = t.read_once(k.cell("cell"))
        if 0 < a < 3:  # <-- wrong
            pass

    def either(k: Any, t: Any) -> None:
        a = t.read_once(k.cell("cell"))
        if a == 1 or a == 3:  # noqa: PLR1714  # <-- wrong
            pass

    assert "only known when the scenario runs" in refused_in_thread(both)
    assert "`t.not_(a)`" in refused_in_thread(neither)
    assert "only known when the scenario runs" in refused_in_thread(chained)
    assert "write & for `and`, | for `or`" in refused_in_thread(either)


def test_a_range_of_a_value() -> None:
    def body(k: Any, t: Any) -> None:
        for _ in range(t.read_once(k.cell("cell"))):  # <-- wrong
            t.cond_resched()

    assert "`i = t.var(0)`" in refused_in_thread(body)


def test_an_object_of_another_scenario() -> None:
    others = []
    rf.Scenario.build(lambda k: others.append(k.mutex("theirs")), name="other")

    def body(k: Any, t: Any) -> None:
        t.mutex_lock(others[0])  # <-- wrong

    message = refused_in_thread(body)
    assert "<Mutex `theirs`> belongs to scenario `other`" in message

    def describe(k: Any) -> None:
        k.timeline("mine", lock=others[0])

    assert "k.timeline(lock=…) takes a declared spinlock" in refused(describe).message


def test_a_value_of_another_program() -> None:
    def describe(k: Any) -> None:
        timeline = k.timeline("ring")
        leaked = []

        @k.thread("first")
        def first(t: Any) -> None:
            leaked.append(t.dma_fence_init(timeline))

        @k.thread("second")
        def second(t: Any) -> None:
            t.dma_fence_wait(leaked[0])  # <-- wrong

    error = refused(describe)
    assert "is a value of program `first`; in `second` it is not known" in error.message
    assert error.place.endswith(f":{marked(describe)}")


def test_a_value_that_may_not_exist() -> None:
    def in_branch(k: Any, t: Any) -> None:
        timeline = k.timeline("ring")
        with t.if_(t.choose("which", 2)):
            fence = t.dma_fence_init(timeline)
        t.dma_fence_put(fence)  # <-- wrong

    def in_other_branch(k: Any, t: Any) -> None:
        timeline = k.timeline("ring")
        with t.if_(t.choose("which", 2)):
            fence = t.dma_fence_init(timeline)
        with t.else_():
            t.dma_fence_put(fence)  # <-- wrong

    def after_break(k: Any, t: Any) -> None:
        timeline = k.timeline("ring")
        with t.loop():
            with t.if_(t.choose("leave", 2)):
                t.break_()
            fence = t.dma_fence_init(timeline)
        t.dma_fence_put(fence)  # <-- wrong

    for body in (in_branch, in_other_branch, after_break):
        message = refused_in_thread(body)
        assert "here it may not exist" in message
        assert "`v = t.var(…)`" in message


def test_the_wrong_kind_of_object() -> None:
    def lock(k: Any, t: Any) -> None:
        t.mutex_lock(k.dma_resv("bo"))  # <-- wrong

    def nothing(k: Any, t: Any) -> None:
        t.mutex_lock(None)  # <-- wrong

    def raw(k: Any, t: Any) -> None:
        t.raw_spin_lock(k.spinlock("lock"))  # <-- wrong

    message = refused_in_thread(lock)
    assert message == (
        "t.mutex_lock(lock=…) takes a mutex (k.mutex()), not the dma_resv `bo`; "
        "for that there is t.dma_resv_lock()"
    )
    assert "not None (NULL)" in refused_in_thread(nothing)
    assert "takes a raw_spinlock (k.raw_spinlock()), not the spinlock `lock`" in refused_in_thread(raw)


def test_the_wrong_kind_of_number() -> None:
    def fraction(k: Any, t: Any) -> None:
        t.msleep(0.5)  # <-- wrong

    def text(k: Any, t: Any) -> None:
        t.kmalloc("GFP_KERNEL")  # <-- wrong

    def mask(k: Any, t: Any) -> None:
        t.msleep(GFP_KERNEL)  # <-- wrong

    def large(k: Any, t: Any) -> None:
        t.msleep(1 << 63)  # <-- wrong

    def single(k: Any, t: Any) -> None:
        t.dma_fence_unwrap_merge(k.dma_fence("fence"))  # <-- wrong

    assert "rf.ms()" in refused_in_thread(fraction)
    assert "import the mask from ringfence" in refused_in_thread(text)
    assert "virtual nanoseconds" in refused_in_thread(mask)
    assert "64 bits" in refused_in_thread(large)
    assert "takes a list, of a dma_fence" in refused_in_thread(single)
    with pytest.raises(rf.ScenarioError, match="no whole number of nanoseconds"):
        rf.ns(0.5)


def test_misspelt_calls() -> None:
    def call(k: Any, t: Any) -> None:
        t.mutex_lck(k.mutex("lock"))  # <-- wrong

    def declaration(k: Any, t: Any) -> None:
        k.mutx("lock")  # <-- wrong

    def on_the_kernel(k: Any, t: Any) -> None:
        k.mutex_lock(k.mutex("lock"))  # <-- wrong

    assert "did you mean t.mutex_lock()?" in refused_in_thread(call)
    assert "did you mean k.mutex()?" in refused_in_thread(declaration)
    assert "t.mutex_lock()" in refused_in_thread(on_the_kernel)
    with pytest.raises(AttributeError):
        refused_in_thread_raises(call)


def refused_in_thread_raises(body: Body) -> None:
    """Builds it, as `hasattr` and its like would see it."""
    rf.Scenario.build(lambda k: k.thread("client", lambda t: body(k, t)), name="raises")


def test_unknown_keywords_and_wrong_numbers_of_arguments() -> None:
    def keyword(k: Any, t: Any) -> None:
        k.mutex("lock", clas="special")  # <-- wrong

    def too_many(k: Any, t: Any) -> None:
        t.mutex_lock(k.mutex("lock"), k.mutex("lock2"))  # <-- wrong

    def too_few(k: Any, t: Any) -> None:
        t.dma_resv_add_fence(k.dma_resv("bo"))  # <-- wrong

    message = refused_in_thread(keyword)
    assert "did you mean 'class_'?" in message
    assert "it takes mutex(name, *, class_=None)" in message
    assert "it takes mutex_lock(lock)" in refused_in_thread(too_many)
    assert "missing 2 required positional arguments" in refused_in_thread(too_few)


def test_type_errors_of_the_users_own_stay_as_they_are() -> None:
    def describe(k: Any) -> None:
        len(k)

    with pytest.raises(TypeError, match="has no len"):
        rf.Scenario.build(describe)


def test_blocks_without_with() -> None:
    def forgotten(k: Any, t: Any) -> None:
        t.if_(t.choose("which", 2))
        t.cond_resched()  # <-- wrong

    assert "has no effect by itself: write `with t.if_(…): …`" in refused_in_thread(forgotten)

    def last(k: Any) -> None:
        k.thread("client", lambda t: t.loop() and None)

    assert "write `with t.loop()" in refused(last).message


def test_a_with_that_is_not_closed() -> None:
    def section(k: Any) -> None:
        @k.thread("client")
        def client(t: Any) -> None:
            contextlib.ExitStack().enter_context(t.mutex_lock(k.mutex("lock")))

    def block(k: Any) -> None:
        @k.thread("client")
        def client(t: Any) -> None:
            contextlib.ExitStack().enter_context(t.loop())

    assert "mutex_unlock would close it" in refused(section).message
    assert "is still open at the end of `client`" in refused(block).message


def test_a_section_is_closed_once() -> None:
    def body(k: Any, t: Any) -> None:
        held = t.mutex_lock(k.mutex("lock"))
        with held:
            pass
        with held:  # <-- wrong
            pass

    assert "was closed by a `with` already" in refused_in_thread(body)


def test_a_lock_is_no_truth_value() -> None:
    def body(k: Any, t: Any) -> None:
        if t.mutex_lock(k.mutex("lock")):  # <-- wrong
            pass

    assert "_trylock" in refused_in_thread(body)


def test_python_statements_that_leave_a_recorded_block() -> None:
    def leaves(k: Any, t: Any) -> None:
        with t.if_(t.choose("which", 2)):
            return  # <-- wrong
        t.cond_resched()

    def stops(k: Any, t: Any) -> None:
        for _ in range(3):
            with t.mutex_trylock(k.mutex("lock")):
                break  # <-- wrong

    def helper(k: Any, t: Any) -> None:
        def inner() -> int:
            with t.loop(), t.mutex_lock(k.mutex("lock")):
                return 3  # <-- wrong
            return 4

        t.write_once(k.cell("cell"), inner())

    assert "write t.return_(…)" in refused_in_thread(leaves)
    assert "write t.break_()" in refused_in_thread(stops)
    assert "write t.return_(…)" in refused_in_thread(helper)


def test_python_statements_that_stay_inside_are_fine() -> None:
    def describe(k: Any) -> None:
        lock = k.mutex("lock")

        @k.thread("client")
        def client(t: Any) -> int:
            with t.if_(t.choose("which", 2)):
                for turn in range(3):
                    if turn == 1:
                        continue
                    t.cond_resched()
                    break
                k.work("work", lambda t: t.cond_resched())
            with t.mutex_lock(lock):
                return 0

    assert str(rf.Scenario.build(describe)).count("cond_resched()") == 2


def test_what_can_not_be_reached() -> None:
    def after_return(k: Any, t: Any) -> None:
        t.return_()
        t.cond_resched()  # <-- wrong

    def after_loop(k: Any, t: Any) -> None:
        with t.loop():
            t.cond_resched()
        t.might_sleep()  # <-- wrong

    def after_both(k: Any, t: Any) -> None:
        with t.if_(t.choose("which", 2)):
            t.return_()
        with t.else_():
            t.return_()
        t.might_sleep()  # <-- wrong

    assert "the block ends with t.return_()" in refused_in_thread(after_return)
    assert "has no t.break_()" in refused_in_thread(after_loop)
    assert "can't be reached" in refused_in_thread(after_both)


def test_else_needs_an_if_right_before_it() -> None:
    def between(k: Any, t: Any) -> None:
        with t.if_(t.choose("which", 2)):
            pass
        t.cond_resched()
        with t.else_():  # <-- wrong
            pass

    def call(k: Any, t: Any) -> None:
        cell = k.cell("cell")
        with t.if_(t.choose("which", 2)):
            pass
        with t.elif_(t.read_once(cell) == 1):  # <-- wrong
            pass

    def twice(k: Any, t: Any) -> None:
        with t.if_(t.choose("which", 2)):
            pass
        with t.else_():
            pass
        with t.else_():  # <-- wrong
            pass

    assert "right behind the block" in refused_in_thread(between)
    assert "t.elif_(lambda: …)" in refused_in_thread(call)
    assert "right behind the block" in refused_in_thread(twice)


def test_break_and_continue_need_a_loop() -> None:
    def leave(k: Any, t: Any) -> None:
        t.break_()  # <-- wrong

    def again(k: Any, t: Any) -> None:
        t.continue_()  # <-- wrong

    def once(k: Any, t: Any) -> None:
        with t.while_(t.read_once(k.cell("cell")) < 3):  # <-- wrong
            pass

    assert "stands in no t.loop()" in refused_in_thread(leave)
    assert "stands in no t.loop()" in refused_in_thread(again)
    assert "`with t.while_(lambda: …):`" in refused_in_thread(once)


def test_only_variables_are_assigned() -> None:
    def value(k: Any, t: Any) -> None:
        t.read_once(k.cell("cell")).set(3)  # <-- wrong

    def kind(k: Any, t: Any) -> None:
        t.var(0).set(k.mutex("lock"))  # <-- wrong

    def nothing(k: Any, t: Any) -> None:
        t.var(0).set(None)  # <-- wrong

    assert "is no variable" in refused_in_thread(value)
    assert "a variable of kind int can't be the mutex `lock`" in refused_in_thread(kind)
    assert "can't be None (NULL)" in refused_in_thread(nothing)


def test_results_of_handlers() -> None:
    def missing(k: Any) -> None:
        k.shrinker("shrinker", 1, lambda t, nr: None)

    def unwanted(k: Any) -> None:
        k.work("work", lambda t: 3)

    def wrong(k: Any) -> None:
        k.irq("irq", lambda t: k.mutex("lock"))

    assert "returns a value (int) to its caller" in refused(missing).message
    assert "returns nothing to its caller" in refused(unwanted).message
    assert "the mutex `lock`" in refused(wrong).message


def test_parameters_of_handlers() -> None:
    def too_few(k: Any) -> None:
        def callback(t: Any) -> None: ...  # <-- wrong

        k.dma_fence_cb("cb", callback)

    error = refused(too_few)
    assert "the function of dma_fence_cb `cb` is called as callback(t, fence)" in error.message
    assert error.place.endswith(f":{marked(too_few)}")


def test_generators_are_no_handlers() -> None:
    def describe(k: Any) -> None:
        @k.thread("client")
        def client(t: Any) -> Any:
            t.cond_resched()
            yield

    assert "must be a plain function" in refused(describe).message


def test_functions_are_given_once_and_not_forgotten() -> None:
    def forgotten(k: Any) -> None:
        k.timer("timeout")  # <-- wrong

    def twice(k: Any) -> None:
        work = k.work("work", lambda t: None)
        work(lambda t: None)  # <-- wrong

    def none(k: Any) -> None:
        k.thread("client")(3)  # <-- wrong

    for describe, words in (
        (forgotten, "the timer `timeout` has no function"),
        (twice, "has its function already"),
        (none, "takes a function, not the int 3"),
    ):
        error = refused(describe)
        assert words in error.message
        assert error.place.endswith(f":{marked(describe)}")


def test_recorders_end_with_their_program() -> None:
    def describe(k: Any) -> None:
        kept = []

        @k.thread("first")
        def first(t: Any) -> None:
            kept.append(t)

        @k.thread("second")
        def second(t: Any) -> None:
            kept[0].cond_resched()  # <-- wrong

    error = refused(describe)
    assert "program `first` is complete" in error.message
    assert error.place.endswith(f":{marked(describe)}")


def test_declarations_out_of_range() -> None:
    for describe, words in (
        (lambda k: k.cell("cell", 1 << 63), "k.cell(init=…) takes a number"),
        (lambda k: k.workqueue("wq", ordered=True, max_active=2), "from 0 to 1, not the int 2"),
        (lambda k: k.ww_class("class", algorithm="wound"), "'wound-wait' or 'wait-die'"),
        (lambda k: k.mutex(3), "a mutex is declared with a name, a text, not the int 3"),
        (lambda k: k.user_range("range", k.mutex("lock")), "takes a declared mm, not the mutex `lock`"),
        (lambda k: k.dma_fence("fence", seqno=-1), "k.dma_fence(seqno=…)"),
    ):
        assert words in refused(describe, name="range").message


def test_drivers() -> None:
    class Gpu(rf.Driver):
        slots = 4

    gpu = Gpu()
    assert "is set up twice" in refused(lambda *_: None, drivers=[gpu, gpu]).message
    assert "derived from rf.Driver" in refused(lambda *_: None, drivers=[dict]).message
    with pytest.raises(rf.ScenarioError, match="did you mean 'slots'"):
        Gpu(slot=3)

    def describe(k: Any) -> None: ...  # <-- wrong

    error = refused(describe, drivers=[Gpu])
    assert "as describe(k, gpu)" in error.message
    assert error.place.endswith(f":{marked(describe)}")


def test_environments_and_parameters() -> None:
    parts: dict[str, Any] = {"foreign_reserve": False}
    with pytest.raises(rf.ScenarioError, match="did you mean 'foreign_resv'"):
        rf.contract(**parts)
    wrong: dict[str, Any] = {"foreign_resv": 1}
    with pytest.raises(rf.ScenarioError, match="True or False"):
        rf.quiet(**wrong)
    with pytest.raises(rf.ScenarioError, match=re.escape("rf.contract()")):
        rf.Scenario.build(lambda k: None, environment=3)  # type: ignore[arg-type]

    @rf.scenario
    def parametrised(k: rf.Kernel, *, turns: int = 3) -> None: ...

    with pytest.raises(rf.ScenarioError, match="did you mean 'turns'"):
        parametrised.with_(turn=3)
    with pytest.raises(rf.ScenarioError, match="has no parameters"):
        rf.Scenario.from_json(parametrised.to_json()).with_(turns=3)
    with pytest.raises(rf.ScenarioError, match="did you mean 'drivers'"):
        rf.scenario(driver=[rf.Driver])(lambda k: None)


def test_what_the_engine_refuses_has_its_place() -> None:
    def describe(k: Any) -> None:
        @k.thread("client")
        def client(t: Any) -> None:
            t.msleep(-1)  # <-- wrong

    error = refused(describe)
    assert "programs[0] (client)" in error.place
    assert f"tests/test_scenario_errors.py:{marked(describe)}" in error.place


def test_errors_can_be_pickled() -> None:
    error = rf.ScenarioError("what", "file.py:3")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.message, again.place) == ("file.py:3: what", "what", "file.py:3")
    assert str(rf.ScenarioError("what")) == "what"
