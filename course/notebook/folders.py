"""The folders of the kernels that have begun a lesson: one each."""

import fcntl
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from course.catalogue import STATE
from course.stack import Stack, StackError

FOLDER = STATE / "notebooks"


@contextmanager
def _alone() -> Iterator[None]:
    # Nobody sweeps a folder that is being claimed.
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def claim(stack: Stack) -> None:
    """Enter this kernel's stack; leftovers are swept meanwhile. Raises StackError, OSError."""
    with _alone():
        stack.__enter__()
    threading.Thread(target=sweep, daemon=True).start()


def sweep() -> None:
    """End and remove what kernels that have ended left behind."""
    with _alone():
        for left in FOLDER.glob("[!.]*"):
            try:
                with Stack(left):
                    pass
            except (StackError, OSError):
                continue  # its kernel lives, or it is no folder of ours
            shutil.rmtree(left, ignore_errors=True)
