"""A notebook's stack against a bare worker, and all notebooks run at once."""

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_client.manager import KernelManager

from bench.figures import Figure, NotMeasured, times
from course import catalogue, execution, jupyter
from course.messages import LANGUAGES
from course.notebook.lesson import WORKER
from course.stack import Stack

PAIRS = 5
LESSON = "06_workers"
CELL = f"""
import time
start = time.perf_counter()
from course.notebook import begin
lesson = begin("{LESSON}")
print(time.perf_counter() - start)
"""


def measure(folder: Path) -> Iterator[Figure]:
    """The stack's start from a first cell, imports and database included; then all notebooks."""
    pairs = []
    project = folder / "project"
    catalogue.copy(catalogue.find(LESSON), project)
    with Stack(folder / "stack") as stack:
        stack.start_broker()
        for _ in range(PAIRS):
            pairs.append((_first_cell(folder), _bare_worker(stack, project)))
    stacks, workers = zip(*pairs, strict=True)
    yield times(
        f"a notebook's stack ready (median of {PAIRS})",
        statistics.median(stacks),
        statistics.median(workers),
        "a bare worker, its broker running",
        target=1.3,
    )
    start = time.perf_counter()
    executed = execution.execute(again=True)
    yield times(
        f"{len(executed)} notebooks run, {execution.AT_A_TIME} at a time",
        time.perf_counter() - start,
        90.0,
        "promised for two cores",
        target=1.0,
    )


def _first_cell(folder: Path) -> float:
    """Seconds that the first cell of a new kernel takes. Raises NotMeasured."""
    manager = KernelManager(kernel_name="python3")
    environment = {**os.environ, **jupyter.environment(), "COURSE_STATE": str(folder / "state")}
    here = folder / LANGUAGES[0]
    here.mkdir(exist_ok=True)
    manager.start_kernel(cwd=str(here), env=environment, extra_arguments=execution.QUIET)
    client = manager.blocking_client()
    client.start_channels()
    said: list[str] = []
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive(
            CELL, output_hook=lambda it: said.append(it["content"].get("text", "")), timeout=60
        )
        return float("".join(said))
    except ValueError:
        raise NotMeasured(f"the first cell failed: {said}") from None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _bare_worker(stack: Stack, project: Path) -> float:
    start = time.perf_counter()
    command = f"{WORKER} --concurrency=2"
    stack.start("worker", command, project, lambda service: service.says(" ready."))
    stack.wait("worker")
    seconds = time.perf_counter() - start
    stack.end("worker")
    return seconds
