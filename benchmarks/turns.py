"""Two processes that take turns, so that a busy neighbor slows both alike; ratios are medians over the turns.

A side is a class: ``side(threads)`` has an attribute ``about``, a line about its libraries, and a method
``prepare(kind, value)`` that returns the ways to be timed, functions without arguments, and an answer to compare.
"""

from __future__ import annotations

import multiprocessing
import resource
from time import perf_counter, sleep
from typing import Any

import numpy as np

TURN = 0.2
"""How many seconds a side works at least before the other one's turn, so that it works at its usual speed."""
REST = 0.1
"""How many seconds pass before that turn: threads that have nothing to do are busy waiting for a while."""


def serve(side: type[Any], threads: int, pipe: Any) -> None:
    """Do what the other end of the pipe asks for, until it asks for nothing."""
    worker = side(threads)
    pipe.send(worker.about)
    ways: Any = ()
    while (request := pipe.recv()) is not None:
        kind, value = request
        if kind == "time":
            way, calls = value
            start = perf_counter()
            for _ in range(calls):
                ways[way]()
            pipe.send((perf_counter() - start) / calls)
        elif kind == "peak":
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        else:
            ways, answer = worker.prepare(kind, value)
            pipe.send(answer)


class Pair:
    """A process of each of two sides."""

    def __init__(self, sides: tuple[type[Any], type[Any]], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for side in sides:
            here, there = context.Pipe()
            process = context.Process(target=serve, args=(side, threads, there), daemon=True)
            process.start()
            self.pipes.append(here)
            self.processes.append(process)
        self.about = [pipe.recv() for pipe in self.pipes]

    def ask(self, kind: str, value: Any = None) -> list[Any]:
        """Ask one after the other: to prepare something, for ``peak`` memory in MB, or for a ``time``."""
        answers = []
        for pipe in self.pipes:
            sleep(REST)
            pipe.send((kind, value))
            answers.append(pipe.recv())
        return answers

    def times(self, way: int, rounds: int) -> dict[str, float]:
        """Return the median milliseconds of both, and of their ratios with quartiles."""
        calls = max(1, round(TURN / max(self.ask("time", (way, 3)))))
        self.ask("time", (way, calls))
        pairs = np.array([self.ask("time", (way, calls)) for _ in range(rounds)])
        low, middle, high = np.quantile(pairs[:, 0] / pairs[:, 1], [0.25, 0.5, 0.75])
        ours, torch = np.median(pairs, axis=0) * 1e3
        return {"ours": ours, "torch": torch, "ratio": middle, "low": low, "high": high}

    def close(self) -> None:
        for pipe, process in zip(self.pipes, self.processes, strict=True):
            pipe.send(None)
            process.join()
