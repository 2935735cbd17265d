"""Make a fresh project as it stands before a lesson."""

import contextlib
import shlex
import shutil
import tempfile
from pathlib import Path

import click

from course.catalogue import Snapshot
from course.cli import CourseError
from course.messages import say


def begin(snapshot: Snapshot, folder: Path) -> int:
    """Make `folder` what a learner has before `snapshot`: the files of its base; returns 0.

    For the first lesson that is an empty folder. Raises CourseError when `folder` is taken or
    cannot be made; nothing half-made is left then.
    """
    root = snapshot.path.parent.parent.resolve()
    folder = _free(folder, root)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _fill(snapshot.base, folder)
    except BaseException as error:
        for path in missing:  # only what was made here, and only if it is empty
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise CourseError(say("begin_failed", folder=folder, why=error.strerror)) from None
        raise
    click.echo(say("begin_done", folder=folder, name=snapshot.name))
    click.echo(f"    cd {shlex.quote(str(folder))}")
    if (folder / "requirements.txt").exists():
        click.echo("    python3 -m venv .venv")
        click.echo("    . .venv/bin/activate")
        click.echo("    pip install -r requirements.txt")
        click.echo("    python manage.py migrate")
    click.echo(say("begin_broker"))
    click.echo(f"    cd {shlex.quote(str(root))}")
    click.echo("    make broker")
    return 0


def _free(folder: Path, root: Path) -> Path:
    """`folder` in full, if a project may be made there. Raises CourseError."""
    try:
        folder = folder.expanduser().resolve()
        if any(folder.is_relative_to(root / kind) for kind in ("lessons", "recipes")):
            raise CourseError(say("begin_in_course", folder=folder))
        if folder.exists() and not folder.is_dir():
            raise CourseError(say("begin_file", folder=folder))
        if folder.exists() and any(folder.iterdir()):
            raise CourseError(say("begin_taken", folder=folder))
    except RuntimeError:  # "~nobody", or a link to itself
        raise CourseError(say("begin_no_such", folder=folder)) from None
    except OSError as error:
        raise CourseError(say("begin_failed", folder=folder, why=error.strerror)) from None
    return folder


def _fill(base: Snapshot | None, folder: Path) -> None:
    """Copy to a place beside `folder`, or inside it if it exists, then rename."""
    beside = folder if folder.exists() else folder.parent
    with tempfile.TemporaryDirectory(prefix=".begin-", dir=beside) as name:
        project = Path(name) / "project"
        project.mkdir()
        if base:
            for path in base.learners_files():
                _copy(base.path / path, project / path)
        if not folder.exists():
            project.rename(folder)
            return
        # The caller may be standing in it: it stays, its contents arrive.
        moved: list[Path] = []
        try:
            for entry in project.iterdir():
                moved.append(entry.rename(folder / entry.name))
        except BaseException:
            for entry in moved:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            raise


def _copy(source: Path, target: Path) -> None:
    """Contents and the right to be run; not a read-only checkout's other rights."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if source.stat().st_mode & 0o100:
        mode = target.stat().st_mode
        target.chmod(mode | (mode & 0o444) >> 2)
