"""What the builder records, judged by the engine's pseudo-code and its JSON."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import ringfence as rf
from ringfence import GFP_KERNEL, GFP_NOWAIT, READ, WRITE

Described = Callable[[rf.Kernel], object]


def code(describe: Described, program: str) -> list[str]:
    """The pseudo-code of one program: what stands between its braces, white space made even."""
    text = str(rf.Scenario.build(describe))
    body = re.search(rf"^\w.*\b{program}\([^\n]*\)\n\{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
    assert body, text
    lines = [line.strip() for line in body[1].splitlines()]
    declarations = re.compile(r"(int|bool|void|struct|gfp_t|unsigned|long|s64|u64|ktime_t) ")
    return [line for line in lines if line and not declarations.match(line)]


def data(describe: Described) -> Any:
    return json.loads(rf.Scenario.build(describe).to_json())


def test_a_lock_in_a_with_is_given_back() -> None:
    def describe(k: rf.Kernel) -> None:
        a, b = k.mutex("a"), k.mutex("b")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.mutex_lock(a), t.mutex_lock(b):
                t.cond_resched()

    assert code(describe, "client") == [
        "mutex_lock(&a);",
        "mutex_lock(&b);",
        "cond_resched();",
        "mutex_unlock(&b);",
        "mutex_unlock(&a);",
    ]


def test_without_a_with_nothing_is_given_back() -> None:
    def describe(k: rf.Kernel) -> None:
        a, b = k.mutex("a"), k.mutex("b")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.mutex_lock(a)
            t.mutex_lock(b)
            t.mutex_unlock(a)

    assert code(describe, "client") == ["mutex_lock(&a);", "mutex_lock(&b);", "mutex_unlock(&a);"]


def test_a_signalling_section_left_open_is_no_error() -> None:
    def describe(k: rf.Kernel) -> None:
        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.dma_fence_begin_signalling()

    assert code(describe, "client") == ["dma_fence_begin_signalling();"]


def test_sections_with_a_cookie_hand_it_to_their_end() -> None:
    def describe(k: rf.Kernel) -> None:
        lock = k.spinlock("lock")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.memalloc_nofs(), t.spin_lock_irqsave(lock):
                pass

    assert code(describe, "client") == [
        "flags = memalloc_nofs_save();",
        "spin_lock_irqsave(&lock, flags2);",
        "spin_unlock_irqrestore(&lock, flags2);",
        "memalloc_nofs_restore(flags);",
    ]


def test_return_break_and_continue_close_what_they_leave() -> None:
    def describe(k: rf.Kernel) -> None:
        outer, inner = k.mutex("outer"), k.mutex("inner")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.mutex_lock(outer), t.loop(), t.mutex_lock(inner):
                with t.if_(t.choose("leave", 2)):
                    t.break_()
                with t.if_(t.choose("again", 2)):
                    t.continue_()
                t.return_()

    assert code(describe, "client") == [
        "mutex_lock(&outer);",
        "for (;;) {",
        "mutex_lock(&inner);",
        'leave = choose("leave", 2);',
        "if (leave) {",
        "mutex_unlock(&inner);",
        "break;",
        "}",
        'again = choose("again", 2);',
        "if (again) {",
        "mutex_unlock(&inner);",
        "continue;",
        "}",
        "mutex_unlock(&inner);",
        "mutex_unlock(&outer);",
        "return;",
        "}",
        "mutex_unlock(&outer);",
    ]


def test_a_call_that_can_fail_guards_its_block() -> None:
    def describe(k: rf.Kernel) -> None:
        lock = k.mutex("lock")

        @k.thread("client")
        def client(t: rf.Recorder) -> int:
            with t.mutex_trylock(lock):
                t.cond_resched()
            with t.else_():
                t.might_sleep()
            with t.mutex_lock_interruptible(lock) as ret:
                t.cond_resched()
            with t.if_(ret.failed):
                t.return_(ret)
            return 0

    assert code(describe, "client") == [
        "locked = mutex_trylock(&lock);",
        "if (locked) {",
        "cond_resched();",
        "mutex_unlock(&lock);",
        "} else {",
        "might_sleep();",
        "}",
        "ret = mutex_lock_interruptible(&lock);",
        "if (!ret) {",
        "cond_resched();",
        "mutex_unlock(&lock);",
        "}",
        "if (ret < 0) {",
        "return ret;",
        "}",
        "return 0;",
    ]


def test_dma_resv_lock_guards_only_within_a_context() -> None:
    def describe(k: rf.Kernel) -> None:
        bo = k.dma_resv("bo")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.dma_resv_lock(bo):
                t.cond_resched()
            with t.ww_acquire() as ctx, t.dma_resv_lock(bo, ctx):
                t.cond_resched()

    assert code(describe, "client") == [
        "dma_resv_lock(bo, NULL);",
        "cond_resched();",
        "dma_resv_unlock(bo);",
        "ww_acquire_init(&ctx, &reservation_ww_class);",
        "ret = dma_resv_lock(bo, &ctx);",
        "if (!ret) {",
        "cond_resched();",
        "dma_resv_unlock(bo);",
        "}",
        "ww_acquire_fini(&ctx);",
    ]


def test_branches_in_a_chain() -> None:
    def describe(k: rf.Kernel) -> None:
        cell = k.cell("cell")
        fence = k.dma_fence("fence")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            ret = t.dma_fence_wait(fence, True)
            with t.if_(ret == -rf.ERESTARTSYS):
                t.write_once(cell, 1)
            with t.elif_(ret == -rf.EINTR):
                t.write_once(cell, 2)
            with t.elif_(lambda: t.read_once(cell) > 2):
                t.write_once(cell, 3)
            with t.else_():
                t.write_once(cell, 4)
            t.write_once(cell, 5)

    body = data(describe)["programs"][0]["body"]
    wait, compare, first, last = body
    assert (wait["op"], compare["op"], last["op"]) == ("dma_fence_wait", "eq", "write_once")
    second_compare, second = first["else"]
    assert second_compare["op"] == "eq"
    read, third_compare, third = second["else"]
    assert (read["op"], third_compare["op"]) == ("read_once", "lt")
    values = [block[0]["args"][1] for block in (first["then"], second["then"], third["then"], third["else"])]
    assert values == [1, 2, 3, 4]


def test_while_looks_again_before_each_turn() -> None:
    def describe(k: rf.Kernel) -> None:
        cell = k.cell("cell")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.while_(lambda: t.read_once(cell) < 3):
                t.atomic_add_return(cell, 1)

    assert code(describe, "client") == [
        "for (;;) {",
        "val = READ_ONCE(cell);",
        "if (val >= 3) {",
        "break;",
        "}",
        "atomic_add_return(1, &cell);",
        "}",
    ]


def test_python_loops_and_helpers_unroll() -> None:
    def describe(k: rf.Kernel) -> None:
        locks = [k.mutex(f"lock{i}") for i in range(3)]

        def take(t: rf.Recorder, lock: rf.Mutex) -> None:
            with t.mutex_lock(lock):
                t.cond_resched()

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            for lock in locks:
                take(t, lock)

    assert code(describe, "client").count("cond_resched();") == 3


def test_fences_of_a_reservation_in_a_loop() -> None:
    def describe(k: rf.Kernel) -> None:
        bo = k.dma_resv("bo")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.dma_resv_lock(bo), t.dma_resv_for_each_fence(bo, READ) as fence:
                with t.if_(t.dma_fence_is_signaled(fence)):
                    t.continue_()
                t.dma_fence_wait(fence)

    assert code(describe, "client") == [
        "dma_resv_lock(bo, NULL);",
        "dma_resv_iter_begin(&cursor, bo, DMA_RESV_USAGE_READ);",
        "fence = dma_resv_iter_first(&cursor);",
        "for (;;) {",
        "if (!fence) {",
        "break;",
        "}",
        "signaled = dma_fence_is_signaled(fence);",
        "if (signaled) {",
        "fence = dma_resv_iter_next(&cursor);",
        "continue;",
        "}",
        "dma_fence_wait(fence, false);",
        "fence = dma_resv_iter_next(&cursor);",
        "}",
        "dma_resv_iter_end(&cursor);",
        "dma_resv_unlock(bo);",
    ]


def test_variables_are_assigned_in_branches() -> None:
    def describe(k: rf.Kernel) -> None:
        first, second = k.dma_fence("first"), k.dma_fence("second")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            which = t.var(first)
            count = t.var(0)
            none = t.var(rf.DmaFence)
            ret = t.var(rf.Errno)
            with t.if_(ret.failed):
                ret.set(-rf.EIO)
            with t.if_(t.choose("which", 2)):
                which.set(second)
                count.set(count + 1)
            t.dma_fence_wait(which)
            t.warn_on(none == which)
            t.warn_on(count)

    program = data(describe)["programs"][0]
    assert program["registers"][:4] == ["dma_fence", "int", "dma_fence", "errno"]
    sets = [stmt for stmt in program["body"] if stmt.get("op") == "set"]
    assert [stmt["args"] for stmt in sets] == [[{"obj": 1}], [0], [None], [0]]
    _, branch = [stmt for stmt in program["body"] if "if" in stmt]
    assert [stmt["out"] for stmt in branch["then"] if stmt["op"] == "set"] == [0, 1]


def test_arithmetic() -> None:
    def describe(k: rf.Kernel) -> None:
        cell = k.cell("cell")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            a = t.read_once(cell)
            results = [
                a + 1,
                1 + a,
                a - 2,
                2 - a,
                -a,
                a & 3,
                a | 4,
                a == 5,
                a != 6,
                a < 7,
                a <= 8,
                a > 9,
                a >= 10,
            ]
            for result in results:
                t.warn_on(result)

    body = data(describe)["programs"][0]["body"]
    register = {"reg": body[1]["args"][0]["reg"]}
    assert [(stmt["op"], stmt["args"]) for stmt in body[1:14]] == [
        ("add", [register, 1]),
        ("add", [register, 1]),
        ("sub", [register, 2]),
        ("sub", [2, register]),
        ("sub", [0, register]),
        ("and", [register, 3]),
        ("or", [register, 4]),
        ("eq", [register, 5]),
        ("ne", [register, 6]),
        ("lt", [register, 7]),
        ("le", [register, 8]),
        ("lt", [9, register]),
        ("le", [10, register]),
    ]


def test_augmented_assignment_assigns_a_variable_and_renames_a_value() -> None:
    def describe(k: rf.Kernel) -> None:
        cell = k.cell("cell")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            i = t.var(0)
            with t.while_(lambda: i < 3):
                i += 2
                i -= 1
                i &= 7
                i |= 0
            value = before = t.read_once(cell)
            value += 1
            t.warn_on(value == before)

    (loop,) = [stmt for stmt in data(describe)["programs"][0]["body"] if "loop" in stmt]
    sets = [stmt for stmt in loop["loop"] if stmt.get("op") == "set"]
    assert [stmt["out"] for stmt in sets] == [0, 0, 0, 0]
    assert [stmt["op"] for stmt in loop["loop"] if "op" in stmt and stmt["op"] != "set"] == [
        *("lt", "not", "add", "sub", "and", "or"),
    ]
    operations = [stmt["op"] for stmt in data(describe)["programs"][0]["body"] if "op" in stmt]
    assert operations == ["set", "read_once", "add", "eq", "warn_on"]


def test_only_results_that_are_used_get_a_register() -> None:
    def describe(k: rf.Kernel) -> None:
        fence = k.dma_fence("fence")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.dma_fence_wait(fence)
            t.warn_on(t.dma_fence_signal(fence))

    program = data(describe)["programs"][0]
    assert program["registers"] == ["errno"]
    assert "out" not in program["body"][0]


def test_every_operation_keeps_its_line() -> None:
    def describe(k: rf.Kernel) -> None:
        lock = k.mutex("lock")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.mutex_lock(lock):
                t.cond_resched()

    scenario = data(describe)
    first = describe.__code__.co_firstlineno
    lines = {site["line"] for site in scenario["sites"]}
    assert {site["file"] for site in scenario["sites"]} == {"tests/test_scenario_build.py"}
    assert lines == {first + 1, first + 3, first + 5, first + 6}
    places = [scenario["sites"][stmt["at"] - 1] for stmt in scenario["programs"][0]["body"]]
    assert [place["line"] - first for place in places] == [5, 6, 5]
    assert {place["function"] for place in places} == {"client"}


def test_places_in_lambdas_are_in_the_function_around_them() -> None:
    def describe(k: rf.Kernel) -> None:
        cells = [k.cell(name) for name in "ab"]

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.while_(lambda: t.read_once(cells[0]) == 0):
                t.cond_resched()
            assert len([t.read_once(cell) for cell in cells]) == 2

        k.thread("other", lambda t: t.cond_resched())

    assert {site["function"] for site in data(describe)["sites"]} == {"client", "describe"}


def test_handlers_of_a_driver_get_what_the_kernel_hands_them() -> None:
    class Gpu(rf.Driver):
        timeout = rf.ms(500)

        def setup(self, k: rf.Kernel) -> None:
            self.ops = k.dma_fence_ops("ops", enable_signaling=self.enable, set_deadline=self.deadline)
            self.timeline = k.timeline("ring0", ops=self.ops)
            self.cb = k.dma_fence_cb("cb", self.callback)
            self.shrinker = k.shrinker("shrinker", 5, self.scan)
            self.mm = k.mm("mm")
            self.range = k.user_range("range", self.mm)
            self.interval = k.mmu_interval_notifier("interval", self.range, self.invalidate)
            self.notifier = k.mmu_notifier("notifier", self.mm, self.invalidate_start)
            self.irq = k.irq("irq", self.handler, self.thread_fn)

        def enable(self, t: rf.Recorder, fence: rf.DmaFence) -> bool:
            t.dma_fence_set_deadline(fence, self.timeout)
            return True

        def deadline(self, t: rf.Recorder, fence: rf.DmaFence, deadline: rf.Nanos) -> None:
            t.warn_on(deadline < 0)

        def callback(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
            t.dma_fence_put(fence)

        def scan(self, t: rf.Recorder, nr_to_scan: rf.Int) -> rf.Int:
            return nr_to_scan

        def invalidate(self, t: rf.Recorder, blockable: rf.Int, seq: rf.Seqno) -> rf.Int:
            t.mmu_interval_set_seq(self.interval, seq)
            return blockable

        def invalidate_start(self, t: rf.Recorder, blockable: rf.Int) -> int:
            with t.if_(blockable == 0):
                t.return_(-rf.EAGAIN)
            return 0

        def handler(self, t: rf.Recorder) -> int:
            return rf.IRQ_WAKE_THREAD

        def thread_fn(self, t: rf.Recorder) -> None:
            t.cond_resched()

    scenario = rf.Scenario.build(lambda _k, _gpu: None, drivers=[Gpu], name="handlers")
    programs = {program["name"]: program for program in json.loads(scenario.to_json())["programs"]}
    assert programs["enable"]["registers"] == ["dma_fence"]
    assert programs["enable"]["body"][0]["args"] == [{"reg": 0}, 500_000_000]
    assert programs["deadline"]["registers"][:2] == ["dma_fence", "ns"]
    assert programs["invalidate"]["registers"] == ["int", "seqno"]
    assert programs["count_objects"]["body"][0]["return"] == [5]
    assert programs["handler"]["result"] == "int"
    assert "result" not in programs["thread_fn"]


def test_handlers_may_use_what_is_declared_after_them() -> None:
    def describe(k: rf.Kernel) -> None:
        work = k.work("work")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.mutex_lock(late)
            t.schedule_work(work)

        late = k.mutex("late")

        @work
        def work_fn(t: rf.Recorder) -> None:
            t.mutex_unlock(late)

    assert code(describe, "client") == ["mutex_lock(&late);", "queue_work(system_wq, &work);"]


def test_a_thread_is_an_object_once_it_is_used_as_one() -> None:
    def describe(k: rf.Kernel) -> None:
        @k.kthread("worker")
        def worker(t: rf.Recorder) -> int:
            t.cond_resched()
            return -rf.EINTR

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.kthread_stop(worker)
            t.send_sig(worker)

    scenario = data(describe)
    assert [(entry["kind"], entry["thread"]) for entry in scenario["objects"]] == [("task", 0)]
    assert [thread["name"] for thread in scenario["threads"]] == ["worker", "client"]
    assert scenario["programs"][0]["result"] == "errno"


def test_locks_with_one_name_are_of_one_class() -> None:
    def describe(k: rf.Kernel) -> None:
        for _ in range(3):
            k.mutex("gpu->lock")
        k.mutex("own", class_="special")
        k.spinlock("gpu->lock")

    objects = data(describe)["objects"]
    named = [(entry["kind"], entry["name"], entry.get("class")) for entry in objects]
    assert named == [
        ("mutex", "gpu->lock", "gpu->lock"),
        ("mutex", "gpu->lock#2", "gpu->lock"),
        ("mutex", "gpu->lock#3", "gpu->lock"),
        ("mutex", "own", "special"),
        ("spinlock", "gpu->lock", None),
    ]


class Ring(rf.Driver):
    slots = 4

    def setup(self, k: rf.Kernel) -> None:
        self.free = k.cell(f"{self.name}->free", self.slots)


class Card(rf.Driver):
    def __init__(self, rings: int) -> None:
        self.rings = rings

    def setup(self, k: rf.Kernel) -> None:
        self.ring = [k.driver(Ring(slots=i), f"ring{i}") for i in range(self.rings)]


def test_drivers_are_classes_instances_or_named_and_can_be_composed() -> None:
    def cells(**keywords: Any) -> list[tuple[str, int]]:
        scenario = rf.Scenario.build(lambda *_: None, name="drivers", **keywords)
        objects = json.loads(scenario.to_json())["objects"]
        return [(entry["name"], entry.get("init", 0)) for entry in objects]

    assert cells(drivers=[Ring, Ring]) == [("ring->free", 4), ("ring2->free", 4)]
    assert cells(drivers={"blit": Ring(slots=1), "copy": Ring}) == [("blit->free", 1), ("copy->free", 4)]
    assert cells(drivers=[Card(2)]) == [("ring0->free", 0), ("ring1->free", 1)]


def test_two_declared_objects_compare_at_once() -> None:
    def describe(k: rf.Kernel) -> None:
        a, b = k.dma_resv("a"), k.dma_resv("b")
        assert a == a  # noqa: PLR0124
        assert a != b
        assert not a == b  # noqa: SIM201
        assert b in [a, b]
        assert a != None  # noqa: E711
        assert a
        assert len({a, b, a}) == 2

    data(describe)


def test_a_value_made_before_every_way_out_of_a_loop_is_known_behind_it() -> None:
    def describe(k: rf.Kernel) -> None:
        cell = k.cell("cell")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            with t.loop():
                value = t.read_once(cell)
                with t.if_(value > 3):
                    t.break_()
            t.write_once(cell, value)

        @k.thread("other")
        def other(t: rf.Recorder) -> None:
            with t.if_(t.read_once(cell)):
                t.return_()
            with t.else_():
                value = t.read_once(cell)
            t.write_once(cell, value)

    assert code(describe, "client")[-1] == "WRITE_ONCE(cell, val);"


def test_gfp_masks_and_usages_and_texts() -> None:
    def describe(k: rf.Kernel) -> None:
        bo = k.dma_resv("bo")
        fence = k.dma_fence("fence")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.kfree(t.kmalloc(GFP_KERNEL))
            mask = t.var(GFP_KERNEL)
            with t.if_(t.choose("atomic", 2)):
                mask.set(GFP_NOWAIT)
            t.kfree(t.kzalloc(mask))
            t.dma_resv_add_fence(bo, fence, WRITE)

    body = data(describe)["programs"][0]["body"]
    assert body[0]["args"] == [{"gfp": "GFP_KERNEL"}]
    assert body[2]["args"] == [{"gfp": "GFP_KERNEL"}]
    assert [stmt for stmt in body if stmt.get("op") == "kmalloc"][1]["args"] == [{"reg": body[2]["out"]}]
    assert body[-1]["args"][2] == 1


@pytest.mark.parametrize(
    ("made", "nanoseconds"),
    [(rf.ns(7), 7), (rf.us(1.5), 1500), (rf.ms(2), 2_000_000), (rf.s(3), 3_000_000_000)],
)
def test_times_are_nanoseconds(made: int, nanoseconds: int) -> None:
    assert made == nanoseconds
    assert type(made) is int
