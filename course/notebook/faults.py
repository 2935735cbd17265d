"""How a notebook is told what does not work: one sentence, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from course.broker import BrokerError
from course.catalogue import UnknownSnapshot
from course.messages import say
from course.stack import StackError


class NotebookError(Exception):
    """Something cannot be done. The message is for the reader, who sees nothing else."""

    def _render_traceback_(self) -> list[str]:
        # Asked by IPython in place of the lines of code that led here.
        return [str(self)]


@contextmanager
def told() -> Iterator[None]:
    """Turn what can go wrong into one sentence."""
    try:
        yield
    except (StackError, BrokerError, UnknownSnapshot) as error:
        raise NotebookError(say("notebook_failed", why=error)) from None
    except OSError as error:
        file = error.filename2 or error.filename
        why = f"{error.strerror} ({file})." if file else f"{error}."
        raise NotebookError(say("notebook_failed", why=why)) from None
