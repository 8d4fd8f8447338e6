"""All bad scenarios of the repository with the rule that they break, for the table of finding power.

`python -m tests.scenarios.bad` writes them as JSON lines: name, rule, scenario.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.helper import ROOT
from tests.scenarios import test_clauses, test_known_bugs
from tests.scenarios.load import scenarios

import ringfence as rf


class Bad(NamedTuple):
    """A scenario that breaks a rule."""

    name: str
    rule: str
    scenario: rf.Scenario


def of_pages(folder: Path) -> Iterator[Bad]:
    """The bad program of each rule's page."""
    for rule in rf.rules():
        _, _, behind = rule.markdown.partition("\n## Bad\n")
        text, _, _ = behind.partition("\n## ")
        for block in re.findall(r"^```python\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL):
            file = folder / f"{rule.code}_bad.py"
            file.write_text(block + "\n", encoding="utf-8")
            for scenario in scenarios(file).values():
                yield Bad(f"page {rule.code}", rule.code, scenario)


def of_known_bugs() -> Iterator[Bad]:
    """What drivers really did, the first rule of each; examples among them."""
    for name, bug in test_known_bugs.BUGS.items():
        yield Bad(f"bug {name}", next(iter(bug.rules)), scenarios(test_known_bugs.FILES[name])["buggy"])


def of_clauses() -> Iterator[Bad]:
    """Each clause, broken."""
    for file, names in test_clauses.BREAKS.items():
        known = scenarios(test_clauses.HERE / f"{file}.py")
        for name, broken in names.items():
            for rule in broken.rules:
                yield Bad(f"clause {file}.{name}", rule, known[name])


def of_examples() -> Iterator[Bad]:
    """That of the examples which is no known bug: what a check finds in it."""
    for name, scenario in scenarios(ROOT / "examples/hang.py").items():
        for rule in rf.check(scenario).rules:
            yield Bad(f"example hang.{name}", rule, scenario)


def ring(size: int) -> rf.Scenario:
    """Philosophers, each of whom has more to do before than the last: in turn, they do not meet."""

    def dine(k: rf.Kernel) -> None:
        forks = [k.mutex(f"fork {n}", class_=f"fork {n}") for n in range(size)]
        plates = [k.mutex(f"plate {n}") for n in range(size)]
        for n in range(size):

            def philosopher(t: rf.Recorder, n: int = n) -> None:
                for _ in range(4 * n):
                    with t.mutex_lock(plates[n]):
                        pass
                with t.mutex_lock(forks[n]), t.mutex_lock(forks[(n + 1) % size]):
                    pass

            k.thread(f"philosopher {n}", philosopher)

    return rf.scenario(name=f"ring of {size}")(dine)


def needle(clients: int) -> rf.Scenario:
    """Two of many threads take two of many locks in two orders, and only if others have come first."""

    def haystack(k: rf.Kernel) -> None:
        one, two = k.mutex("one"), k.mutex("two")
        ready = k.cell("ready", 0)
        for n in range(clients):
            own = k.mutex(f"own {n}")

            def client(t: rf.Recorder, own: rf.Mutex = own) -> None:
                for _ in range(4):
                    with t.mutex_lock(own):
                        t.atomic_add_return(ready, 1)

            k.thread(f"client {n}", client)

        @k.thread("probe")
        def probe(t: rf.Recorder) -> None:
            with t.mutex_lock(one), t.mutex_lock(two):
                pass

        @k.thread("remove")
        def remove(t: rf.Recorder) -> None:
            with t.if_(t.atomic_add_return(ready, 0) == 2 * clients), t.mutex_lock(two), t.mutex_lock(one):
                pass

    return rf.scenario(name=f"needle among {clients}")(haystack)


def grown() -> Iterator[Bad]:
    """Circles that chance does not close."""
    for size in (3, 5, 8, 12):
        yield Bad(f"ring of {size}", "RF601", ring(size))
    for clients in (2, 4):
        yield Bad(f"needle among {clients}", "RF601", needle(clients))


def main() -> None:
    with TemporaryDirectory() as folder:
        for bad in [*of_pages(Path(folder)), *of_known_bugs(), *of_clauses(), *of_examples(), *grown()]:
            scenario = json.loads(bad.scenario.to_json())
            json.dump({"name": bad.name, "rule": bad.rule, "scenario": scenario}, sys.stdout)
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
