"""A warm `make start` to a page that answers, against the slowest of its processes alone.

Alone: the same command on a copy of the same project, with nothing else starting.
"""

import functools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from honcho.environ import parse_procfile

from bench.figures import Figure, times
from bench.project import run
from bench.start import make_start, wait_for_all
from course.catalogue import ROOT, copy, find
from course.ports import free_port
from course.stack import Service, Stack
from course.start import PORTS, serves

REPEATS = 3


def measure(folder: Path) -> Iterator[Figure]:
    """Medians, of everything and of each process by turns."""
    project = folder / "project"
    copy(find("lessons/07_flower"), project)
    commands = parse_procfile((project / "Procfile").read_text()).processes
    page, everything = [], []
    alone: dict[str, list[float]] = {name: [] for name in ("broker", *commands)}
    with Stack(folder / "stack") as stack:
        run(stack, ["manage.py", "migrate", "--no-input"], project)
        for number in range(REPEATS + 1):
            begin = time.perf_counter()
            started = make_start(stack, ROOT, folder / "state")
            wait_for_all(stack, started)
            if number:  # the first is not warm
                page.append(started.seconds)
                everything.append(time.perf_counter() - begin)
            stack.end("make start")
            broker, *processes = start_each(stack, commands, project)
            if number:
                for name, seconds in zip(alone, [broker, *processes], strict=True):
                    alone[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in alone.items()}
    slowest = max(medians, key=lambda name: medians[name])
    for what, values, target in (
        ("warm start to the page", page, 1.5),
        ("warm start to all ready", everything, None),
    ):
        median = statistics.median(values)
        yield times(what, median, medians[slowest], f"{slowest} alone", target)
    for name in medians:
        if name != slowest:
            yield times(f"{name} alone", medians[name], medians[slowest], f"{slowest} alone")


def start_each(stack: Stack, commands: dict[str, str], project: Path) -> list[float]:
    """Start and end one process after the other; returns the seconds each took to be ready."""
    begin = time.perf_counter()
    stack.start_broker()
    seconds = [time.perf_counter() - begin]
    for name, command in commands.items():
        env, ready = {}, _says_ready
        if name in PORTS:
            port = free_port()
            env = {PORTS[name][0]: str(port)}
            ready = functools.partial(_serves, port)
        begin = time.perf_counter()
        stack.start(name, command, project, ready, env)
        stack.wait(name)
        seconds.append(time.perf_counter() - begin)
        stack.end(name)
    stack.end("broker")
    stack.broker_url = ""
    return seconds


def _says_ready(service: Service) -> bool:
    return service.says(" ready.")


def _serves(port: int, service: Service) -> bool:
    return serves(f"http://127.0.0.1:{port}/")
