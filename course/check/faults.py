"""What a check can find: not there yet, could not tell, and remarks beside either."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

NOTHING = "\u2013"  # shown where there is nothing to show


@dataclass(frozen=True)
class Place:
    """A line of a file, relative to the learner's folder; line 0: the file as a whole."""

    file: PurePosixPath
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass
class Found:
    """A text of `mistakes/`: its key, what is filled in, the place it is about."""

    key: str
    values: dict[str, object] = field(default_factory=dict)
    place: Place | None = None


class Fault(Exception):
    """Ends a check. `found` says why."""

    def __init__(self, key: str, place: Place | None = None, **values: object) -> None:
        super().__init__(key)
        self.found = Found(key, values, place)


class NotYet(Fault):
    """The project has not reached the stage: the learner's to mend (exit status 1)."""


class CannotTell(Fault):
    """The machine or the course stood in the way (exit status 2)."""


class Stopped(Exception):
    """The check was asked to end before it had a verdict."""
