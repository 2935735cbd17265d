"""Terminals in which a command of the course runs, as in a reader's."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from course.catalogue import ROOT
from course.guard import marked


class Terminal:
    """A terminal in which one command runs; what it shows is in `screen`."""

    def __init__(self, command: str, state: Path) -> None:
        self.state = state
        self.master, slave = os.openpty()
        # A session leader that opens a terminal without one gets it as its own.
        tty = os.ttyname(slave)
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec <{tty} >{tty} 2>&1; {command}"],
            cwd=ROOT,
            env=os.environ | {"COURSE_STATE": str(state), "COLUMNS": "200"},
            start_new_session=True,
        )
        os.close(slave)
        self.screen = ""

    def shows(self, text: str) -> bool:
        """Whether `text` has been shown. A terminal that nobody reads would block its writers."""
        os.set_blocking(self.master, False)
        with contextlib.suppress(BlockingIOError, OSError):
            while shown := os.read(self.master, 65536):
                self.screen += shown.decode(errors="replace")
        return text in self.screen

    def press_ctrl_c(self) -> None:
        os.write(self.master, b"\x03")

    def close(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def services(self) -> set[str]:
        """What the stack has started, judged by the logs."""
        return {log.stem for log in self.state.rglob("*.log") if log.stat().st_size}

    def processes(self) -> list[psutil.Process]:
        """Whatever belongs to a stack in this terminal's state folder."""
        return [p for lock in self.state.rglob("lock") for p in marked(lock.parent)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are closed after the test, with nothing left running."""
    opened: list[Terminal] = []
    yield opened
    end(opened)


def end(opened: list[Terminal]) -> None:
    """Close terminals and wait until what ran in them has ended."""
    for terminal in opened:
        terminal.close()
        terminal.process.wait(timeout=60)
