"""Markdown as it is put together for a page: blocks of code, and what is inside something."""

from collections.abc import Iterable


class PageError(ValueError):
    """A page shows what is not there, or in a way that nobody could follow."""


def fence(header: str, lines: Iterable[str]) -> list[str]:
    """A block of code; header: what stands behind its first mark."""
    return ["", f"`````` {header}", *lines, "``````", ""]


def indented(lines: Iterable[str], indent: str) -> list[str]:
    """The lines, all but empty ones with `indent` before them."""
    return [indent + line if line else "" for line in lines]
