"""Bugs that drivers really had: each is found by the rule that a reviewer would name; its fix is clean."""

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.helper import ROOT
from tests.scenarios.load import scenarios

import ringfence as rf

HERE = Path(__file__).parent / "known_bugs"
EXAMPLES = [ROOT / "examples/amdgpu_commit_tail.py", ROOT / "examples/etnaviv_run_job.py"]
FILES = {file.stem: file for file in [*sorted(HERE.glob("*.py")), *EXAMPLES]}


class Bug(NamedTuple):
    """What is found.

    Attributes:
        rules: all that is found, the bug itself first.
        line: part of the source line that is at fault.
        waits: who waits for whom; nobody, if it does not hang.
    """

    rules: dict[str, str]
    line: str
    waits: frozenset[str] = frozenset()


def confirmed(rule: str, line: str, *waits: str, **others: str) -> Bug:
    return Bug({rule: "CONFIRMED", **others}, line, frozenset(waits))


BUGS = {
    "amdgpu_commit_tail": confirmed(
        "RF301", "with t.dma_resv_lock(self.framebuffer)", "evict", "kworker/0-events"
    ),
    "amdgpu_commit_tail_alloc": confirmed("RF401", "t.kzalloc(rf.GFP_KERNEL)", "kworker/0-events"),
    # A reader does not wait for a reader, but for the writer between them.
    "amdgpu_mqd_debugfs": confirmed(
        "RF601", "t.put_user(self.result)", "cat", "foreign: munmap result", "render"
    ),
    "amdgpu_recovery_modeset": confirmed(
        "RF302", "t.ww_mutex_lock(self.crtc, ctx)", "commit", "kworker/0-events"
    ),
    "amdgpu_tdr_console_lock": confirmed(
        "RF303", "t.mutex_lock(self.console_lock)", "console", "kworker/0-events"
    ),
    "amdkfd_mmput_in_notifier": confirmed(
        "RF701", "t.mmu_interval_notifier_remove(self.notifier)", "migrate", RF602="PREDICTED"
    ),
    "amdkfd_svm_eviction": confirmed(
        "RF302", "t.mmap_read_lock(self.mm)", "ttm", "kworker/0-events", "kworker/1-events"
    ),
    "amdxdna_notifier": confirmed("RF511", "t.gpu_access(self.userptr)"),
    "dma_fence_array_inversion": confirmed(
        "RF601", "t.dma_fence_add_callback(member, callback)", "waiter", "driver"
    ),
    # Nobody is seen to hold these locks for long, so the validator predicts. An interrupt takes a lock
    # that is held with interrupts on; and fences of different drivers are signaled one in the other.
    "drm_sched_entity_kill_locks": Bug(
        {"RF604": "PREDICTED", "RF603": "PREDICTED", "RF602": "PREDICTED"}, "t.dma_fence_signal(flip)"
    ),
    "drm_sched_fini_in_flight": confirmed("RF514", "t.drm_sched_fini(self.sched)", RF502="CONFIRMED"),
    "drm_sched_killed_dependency": confirmed("RF106", "t.dma_resv_add_fence(bo, job.finished, rf.WRITE)"),
    # Strict priorities: seen when a job has been overtaken often enough.
    "drm_sched_priority_starvation": confirmed("RF704", "k.drm_sched("),
    "drm_sched_spsc_queue": confirmed("RF106", "t.dma_resv_add_fence(bo, job.finished, rf.WRITE)"),
    "drm_sched_timeout_use_after_free": confirmed("RF502", "t.drm_sched_stop(self.sched, job)"),
    # No fence is waited for, but one can't be signaled.
    "etnaviv_event_recovery": confirmed("RF303", "t.mutex_lock(self.lock)", "second", "kworker/0-events"),
    # Reclaim waits for the job that waits for memory; its timeout waits for run_job to return.
    "etnaviv_run_job": confirmed(
        "RF401", "t.dma_fence_alloc_init(self.fences, rf.GFP_KERNEL)", "kworker/0-gpu", "kworker/0-events"
    ),
    "i915_userptr_struct_mutex": confirmed("RF601", "t.mmap_read_lock(self.mm)", "client", "free"),
    "imagination_soft_reset": confirmed("RF615", "t.disable_irq(self.line)", "irq/0-pvr"),
    # What the kernel itself said: the WARN_ON() of the counter that went below zero.
    "lima_timeout_race": confirmed("RF706", "t.warn_on("),
    "msm_gmu_clocks": confirmed(
        "RF303", "t.mutex_lock(self.gmu_lock)", "resume", "probe", "kworker/0-events"
    ),
    "msm_recover_worker": confirmed("RF303", "t.mutex_lock(self.lock)", "gpu-worker", "kworker/0-gpu-ring-1"),
    "nouveau_double_fini": confirmed("RF502", "t.drm_sched_fini(self.sched)"),
    "nouveau_signaled_poll": confirmed("RF512", "t.dma_fence_set_error(fence, -rf.ENODEV)"),
    "omapdrm_hdmi_edid": confirmed("RF303", "t.mutex_lock(self.lock)", "hotplug", "kworker/0-events"),
    "panfrost_spurious_timeout": confirmed("RF515", "t.dma_fence_is_signaled(job.parent)"),
    "radeon_is_signaled": confirmed("RF602", "t.spin_lock_irqsave(self.queue_lock)", "swapper/0"),
    "sw_sync_debug_print": confirmed("RF604", "t.spin_lock(self.file_lock)", "cat"),
    "system_wq_signalling": confirmed(
        "RF615", "k.workqueue(", "kworker/0-dma_buf_io", "kworker/1-dma_buf_io"
    ),
    "vgem_fence_timer": confirmed("RF610", "t.timer_delete_sync(self.timer)"),
    "virtio_gpu_hotplug": confirmed(
        "RF303", "t.mutex_lock(self.mode_config)", "compositor", "kworker/0-events"
    ),
    "virtio_gpu_plane": confirmed("RF506", "t.dma_resv_add_fence(", RF505="CONFIRMED", RF607="CONFIRMED"),
    "vmwgfx_fence_put": confirmed("RF602", "t.spin_lock_irqsave(self.lock)", "client"),
}


def source_line(location: str) -> str:
    file, _, line = location.rpartition(":")
    return (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_every_file_is_in_the_table() -> None:
    assert set(FILES) == set(BUGS)


@pytest.mark.parametrize("name", BUGS)
def test_the_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    report = rf.check(scenarios(FILES[name])["buggy"])
    assert {finding.rule: finding.verdict for finding in report.findings} == bug.rules, str(report)
    assert len(report.findings) == len(bug.rules), str(report)
    finding = next(finding for finding in report.findings if finding.rule == next(iter(bug.rules)))
    assert finding.location is not None
    assert bug.line in source_line(finding.location), str(finding)
    assert set(finding.contexts) == bug.waits, str(finding)
    assert finding.schedule is not None


@pytest.mark.parametrize("name", BUGS)
def test_the_fix_is_clean(name: str) -> None:
    report = rf.check(scenarios(FILES[name])["fixed"], budget=20_000)
    assert report.ok, str(report)
    assert report.bound == 0


def test_a_finding_needs_no_freedom_that_the_environment_does_not_give() -> None:
    """The job ends when its time is up: no timeout came early."""
    report = rf.check(scenarios(FILES["panfrost_spurious_timeout"])["buggy"])
    assert "Needs:" not in str(report)


def test_a_job_that_waits_for_ever_is_where_it_waits() -> None:
    report = rf.check(scenarios(FILES["drm_sched_spsc_queue"])["buggy"])
    assert "its job is in the queue of client" in " ".join(str(report).split())
