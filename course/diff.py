"""Show what a snapshot changes in its base, as a patch."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from course.catalogue import Snapshot
from course.git import Git


def diff(snapshot: Snapshot) -> int:
    """Print what the learner changes in `snapshot`'s base to get `snapshot`; returns 0.

    `git apply`, run in the base, makes the step of it (so does `patch -p1`). The first snapshot is
    all new. Raises CourseError when git is missing or fails, OSError.
    """
    with tempfile.TemporaryDirectory(prefix="course-") as name:
        folder = Path(name)
        (folder / "a").mkdir()
        if snapshot.base:
            _export(snapshot.base, folder / "a")
        _export(snapshot, folder / "b")
        git = Git(folder)
        # Neither a reader's own settings nor a checkout around the folder count here.
        git.environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        git.environment["GIT_CEILING_DIRECTORIES"] = str(folder.resolve().parent)
        # In a pipe, colours would spoil the patch.
        wanted = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        color = "--color=always" if wanted else "--color=never"
        options = ("--no-index", "--no-prefix", "--no-renames", "--binary", color)
        patch = git("diff", *options, "a", "b", fine=(0, 1))
    click.echo(os.fsencode(patch), nl=False)
    return 0


def _export(snapshot: Snapshot, folder: Path) -> None:
    for path in snapshot.learners_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(snapshot.path / path, folder / path)
