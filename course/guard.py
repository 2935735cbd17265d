"""Ends what a stack started when the stack itself can no longer do so.

Every process of a stack carries the stack's folder in its environment, and so do
all its descendants. That mark finds them however their parent died, on Linux and
macOS alike, and cannot hit a stranger as a bare process id could.

Run as `python -m course.guard FOLDER`, it waits until its standard input closes:
the kernel closes the other end when the parent dies, by `kill -9` too.
"""

import sys
from pathlib import Path

import psutil

MARK = "COURSE_STACK"


def marked(folder: Path) -> list[psutil.Process]:
    """The living processes of the stack in `folder`, this one excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process != psutil.Process():
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or is somebody else's
    return found


def end_leftovers(folder: Path, grace: float = 5.0) -> int:
    """End every process of the stack in `folder`; returns how many there were.

    Only those without a parent among them are asked (TERM): a worker's children
    must be left to the worker. After `grace` seconds all are killed.
    """
    found = marked(folder)
    if grace:
        ids = {process.pid for process in found}
        for process in found:
            try:
                if process.ppid() not in ids:
                    process.terminate()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=grace)
    # Killed one after the other, a parent could start another child meanwhile.
    while left := marked(folder):
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=1)
    return len(found)


if __name__ == "__main__":
    sys.stdin.read()
    end_leftovers(Path(sys.argv[1]))
