"""A copy of the finished lesson, with the files of `added/` beside its own."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.figures import NotMeasured
from course.catalogue import copy, find
from course.stack import Stack

ADDED = Path(__file__).parent / "added"

LESSON = "bench_lesson"  # the settings of the lesson as it is
BARE = "bench_bare"  # the same without the lesson's CELERY_ settings: Celery's defaults


def finished_lesson(folder: Path) -> Path:
    """Copy the finished lesson and the files of `added/` into `folder`; returns it."""
    copy(find("lessons/07_flower"), folder)
    for path in ADDED.glob("*.py"):
        shutil.copy(path, folder)
    return folder


def run(stack: Stack, command: list[str], cwd: Path, **env: str) -> str:
    """Run a Python command in the project to its end; returns its output. Raises NotMeasured."""
    done = stack.run([sys.executable, *command], cwd, env)
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} failed:\n{done.stdout.strip()}")
    return done.stdout


def settings(project: Path, name: str, kept: Iterable[str] = (), more: str = "") -> str:
    """Write a settings module: Celery's defaults, but `kept` as in the lesson, and `more`.

    Returns its name.
    """
    lines = ["from bench_bare import *", "from myproject import settings as lesson"]
    lines += [f"{setting} = lesson.{setting}" for setting in kept]
    module = f"bench_settings_{name}"
    (project / f"{module}.py").write_text("\n".join([*lines, more, ""]))
    return module
