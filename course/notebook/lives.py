"""What becomes of tasks, shown while it happens."""

import time
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from celery.result import AsyncResult
from IPython.display import display

from course.messages import number, say
from course.notebook.faults import NotebookError

INTERVAL = 0.02  # seconds between two looks


class Life:
    """The states that one task was seen in, each with the seconds since one began to look."""

    def __init__(self, result: "AsyncResult[Any]") -> None:
        self.result = result
        self.seen: list[tuple[str, float]] = []

    @property
    def states(self) -> list[str]:
        """The states in order: ["PENDING", "STARTED", "SUCCESS"]."""
        return [state for state, _ in self.seen]

    @property
    def ready(self) -> bool:
        """Whether the last state seen is one that a task ends in."""
        return bool(self.seen) and self.seen[-1][0] in self.result.backend.READY_STATES

    def look(self, seconds: float) -> bool:
        """Ask for the state once; returns whether it is a new one."""
        state = self.result.state
        if self.seen and self.seen[-1][0] == state:
            return False
        self.seen.append((state, seconds))
        return True

    def __repr__(self) -> str:
        return " → ".join(f"{state} ({number(seconds, 2)} s)" for state, seconds in self.seen)


class Lives(list[Life]):
    """Many tasks: how many are in which state, and how far they all are."""

    def __repr__(self) -> str:
        counts = Counter(life.states[-1] for life in self if life.seen)
        parts = ", ".join(f"{count} {state}" for state, count in counts.items())
        return say("lives", count=len(self), states=parts)

    def _repr_html_(self) -> str:
        done = sum(life.ready for life in self)
        label = say("lives_done", done=done, count=len(self))
        bar = f'<progress max="{len(self)}" value="{done}" aria-label="{label}"></progress>'
        return f'<p class="lives">{bar} {escape(repr(self))}</p>'


def watch(results: "AsyncResult[Any] | Sequence[AsyncResult[Any]]", timeout: float) -> Life | Lives:
    """Show the states of one task, or the progress of many, until all of them have ended.

    Asked again and again: a state that lasts less than `INTERVAL` may be missed, as it would
    be by a page that asks. Raises NotebookError after `timeout` seconds.
    """
    many = not isinstance(results, AsyncResult)
    lives = Lives(Life(result) for result in (results if many else [results]))
    shown = lives if many else lives[0]
    start = time.monotonic()
    for life in lives:
        life.look(0.0)
    handle = display(shown, display_id=True)
    while not all(life.ready for life in lives):
        seconds = time.monotonic() - start
        if seconds > timeout:
            waiting = sum(not life.ready for life in lives)
            raise NotebookError(say("watch_timeout", seconds=float(timeout), count=waiting))
        time.sleep(INTERVAL)
        changed = [life.look(seconds) for life in lives if not life.ready]
        if handle and any(changed):
            handle.update(shown)
    return shown
