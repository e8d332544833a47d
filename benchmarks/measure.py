"""CPU of one process, in rounds that interleave the candidates: the machine's mood meets them all alike."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

Name = TypeVar("Name")


def interleaved(candidates: Mapping[Name, Callable[[], float]], *, rounds: int) -> dict[Name, float]:
    """The median of each candidate's figure over so many rounds of all of them."""
    figures: dict[Name, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, measure in candidates.items():
            figures[name].append(measure())
    return {name: median(values) for name, values in figures.items()}


def own_cpu(work: Callable[[], object], *, at_least: float = 0.0) -> float:
    """CPU seconds of one call in this process; of many calls, averaged, where one is shorter than `at_least`."""
    calls, began = 0, time.process_time()
    while True:
        work()
        calls += 1
        if (spent := time.process_time() - began) >= at_least:
            return spent / calls


def child_cpu(command: Sequence[str]) -> float:
    """CPU seconds of a command from its first instruction to its last, its children included."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime
