"""What a process has said, shown as it comes."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from IPython.display import display

INTERVAL = 0.05  # seconds between two looks
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Said(str):
    """Lines of a log, shown as they are."""

    def __repr__(self) -> str:
        return str(self)


class Reader:
    """Reads a log from where it was last read to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def skip_to(self, line: str) -> None:
        """Go on reading at this line, if it has come."""
        found = self.path.read_bytes().find(f"\n{line}\n".encode())
        self._read = max(found + 1, self._read)

    def rest(self) -> str:
        """The whole lines that have come since the last call."""
        with self.path.open("rb") as log:
            if self.path.stat().st_size < self._read:  # the process was started anew
                self._read = 0
            log.seek(self._read)
            come = log.read()
        whole = come[: come.rfind(b"\n") + 1]
        self._read += len(whole)
        return _COLOURS.sub("", whole.decode(errors="replace"))


def follow(read: Callable[[], str], until: Callable[[], object], timeout: float) -> Said:
    """Show what `read()` gives until `until()` is true, or `timeout` seconds have passed."""
    said = Said(read().rstrip("\n"))
    handle = display(said, display_id=True)
    deadline = time.monotonic() + timeout
    ended = False
    while not ended:
        # Looked at before the log is: what led to it has been written by then.
        ended = bool(until()) or time.monotonic() > deadline
        if new := read().rstrip("\n"):
            said = Said(f"{said}\n{new}" if said else new)
            if handle:
                handle.update(said)
        if not ended:
            time.sleep(INTERVAL)
    return said
