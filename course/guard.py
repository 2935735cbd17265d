"""Ends what a stack started when the stack itself can no longer do so.

Every process of a stack carries the stack's folder in its environment, and so do
all its descendants. That mark finds them however their parent died, on Linux and
macOS alike, and cannot hit a stranger as a bare process id could.

Run as `python -m course.guard FOLDER`, it waits until its standard input closes:
the kernel closes the other end when the parent dies, by `kill -9` too.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "COURSE_STACK"


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """Start the guard of the stack in `folder`, watching over this process."""
    command = [sys.executable, "-m", "course.guard", str(folder)]
    # A stack inside another (a notebook's) has a guard that is not the outer one's to end.
    env = {name: value for name, value in os.environ.items() if name != MARK}
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=env, start_new_session=True)


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
    ids = {process.pid for process in found}
    roots = [process for process in found if _parent(process) not in ids] if grace else []
    for process in roots:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + grace
    while set(roots) & set(marked(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    # Killed one after the other, a parent could start another child meanwhile.
    while left := marked(folder):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.01)
    return len(found)


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


if __name__ == "__main__":
    sys.stdin.read()
    end_leftovers(Path(sys.argv[1]))
