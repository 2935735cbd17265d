"""The folders of the kernels that have begun a lesson: one each."""

import fcntl
import shutil

from course.catalogue import STATE
from course.stack import Stack, StackError

FOLDER = STATE / "notebooks"


def claim(stack: Stack) -> None:
    """Enter this kernel's stack; what others left is swept first. Raises StackError, OSError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nobody sweeps a folder that is being claimed
        sweep()
        stack.__enter__()


def sweep() -> None:
    """End and remove what kernels that have ended left behind."""
    for left in FOLDER.glob("[!.]*"):
        try:
            with Stack(left):
                pass
        except (StackError, OSError):
            continue  # its kernel lives, or it is no folder of ours
        shutil.rmtree(left, ignore_errors=True)
