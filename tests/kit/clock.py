"""Time limits that hold on a busy machine."""

import time


def contention(seconds=0.2):
    """Returns how many times its own CPU time a busy loop of this process takes: 1 on a quiet machine."""
    began, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        sum(range(1000))
    return (time.perf_counter() - began) / max(time.process_time() - cpu, 1e-3)


def undisturbed(call, repeats=3):
    """Returns the seconds that a call takes at best, divided by the contention before and after it."""
    found = []
    for _ in range(repeats):
        before = contention()
        began = time.perf_counter()
        call()
        taken = time.perf_counter() - began
        found.append(2.0 * taken / (before + contention()))
    return min(found)
