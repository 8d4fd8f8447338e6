"""`make demo`: agreement with a real kernel, a deadlock that it misses, and a driver's bug explained."""

import os
import shutil
import signal
import sys
from pathlib import Path

from rich.console import Console

from ringfence import GFP_KERNEL
from ringfence.lockdep import Finding, Profile, Task, Validator, replay

CONFORMANCE = Path(__file__).parent.parent / "conformance"
RECORDINGS = [
    ("selftests.jsonl.xz", "the kernel's own locking self-tests", Profile("6.12")),
    ("random-read.jsonl.xz", "random traces", Profile("6.12")),
    ("random-read-trylock.jsonl.xz", "… as later kernels annotate fences", Profile("next")),
    ("random-no-mmu-notifier.jsonl.xz", "… without CONFIG_MMU_NOTIFIER", Profile(mmu_notifier=False)),
]

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
WIDTH = min(100, shutil.get_terminal_size((100, 24)).columns)
console = Console(width=WIDTH, highlight=False, no_color=not COLOUR, color_system="auto" if COLOUR else None)


def headline(text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]\n")


def agreement() -> None:
    """Decides every recorded trace again and counts where the real kernel's lockdep gave the same answer."""
    headline("1. The same verdict as Linux 6.12, at the same operation, with the same kind")
    agreeing = total = 0
    for name, what, profile in RECORDINGS:
        with console.status(f"deciding {name}"):
            traces = replay(CONFORMANCE / name, profile=profile, search="kernel", go_on=False)
        agree = sum(trace.agrees is True for trace in traces)
        console.print(
            f"   {agree:>6} of {len(traces):>6}  {what}", style="" if agree == len(traces) else "red"
        )
        agreeing, total = agreeing + agree, total + len(traces)
    console.print(f"   [bold]{agreeing:>6} of {total:>6} agree[/bold]")


def missed_by_lockdep() -> Finding:
    """A recorded trace about which the real kernel said nothing; the exact search does."""
    lines = replay(CONFORMANCE / "random-read.jsonl.xz", search="exact", go_on=False)
    return next(trace.findings[0] for trace in lines if trace.id == "train-01274")


def driver_bug() -> Finding:
    """A driver allocates page tables under the lock that its scheduler needs to push jobs to the hardware."""
    v = Validator()
    v.prime()  # the contract, as the kernel teaches it to lockdep at boot
    bo = v.dma_resv("bo")
    gpu_lock = v.lock("gpu->lock")

    def submit_ioctl(t: Task) -> None:
        with t.ww_acquire_ctx() as ctx, t.dma_resv_lock(bo, ctx), t.mutex_lock(gpu_lock):
            t.alloc(GFP_KERNEL)

    def run_job(t: Task) -> None:
        with t.signalling(), t.mutex_lock(gpu_lock):
            pass

    submit_ioctl(v.task("client"))
    run_job(v.task("drm_sched"))
    [finding] = v.findings
    return finding


def main() -> None:
    agreement()

    headline("2. A circle that the real lockdep passes over (trace train-01274, exact search)")
    print(missed_by_lockdep().text(WIDTH, COLOUR))

    headline("3. A driver allocates with GFP_KERNEL under a lock that signalling needs")
    bug = driver_bug()
    print(bug.text(WIDTH, COLOUR))
    headline("   The same in the words of the kernel log")
    console.print(
        "\n".join(f"   {line}".rstrip() for line in bug.splat().splitlines()), style="dim", markup=False
    )

    headline("Next")
    for command, what in [
        ("python examples/lockdep_streaming.py", "your own driver's paths, in 20 lines"),
        ("ringfence explain RF601", "the rule, with a bad and a good trace"),
        ("ringfence lockdep conformance/random-read.jsonl.xz", "a table of what is in a file"),
        ("ringfence lockdep --check conformance/selftests.jsonl.xz", "agreement, test by test"),
    ]:
        console.print(f"   [cyan]{command}[/cyan]\n      {what}")


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that `| head` ends it quietly
    main()
