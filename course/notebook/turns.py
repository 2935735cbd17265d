"""The reader's turn: whether an answer is right."""

from collections.abc import Callable

from course.messages import say


def check(is_right: Callable[[], object]) -> None:
    """Say whether `is_right()` is true; an answer that is not there yet is no error."""
    try:
        right = bool(is_right())
    except Exception as error:  # whatever the reader has typed so far
        print(say("turn_error", error=f"{type(error).__name__}: {error}"))
        return
    print(say("turn_right" if right else "turn_not_yet"))
