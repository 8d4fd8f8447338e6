"""Which driver objects and programs belong to, and what follows from it."""

import json
from typing import Any

import ringfence as rf


class Ring(rf.Driver):
    """A part that other drivers are made of."""

    def setup(self, k: rf.Kernel) -> None:
        self.timeline = k.timeline(f"{self.name}->timeline")


class Gpu(rf.Driver):
    def setup(self, k: rf.Kernel) -> None:
        self.ring = k.driver(Ring, "ring0")
        self.done = k.dma_fence("done", timeline=self.ring.timeline)
        self.work = k.work("work", self.run)
        self.reset_work = k.work("reset_work")

        @k.kthread("gpu-thread")
        def gpu_thread(t: rf.Recorder) -> None:
            t.cond_resched()

    def run(self, t: rf.Recorder) -> None:
        t.cond_resched()


def helper(t: rf.Recorder) -> None:
    t.cond_resched()


@rf.scenario(drivers={"card0": Gpu, "card1": Gpu})
def two_cards(k: rf.Kernel, first: Gpu, second: Gpu) -> None:
    k.mutex("nobody's")
    first.reset_work(helper)
    second.reset_work(helper)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.schedule_work(first.work)


def belongs(scenario: rf.Scenario, what: str) -> dict[str, list[str | None]]:
    """Drivers by name of the thing, in order."""
    data: dict[str, list[dict[str, Any]]] = json.loads(scenario.to_json())
    drivers: dict[str, list[str | None]] = {}
    for entry in data[what]:
        drivers.setdefault(entry["name"], []).append(entry.get("driver"))
    return drivers


def test_objects_belong_to_the_driver_that_declares_them_and_parts_to_the_whole() -> None:
    assert belongs(two_cards, "objects") == {
        "ring0->timeline": ["card0"],
        "ring0->timeline#2": ["card1"],
        "done": ["card0"],
        "done#2": ["card1"],
        "work": ["card0"],
        "work#2": ["card1"],
        "reset_work": ["card0"],
        "reset_work#2": ["card1"],
        "nobody's": [None],
    }


def test_programs_are_code_of_the_driver_whose_handlers_they_are() -> None:
    assert belongs(two_cards, "programs") == {
        "run": ["card0", "card1"],
        "gpu_thread": ["card0", "card1"],
        "helper": ["card0", "card1"],
        "client": [None],
    }


def test_drivers_come_back_from_json_and_show_in_pseudo_code() -> None:
    assert rf.Scenario.from_json(two_cards.to_json()) == two_cards
    shown = str(two_cards)
    assert "/* driver card0 */" in shown
    assert "/* driver card1, work#2.function */" in shown


def acting(environment: rf.Environment, actor: str) -> rf.Report:
    """`actor` signals the fence of card0."""

    def signals(k: rf.Kernel, first: Gpu, second: Gpu) -> None:
        def signal(t: rf.Recorder) -> None:
            with t.dma_fence_signalling():
                t.dma_fence_publish(first.done)
                t.dma_fence_signal(first.done)

        if actor == "nobody":
            k.thread("actor", signal)
        else:
            work = {"card0": first, "card1": second}[actor].reset_work(signal)

            @k.thread("client")
            def client(t: rf.Recorder) -> None:
                t.schedule_work(work)

        for driver in (first, second):
            if actor != driver.name:
                driver.reset_work(helper)

    scenario = rf.Scenario.build(signals, drivers={"card0": Gpu, "card1": Gpu}, environment=environment)
    return rf.check(scenario, budget=200)


def test_only_another_driver_second_guesses() -> None:
    quiet = rf.quiet()
    assert acting(quiet, "card0").rules == []
    assert acting(quiet, "nobody").rules == []
    assert acting(quiet, "card1").rules == ["RF105"]
    assert acting(rf.contract(), "card0").rules == []
