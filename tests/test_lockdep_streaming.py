"""The streaming validator: what a kernel engineer writes first has to be right."""

import contextlib
import inspect
import pickle
import threading
from collections.abc import Callable

import pytest

from ringfence import GFP_ATOMIC, GFP_KERNEL, GFP_NOFS, GFP_NOIO, GFP_NOWAIT, Gfp
from ringfence.errors import MisuseError
from ringfence.gfp import FLAG_NOLOCKDEP
from ringfence.lockdep import Finding, Profile, Task, Validator


@pytest.fixture
def v() -> Validator:
    """A validator that knows the contract."""
    validator = Validator()
    assert validator.prime() == []
    return validator


def here() -> int:
    """The caller's line."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# ---- the seed commit's story: what the contract allows and forbids (drivers/dma-buf/dma-fence.c) ----------


def wait_under_resv(v: Validator, t: Task) -> list[Finding]:
    with t.dma_resv_lock(v.dma_resv("bo")) as found:
        return [*found, *t.dma_fence_wait()]


def wait_in_shrinker(v: Validator, t: Task) -> list[Finding]:
    with t.fs_reclaim(GFP_KERNEL) as found:
        return [*found, *t.fence_might_wait()]


def wait_in_notifier(v: Validator, t: Task) -> list[Finding]:
    with t.invalidate_range() as found:
        return [*found, *t.fence_might_wait()]


def wait_in_section(v: Validator, t: Task) -> list[Finding]:
    with t.signalling() as found:
        return [*found, *t.fence_might_wait()]


def resv_in_section(v: Validator, t: Task) -> list[Finding]:
    with t.signalling() as found:
        return [*found, *t.dma_resv_lock(v.dma_resv("bo"))]


def mmap_lock_in_section(v: Validator, t: Task) -> list[Finding]:
    with t.signalling() as found:
        return [*found, *t.down_read(v.mmap_lock())]


def fault_under_resv(v: Validator, t: Task) -> list[Finding]:
    with t.dma_resv_lock(v.dma_resv("bo")) as found:
        return [*found, *t.down_read(v.mmap_lock())]


def alloc_in_section(gfp: Gfp) -> Callable[[Validator, Task], list[Finding]]:
    def story(v: Validator, t: Task) -> list[Finding]:
        with t.signalling() as found:
            return [*found, *t.alloc(gfp)]

    return story


def alloc_in_noreclaim(v: Validator, t: Task) -> list[Finding]:
    with t.signalling(), t.memalloc_noreclaim():
        return t.alloc(GFP_KERNEL)


@pytest.mark.parametrize(
    ("story", "broken"),
    [
        (wait_under_resv, False),
        (wait_in_shrinker, False),
        (wait_in_notifier, False),
        (wait_in_section, False),
        (alloc_in_section(GFP_ATOMIC), False),
        (alloc_in_section(GFP_NOWAIT), False),
        (alloc_in_section(GFP_KERNEL | FLAG_NOLOCKDEP), False),
        (alloc_in_noreclaim, False),
        (alloc_in_section(GFP_KERNEL), True),
        (alloc_in_section(GFP_NOFS), True),
        (alloc_in_section(GFP_NOIO), True),
        (resv_in_section, True),
        (mmap_lock_in_section, True),
        (fault_under_resv, True),
    ],
)
def test_contract(v: Validator, story: Callable[[Validator, Task], list[Finding]], broken: bool) -> None:
    found = story(v, v.task("driver"))
    assert {finding.rule for finding in found} == ({"RF601"} if broken else set())
    assert v.findings == found


def test_without_mmu_notifier_nofs_is_allowed() -> None:
    v = Validator(Profile("6.12", mmu_notifier=False))
    v.prime()
    t = v.task()
    assert alloc_in_section(GFP_NOFS)(v, t) == []
    assert len(alloc_in_section(GFP_KERNEL)(v, t)) == 1


def test_section_order_is_a_false_alarm_of_6_12_only() -> None:
    """`L {begin; end}` and `begin {L}`: nobody ever waits; a trylock annotation knows that."""
    for profile, rules in (("6.12", ["RF601"]), ("next", [])):
        v = Validator(profile)
        lock, t = v.lock("L"), v.task()
        with t.mutex_lock(lock), t.signalling():
            pass
        with t.signalling(), t.mutex_lock(lock) as found:
            pass
        assert [finding.rule for finding in found] == rules


def test_sections_nest_and_are_noops_in_atomic_context(v: Validator) -> None:
    t = v.task()
    with t.signalling() as outer, t.signalling() as inner:
        assert (outer.noop, inner.noop) == (False, True)
        assert t.holding == ["dma_fence_map"]
    assert t.holding == []
    with t.spin_lock(v.lock("s", "spinlock")), t.signalling() as atomic:
        assert atomic.noop


def test_cookies_by_hand(v: Validator) -> None:
    t = v.task()
    cookie = t.dma_fence_begin_signalling()
    assert cookie == []
    assert t.dma_fence_end_signalling(cookie) == []
    [again] = t.dma_fence_end_signalling(cookie)
    assert again.rule == "RF607"


# ---- locks ------------------------------------------------------------------------------------------------


def test_several_instances_of_a_class() -> None:
    v = Validator()
    t = v.task()
    by_name = v.lock("bo->lock"), v.lock("bo->lock")
    assert by_name[0].cls is by_name[1].cls
    shared = v.lock_class("vm->lock")
    a, b, c = shared.instance("a"), v.lock("b", cls=shared), v.lock("c", cls=shared.instance())
    assert a.cls is b.cls is c.cls
    for first, second in (by_name, (a, b), (b, c)):
        with t.mutex_lock(first), t.mutex_lock(second) as found:
            assert [finding.rule for finding in found] == ["RF602"]
    with t.mutex_lock(a), t.mutex_lock_nested(b, 1) as nested:
        assert nested == []
    other = v.lock_class("vm->lock").instance()
    with t.mutex_lock(a), t.mutex_lock(other) as different:
        assert different == []


def test_resv_locks_nest_in_a_context(v: Validator) -> None:
    t = v.task()
    a, b = v.dma_resv("a"), v.dma_resv("b")
    with t.ww_acquire_ctx() as ctx, t.dma_resv_lock(a, ctx), t.dma_resv_lock(b, ctx):
        pass
    assert v.findings == []
    with t.dma_resv_lock(a), t.dma_resv_lock(b) as found:
        assert [finding.rule for finding in found] == ["RF602"]


def test_releases(v: Validator) -> None:
    t = v.task()
    a, b = v.lock("a"), v.lock("b")
    t.mutex_lock(a)
    t.mutex_lock(b)
    assert t.mutex_unlock(a) == []  # in any order
    assert t.holding == ["b"]
    assert t.mutex_unlock(b) == []
    [finding] = t.mutex_unlock(b)
    assert finding.rule == "RF607"
    with t.held(a) as section:
        assert section.end() == []
    assert [finding.rule for finding in section] == ["RF607"]  # by the end of the block


def test_other_lock_events(v: Validator) -> None:
    t = v.task()
    sem, mutex = v.lock("sem", "rwsem"), v.lock("mutex")
    with t.down_write(sem):
        assert t.downgrade_write(sem) == []
    with t.mutex_lock(mutex):
        assert [finding.rule for finding in t.free(mutex)] == ["RF609"]
        assert [finding.rule for finding in t.sync(mutex)] == ["RF602"]
    assert [finding.rule for finding in t.mutex_lock_nest_lock(mutex, sem)] == ["RF608"]


def test_trylock_depends_on_nothing(v: Validator) -> None:
    t = v.task()
    a, b = v.lock("a"), v.lock("b")
    with t.mutex_lock(a), t.mutex_lock(b):
        pass
    with t.mutex_lock(b), t.mutex_trylock(a):
        pass
    assert v.findings == []


def test_readers() -> None:
    """`read_lock()` does not wait for a waiting writer in an interrupt, and may elsewhere."""
    v = Validator()
    t = v.task()
    rwlock = v.lock("rwlock", "rwlock")
    with t.read_lock(rwlock), t.read_lock(rwlock) as found:
        assert [finding.rule for finding in found] == ["RF602"]
    with t.hardirq(threaded=True), t.read_lock(rwlock), t.read_lock(rwlock) as found:
        assert found == []
    with t.rcu_read_lock(), t.rcu_read_lock() as nested:
        assert nested == []
    assert t.rcu_read_unlock() != []


def test_interrupts() -> None:
    v = Validator()
    t = v.task()
    lock = v.lock("fence->lock", "spinlock")
    with t.hardirq(threaded=True), t.spin_lock(lock):
        pass
    with t.spin_lock_irqsave(lock) as flags:
        assert flags == []
        with t.spin_lock_irqsave(v.lock("inner", "spinlock")) as inner:
            assert (flags.were_on, inner.were_on) == (True, False)
    with t.spin_lock_irq(lock):
        pass
    with t.irq_disabled(), t.spin_lock(lock):
        pass
    assert v.findings == []
    with t.spin_lock_bh(lock) as found:
        assert [finding.rule for finding in found] == ["RF604"]


def test_soft_interrupts() -> None:
    v = Validator()
    t = v.task()
    lock = v.lock("lock", "spinlock")
    with t.softirq(), t.spin_lock(lock):
        pass
    with t.spin_lock_bh(lock), t.bh_disabled():
        pass
    with t.bh_disabled(), t.spin_lock(lock):
        pass
    assert v.findings == []
    with t.spin_lock(lock) as found:
        assert [finding.rule for finding in found] == ["RF604"]


def test_sleeping_under_a_spinlock() -> None:
    v = Validator()
    t = v.task()
    with t.spin_lock(v.lock("s", "spinlock")), t.mutex_lock(v.lock("m")) as found:
        assert [finding.rule for finding in found] == ["RF606"]
    v = Validator(Profile(raw_lock_nesting=False))
    t = v.task()
    with t.spin_lock(v.lock("raw", "raw_spinlock")), t.spin_lock(v.lock("s", "spinlock")) as found:
        assert found == []


def test_scopes_restore_what_was_before(v: Validator) -> None:
    t = v.task()
    with t.memalloc_nofs():
        with t.memalloc_nofs():
            pass
        with t.fs_reclaim(GFP_KERNEL):
            assert t.holding == []  # GFP_KERNEL is GFP_NOFS here
    with t.memalloc_noio(), t.fs_reclaim(GFP_KERNEL):
        assert t.holding == []
    with t.fs_reclaim(GFP_KERNEL):
        assert t.holding == ["fs_reclaim"]


# ---- places -----------------------------------------------------------------------------------------------


def test_places_are_the_callers(v: Validator) -> None:
    a, b, t = v.lock("a"), v.lock("b"), v.task("client")
    t.mutex_lock(a)
    first = here() - 1
    t.mutex_lock(b)
    t.mutex_unlock(b)
    t.mutex_unlock(a)
    with contextlib.ExitStack() as stack:
        stack.enter_context(t.mutex_lock(b))
        [finding] = t.mutex_lock(a)
        at = here() - 1
    assert finding.location == f"tests/test_lockdep_streaming.py:{at}"
    assert finding.task == "client"
    report = finding.to_dict()["report"]
    assert report["at"]["function"] == "test_places_are_the_callers"
    assert f"tests/test_lockdep_streaming.py:{first}" in finding.text(200)
    assert f"tests/test_lockdep_streaming.py:{first}" in {
        f"{link['held_at']['file']}:{link['held_at']['line']}" for link in report["links"]
    }


def test_the_end_of_a_block_is_where_the_block_is(v: Validator) -> None:
    lock, t = v.lock("a"), v.task()
    with t.mutex_lock(lock) as found:
        line = here() - 1
        t.mutex_unlock(lock)
    assert found[0].location == f"tests/test_lockdep_streaming.py:{line}"


@pytest.mark.parametrize(
    ("where", "location"),
    [("gpu.c:12", "gpu.c:12"), (("gpu.c", 7), "gpu.c:7"), (("gpu.c", 7, "gpu_reset"), "gpu.c:7")],
)
def test_places_by_hand(v: Validator, where: str | tuple[str, int], location: str) -> None:
    [finding] = v.task().mutex_unlock(v.lock("a"), where=where)
    assert finding.location == location


@pytest.mark.parametrize("where", ["gpu.c", "gpu.c:x", ":", 7, ("gpu.c",), ("gpu.c", -1), ("gpu.c", 1 << 32)])
def test_places_that_are_none(v: Validator, where: str) -> None:
    with pytest.raises(MisuseError, match="expected 'file:line'"):
        v.task().alloc(GFP_KERNEL, where=where)


# ---- findings are values ----------------------------------------------------------------------------------


def a_finding() -> Finding:
    v = Validator()
    v.prime()
    [finding] = alloc_in_section(GFP_NOFS)(v, v.task("kworker"))
    return finding


def test_finding_is_a_value() -> None:
    finding, same = a_finding(), a_finding()
    assert finding == same
    assert hash(finding) == hash(same)
    assert len({finding, same}) == 1
    assert finding != Validator(go_on=False)
    assert "\n" not in repr(finding)
    assert repr(finding).startswith("<Finding RF601 circular-dependency at tests/")
    assert str(finding) == finding.text()
    assert (finding.kind, finding.verdict, finding.count, finding.cycle) == ("circular", "PREDICTED", 1, 1)
    assert finding.silence is None
    assert finding.why
    assert "\x1b[" in finding.text(80, colour=True)
    assert max(map(len, finding.text(60).splitlines())) <= 60
    assert "possible circular locking dependency" in finding.splat()
    assert finding.to_dict()["rule"] == "RF601"


def test_finding_is_picklable() -> None:
    finding = a_finding()
    copy = pickle.loads(pickle.dumps(finding))  # noqa: S301 - our own
    assert copy == finding
    assert (str(copy), copy.splat(), copy.json()) == (str(finding), finding.splat(), finding.json())


def test_known_findings_are_counted_and_returned_again(v: Validator) -> None:
    t = v.task()
    for count in (1, 2, 3):
        [finding] = alloc_in_section(GFP_NOFS)(v, t)
        assert finding.count == count
    assert [finding.count for finding in v.findings] == [3]


def test_stop_after_the_first_report() -> None:
    v = Validator(go_on=False)
    t, a = v.task(), v.lock("a")
    states = [v.is_on]
    assert len(t.mutex_unlock(a)) == 1
    states.append(v.is_on)
    assert states == [True, False]
    assert t.mutex_unlock(a) == []
    with t.hardirq(), t.spin_lock_irqsave(a), t.signalling(), t.memalloc_nofs(), t.bh_disabled():
        pass
    assert len(v.findings) == 1


def test_lockdep_off() -> None:
    v = Validator(Profile(lockdep=False))
    t, a = v.task(), v.lock("a")
    with t.mutex_lock(a), t.mutex_lock(a), t.softirq(), t.hardirq():
        t.local_irq_enable()
    assert v.findings == []


def test_kernel_search_has_the_kernels_chain_cache() -> None:
    """The order is first seen over a holder that is not checked; lockdep never looks at it again."""

    def story(v: Validator) -> list[Finding]:
        a, b, t = v.lock("a"), v.lock("b"), v.task()
        with t.acquire(a, check=False), t.mutex_lock(b):
            pass
        with t.mutex_lock(a), t.mutex_lock(b):
            pass
        with t.mutex_lock(b):
            return t.mutex_lock(a)

    assert story(Validator(search="kernel")) == []
    [finding] = story(Validator(search="exact"))
    assert finding.silence == "chain-cache"


# ---- a caller's mistakes ----------------------------------------------------------------------------------


def test_things_of_another_validator() -> None:
    v, other = Validator(), Validator()
    t = v.task()
    foreign = other.lock("a")
    message = "belongs to another validator"
    with pytest.raises(MisuseError, match=message):
        t.mutex_lock(foreign)
    with pytest.raises(MisuseError, match=message):
        t.mutex_unlock(foreign)
    with pytest.raises(MisuseError, match=message):
        t.mutex_lock_nest_lock(v.lock("a"), foreign)
    with pytest.raises(MisuseError, match=message):
        v.lock("b", cls=foreign)
    with pytest.raises(MisuseError, match=message):
        v.prime(other.task())
    with pytest.raises(MisuseError, match=message):
        t.dma_fence_end_signalling(other.task().signalling())
    assert v.findings == other.findings == []


def test_calls_that_make_no_sense() -> None:
    v = Validator()
    t, a = v.task(), v.lock("a")
    for call in (t.hardirq_exit, t.softirq_exit, t.local_bh_enable):
        with pytest.raises(MisuseError, match="without a"):
            call()
    with t.hardirq(), pytest.raises(MisuseError, match="hard interrupt"):
        t.local_irq_enable()
    with pytest.raises(MisuseError, match="expected a Lock, got 'a'"):
        t.mutex_lock("a")  # type: ignore[arg-type]
    with pytest.raises(MisuseError, match="read=3"):
        t.acquire(a, read=3)
    with pytest.raises(MisuseError, match="subclass=-1"):
        t.acquire(a, subclass=-1)
    with pytest.raises(MisuseError, match="unknown kind of lock 'mutx'"):
        v.lock("b", "mutx")  # type: ignore[arg-type]
    with pytest.raises(MisuseError, match="leave the kind out"):
        v.lock("b", "spinlock", cls=a)
    with pytest.raises(TypeError):
        t.alloc("GFP_KERNEL")  # type: ignore[arg-type]
    assert v.findings == []


def test_reprs(v: Validator) -> None:
    t = v.task("client")
    with t.mutex_lock(v.lock("a")):
        assert repr(t) == "<Task 'client' holding a>"
    assert repr(t) == "<Task 'client' holding nothing>"
    assert repr(v.lock("gpu->lock")) == "<Lock 'gpu->lock' (mutex)>"
    assert repr(v.dma_resv("bo")) == "<Lock 'bo' (ww_mutex) of class 'reservation_ww_class_mutex'>"
    assert repr(v.lock_class("s", "spinlock")) == "<LockClass 's' (spinlock)>"
    assert repr(v).startswith("<Validator 6.12 exact: 2 tasks, ")


# ---- threads ----------------------------------------------------------------------------------------------


def test_threads_share_a_validator() -> None:
    """Four threads, each its own task, on locks in one order: nothing to find, nothing lost."""
    v = Validator()
    locks = [v.lock(f"l{number}") for number in range(4)]
    rounds, workers = 200, 4

    def work(name: str) -> None:
        t = v.task(name)
        for _ in range(rounds):
            with contextlib.ExitStack() as stack:
                for lock in locks:
                    stack.enter_context(t.mutex_lock(lock))
            t.mutex_unlock(locks[0])

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [finding] = v.findings
    assert (finding.rule, finding.count) == ("RF607", rounds * workers)
