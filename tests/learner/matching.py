"""Compares what a page shows with what came back, line by line.

`…` inside a line stands for anything in that line; a line that is only `…` for any number of
lines, also none. No regular expressions: no shown line can make a comparison explode.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ANY = "…"


@dataclass(frozen=True)
class Mismatch:
    """Where shown and actual lines part.

    shown: the line shown there; None: no more is shown. actual: the line that came in its
    place; None: all that came was taken for a `…`, or nothing more came.
    """

    shown: str | None
    actual: str | None

    def __str__(self) -> str:
        if self.shown is None:
            return f'more came than is shown: "{self.actual}"'
        came = "it did not come" if self.actual is None else f'"{self.actual}" came'
        return f'"{self.shown}" is shown, but {came}'


def line_matches(shown: str, actual: str) -> bool:
    """Whether one line came back as shown."""
    first, *rest = shown.rstrip().split(ANY)
    actual = actual.rstrip()
    if not rest:
        return first == actual
    *middle, last = rest
    if not actual.startswith(first):
        return False
    position = len(first)
    for piece in middle:  # the leftmost place leaves the most room for what follows
        position = actual.find(piece, position)
        if position < 0:
            return False
        position += len(piece)
    return len(actual) - position >= len(last) and actual.endswith(last)


class Comparison:
    """What came back so far, held against what is shown: every way to match it at once."""

    def __init__(self, shown: Sequence[str]) -> None:
        self._shown = shown
        # The places that may come next: an index of `shown`, or its length when all has come.
        self._places = self._skip({0})
        self._furthest = max(self._places)
        self._stuck_at: str | None = None  # the line that came in place of the furthest
        self.lines = 0

    def _skip(self, places: set[int]) -> set[int]:
        for place in sorted(places):
            while place < len(self._shown) and self._shown[place].strip() == ANY:
                place += 1
                places.add(place)
        return places

    def feed(self, actual: str) -> None:
        """Take one more line that came."""
        after = set()
        for place in self._places:
            if place == len(self._shown):
                continue
            if self._shown[place].strip() == ANY:
                after.add(place)
            elif line_matches(self._shown[place], actual):
                after.add(place + 1)
        self._places = self._skip(after)
        self.lines += 1
        reached = max(self._places, default=-1)
        if reached >= self._furthest:
            self._furthest, self._stuck_at = reached, None
        elif self._stuck_at is None:
            self._stuck_at = actual

    @property
    def complete(self) -> bool:
        """Whether all that is shown has come, and nothing else."""
        return len(self._shown) in self._places

    @property
    def possible(self) -> bool:
        """Whether more lines could still complete it."""
        return bool(self._places)

    def mismatch(self) -> Mismatch | None:
        """The first line that failed; None if all that is shown has come."""
        if self.complete:
            return None
        shown = self._shown[self._furthest] if self._furthest < len(self._shown) else None
        return Mismatch(shown, self._stuck_at)


def matches(shown: Sequence[str], actual: Sequence[str]) -> Mismatch | None:
    """The first line that is not as shown; None if all of `actual` is what is shown."""
    comparison = Comparison(shown)
    for line in actual:
        comparison.feed(line)
    return comparison.mismatch()


def begins(shown: Sequence[str], actual: Sequence[str]) -> int | None:
    """How many lines of `actual` it takes until all that is shown has come; None: not yet."""
    comparison = Comparison(shown)
    for line in actual:
        if comparison.complete:
            break
        comparison.feed(line)
    return comparison.lines if comparison.complete else None


def can_begin(shown: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether `actual`, perhaps with more lines to come, can begin with what is shown."""
    comparison = Comparison(shown)
    for line in actual:
        if comparison.complete:
            break
        comparison.feed(line)
    return comparison.possible


def is_literal(line: str) -> bool:
    """Whether a shown line holds anything besides `…`."""
    return bool(line.replace(ANY, "").strip())
