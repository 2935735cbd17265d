"""Markdown as it is put together for a page: blocks of code, and what is inside something."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MARK = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}) *(?P<info>.*)")


class PageError(ValueError):
    """A page shows what is not there, or in a way that nobody could follow."""


@dataclass(frozen=True)
class Fence:
    """A block of code in a page; `lines` are all of its lines, its marks too."""

    indent: str
    ticks: str
    info: str
    lines: list[str]

    @property
    def inside(self) -> list[str]:
        """The lines between its marks."""
        return self.lines[1:-1]


def pieces(lines: Iterable[str]) -> Iterator[str | Fence]:
    """The lines of a page, each block of code as one piece. Raises PageError for an open one."""
    fence: Fence | None = None
    for line in lines:
        if fence:
            fence.lines.append(line)
            if line.strip() == fence.ticks:
                yield fence
                fence = None
        elif mark := _MARK.fullmatch(line):
            fence = Fence(mark["indent"], mark["ticks"], mark["info"], [line])
        else:
            yield line
    if fence:
        raise PageError(f"a block without an end: {fence.lines[0].strip()}")


def fence(header: str, lines: Iterable[str]) -> list[str]:
    """A block of code; header: what stands behind its first mark."""
    return ["", f"`````` {header}", *lines, "``````", ""]


def indented(lines: Iterable[str], indent: str) -> list[str]:
    """The lines, all but empty ones with `indent` before them."""
    return [indent + line if line else "" for line in lines]
