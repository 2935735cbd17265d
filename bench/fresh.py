"""From a fresh clone to the first SUCCESS, against the bare floor.

The first SUCCESS is that of `debug_task`, which ours and the floor have alike, sent
by a new Python process: `add` would wait 10 s on either side.

The floor does what nobody can do without: a virtual environment, the same packages
from the same lock by the same pip with setup's options, the same server, a worker
of lesson 03 and no more. pip's cache is warm for both: this checkout's own `.venv`
was made from it.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, NotMeasured, times
from bench.start import make_start, wait_for_all
from course.catalogue import ROOT, copy, find
from course.stack import Stack

# As course/setup.py calls it, for a lock whose packages are all named.
PIP = ["-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
PIP += ["--no-compile", "--no-deps", "--require-hashes"]

SEND = "from myproject.celery import debug_task as t; t.delay().get(timeout=60)"


def measure(folder: Path) -> Iterator[Figure]:
    """Twice each, in turns, and the better of the two: disks are moody."""
    # Not the environment that this very process runs in.
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(part for part in parts if not part.startswith(str(ROOT)))
    ours, floor = [], []
    for turn in ("first", "second"):
        (folder / turn).mkdir()
        ours.append(first_success_of_ours(folder / turn, path))
        floor.append(first_success_of_the_floor(folder / turn, path))
    yield times("fresh clone to the first SUCCESS", min(ours), min(floor), "bare floor", 1.25)


def first_success_of_ours(folder: Path, path: str) -> float:
    """Seconds that a learner waits: clone, `make start`, and a task once the page answers."""
    begin = time.perf_counter()
    clone(folder / "clone")
    with Stack(folder / "stack") as stack:
        state = folder / "clone/.course"
        started = make_start(stack, folder / "clone", state, PATH=path)
        stack.broker_url = started.broker_url
        project = state / "lessons/07_flower/project"
        _run(stack, [str(folder / "clone/.venv/bin/python"), "-c", SEND], project, path)
        seconds = time.perf_counter() - begin
        wait_for_all(stack, started)
    return seconds


def first_success_of_the_floor(folder: Path, path: str) -> float:
    """Seconds of the least that has to be done."""
    python, project = folder / "venv/bin/python", folder / "project"
    begin = time.perf_counter()
    with Stack(folder / "floor") as stack:
        python3 = shutil.which("python3", path=path) or "python3"
        _run(stack, [python3, "-m", "venv", str(folder / "venv")], folder, path)
        lock = ROOT / "requirements/course.txt"
        _run(stack, [str(python), *PIP, "-r", str(lock)], folder, path)
        copy(find("lessons/03_settings"), project)
        stack.start_broker()
        worker = [str(python), "-m", "celery", "-A", "myproject", "worker"]
        stack.start("worker", worker, project, env={"PATH": path})
        _run(stack, [str(python), "-c", SEND], project, path)
        return time.perf_counter() - begin


def clone(target: Path) -> None:
    """Clone the checkout as it stands, with what is not committed yet."""
    git = ["git", "-C", str(ROOT)]
    subprocess.run([*git, "clone", "--quiet", str(ROOT), str(target)], check=True)
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target / name)
        else:
            (target / name).unlink(missing_ok=True)


def _run(stack: Stack, command: list[str], cwd: Path, path: str) -> None:
    done = stack.run(command, cwd, {"PATH": path})
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} failed:\n{done.stdout.strip()}")
