"""The copy of a lesson's project that a notebook works on, and others beside it."""

import os
import shutil
import sys
from pathlib import Path

from course import catalogue
from course.messages import say
from course.notebook.faults import NotebookError
from course.stack import Stack, StackError


def renew(snapshot: catalogue.Snapshot, folder: Path) -> None:
    """Bring the copy in `folder` back to the snapshot's state, importable in this process.

    The project's own settings count: variables of Celery's are removed. Raises OSError.
    """
    (folder / catalogue.MANIFEST).unlink(missing_ok=True)
    catalogue.copy(snapshot, folder)
    for variable in [name for name in os.environ if name.startswith("CELERY_")]:
        del os.environ[variable]
    os.environ["DJANGO_SETTINGS_MODULE"] = "myproject.settings"
    # A notebook's cells run in an event loop, where Django would refuse the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def set_up(folder: Path) -> None:
    """Set Django up in this process and bring the database up to date. Raises NotebookError."""
    import django
    from django.core.management import call_command
    from django.db import connections

    try:
        django.setup()
    except RuntimeError:  # it was interrupted before, and cannot begin again
        raise NotebookError(say("notebook_restart")) from None
    if any(folder.glob("*/migrations/0*.py")):
        call_command("migrate", verbosity=0)
        connections.close_all()


def beside(stack: Stack, snapshot: catalogue.Snapshot, patch: str | None) -> Path:
    """A copy of the snapshot in the stack's folder, with that change of its `steps/` made.

    Made once. Raises StackError where the change cannot be made, OSError.
    """
    folder = stack.folder / f"{snapshot.path.name}-{patch or 'whole'}"
    if not folder.exists():
        unfinished = folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        catalogue.copy(snapshot, unfinished)
        if patch:
            change = ["git", "apply", str(snapshot.path / "steps" / f"{patch}.patch")]
            done = stack.run(change, unfinished, {"GIT_DIR": "none"})
            if done.returncode:
                raise StackError(done.stdout.strip())
        unfinished.rename(folder)
    return folder
