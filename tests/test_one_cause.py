"""What has one cause is one finding, under the rule that helps; what the contract allows is none."""

import pytest

import ringfence as rf

BUDGET = 400


@rf.scenario
def waits_for_an_array_with_its_own_fence(k: rf.Kernel) -> None:
    mine, other = k.dma_fence("mine"), k.dma_fence("other")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        both = t.dma_fence_array_create([t.dma_fence_get(mine), t.dma_fence_get(other)], 1)
        t.fd_install(t.sync_file_create(both))
        with t.dma_fence_signalling():
            t.dma_fence_wait(both)
            t.dma_fence_signal(mine)

    @k.thread("other")
    def other_driver(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_signal(other)


@rf.scenario
def waits_for_what_its_own_fence_calls_back(k: rf.Kernel) -> None:
    mine, later = k.dma_fence("mine"), k.dma_fence("later")

    @k.dma_fence_cb("forward")
    def forward(t: rf.Recorder, fence: rf.DmaFence) -> None:
        t.dma_fence_signal(later)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.dma_fence_add_callback(mine, forward)
        with t.dma_fence_signalling():
            t.dma_fence_publish(later)
            t.dma_fence_wait(later)
            t.dma_fence_signal(mine)


@rf.scenario(environment=rf.contract())
def crash_dump_under_the_lock_of_submission(k: rf.Kernel) -> None:
    lock, job = k.mutex("gpu->lock"), k.dma_fence("job")

    @k.work("recover_work")
    def recover_work(t: rf.Recorder) -> None:
        with t.mutex_lock(lock):
            t.kfree(t.kmalloc(rf.GFP_KERNEL))

    @k.kthread("sched")
    def sched(t: rf.Recorder) -> None:
        t.schedule_work(recover_work)
        with t.dma_fence_signalling():
            t.dma_fence_publish(job)
            with t.mutex_lock(lock):
                t.dma_fence_signal(job)


@rf.scenario
def flushes_a_work_that_waits_for_its_fence(k: rf.Kernel) -> None:
    job = k.dma_fence("job")

    @k.work("wait_work")
    def wait_work(t: rf.Recorder) -> None:
        t.dma_fence_wait(job)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.schedule_work(wait_work)
        with t.dma_fence_signalling():
            t.dma_fence_publish(job)
            t.flush_work(wait_work)
            t.dma_fence_signal(job)


@rf.scenario
def drops_a_reference_twice(k: rf.Kernel) -> None:
    job = k.dma_fence("job")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.dma_fence_signal(job)
        t.dma_fence_put(job)
        t.dma_fence_put(job)


@rf.scenario
def lock_of_a_notifier_over_a_fault(k: rf.Kernel) -> None:
    mm = k.mm("mm")
    pages = k.user_range("pages", mm)
    lock = k.mutex("struct_mutex")
    notifier = k.mmu_notifier("userptr", mm)

    @notifier.invalidate
    def invalidate(t: rf.Recorder, blockable: rf.Int) -> int:
        with t.mutex_lock(lock):
            pass
        return 0

    @k.thread("client", mm=mm)
    def client(t: rf.Recorder) -> None:
        with t.mutex_lock(lock), t.get_user_pages_fast(pages):
            pass

    @k.thread("other", mm=mm)
    def other(t: rf.Recorder) -> None:
        t.munmap(pages)


@pytest.mark.parametrize(
    ("scenario", "rule", "verdict"),
    [
        (waits_for_an_array_with_its_own_fence, "RF305", "CONFIRMED"),
        (waits_for_what_its_own_fence_calls_back, "RF305", "CONFIRMED"),
        (crash_dump_under_the_lock_of_submission, "RF303", "CONFIRMED"),
        (flushes_a_work_that_waits_for_its_fence, "RF304", "CONFIRMED"),
        (drops_a_reference_twice, "RF513", "CONFIRMED"),
        # The pages are there, so that no schedule hangs.
        (lock_of_a_notifier_over_a_fault, "RF601", "PREDICTED"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_one_cause_is_one_finding(scenario: rf.Scenario, rule: str, verdict: str) -> None:
    report = rf.check(scenario, budget=BUDGET)
    assert [(finding.rule, finding.verdict) for finding in report.findings] == [(rule, verdict)], str(report)
    assert 0 < report.findings[0].count <= report.executions


@rf.scenario
def waits_for_an_older_fence_in_a_section(k: rf.Kernel) -> None:
    older, newer = k.dma_fence("older"), k.dma_fence("newer")

    @k.thread("first")
    def first(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_publish(older)
            t.dma_fence_signal(older)

    @k.thread("second")
    def second(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_publish(newer)
            t.dma_fence_wait(older)
            t.dma_fence_signal(newer)


@rf.scenario
def one_worker_publishes_and_then_signals(k: rf.Kernel) -> None:
    job, worker = k.dma_fence("job"), k.kthread_worker("worker")

    @k.kthread_work("retire")
    def retire(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_signal(job)

    @k.kthread_work("submit")
    def submit(t: rf.Recorder) -> None:
        t.dma_fence_publish(job)
        t.kthread_queue_work(worker, retire)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.kthread_queue_work(worker, submit)


@rf.scenario
def an_interrupt_signals_on_the_publisher(k: rf.Kernel) -> None:
    job, lock = k.dma_fence("job"), k.spinlock("lock")

    @k.irq("gpu irq")
    def irq(t: rf.Recorder) -> int:
        with t.dma_fence_signalling():
            t.dma_fence_signal(job)
        return rf.IRQ_HANDLED

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.dma_fence_publish(job)
        t.raise_irq(irq)
        with t.spin_lock(lock):
            t.udelay(rf.us(5))


def is_done(t: rf.Recorder, fence: rf.DmaFence) -> rf.Int:
    return t.hw_is_done(fence)


def polled(k: rf.Kernel) -> None:
    timeline = k.timeline("core0", ops=k.dma_fence_ops("lazy_ops", signaled=is_done))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        fence = t.dma_fence_init(timeline)
        t.dma_fence_publish(fence)
        t.hw_done(fence)


def contained(k: rf.Kernel) -> None:
    first, second = k.dma_fence("first"), k.dma_fence("second")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        both = t.dma_fence_array_create([t.dma_fence_get(first), t.dma_fence_get(second)], 1)
        file = t.sync_file_create(both)
        with t.dma_fence_signalling():
            t.fd_install(file)
            t.dma_fence_signal(first)
            t.dma_fence_signal(second)


@pytest.mark.parametrize(
    "scenario",
    [
        waits_for_an_older_fence_in_a_section,
        one_worker_publishes_and_then_signals,
        an_interrupt_signals_on_the_publisher,
        rf.scenario(polled),
        rf.scenario(contained),
    ],
    ids=lambda scenario: scenario.name,
)
def test_what_is_allowed_is_no_finding(scenario: rf.Scenario) -> None:
    report = rf.check(scenario, budget=BUDGET)
    assert report.ok, str(report)


@rf.scenario
def sections_under_and_around_a_lock(k: rf.Kernel) -> None:
    lock = k.mutex("gpu->lock")
    first, second = k.dma_fence("first"), k.dma_fence("second")

    @k.thread("submit")
    def submit(t: rf.Recorder) -> None:
        with t.mutex_lock(lock), t.dma_fence_signalling():
            t.dma_fence_publish(first)
            t.dma_fence_signal(first)

    @k.thread("retire")
    def retire(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_publish(second)
            with t.mutex_lock(lock):
                t.dma_fence_signal(second)


def test_a_circle_without_a_wait_says_that_only_older_kernels_report_it() -> None:
    [finding] = rf.check(sections_under_and_around_a_lock, budget=BUDGET).findings
    assert (finding.rule, finding.verdict) == ("RF303", "PREDICTED")
    assert "Nobody waits for a fence under the lock yet" in finding.why
    assert rf.check(sections_under_and_around_a_lock, budget=BUDGET, profile="next").ok
