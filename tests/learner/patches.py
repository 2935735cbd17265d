"""Applies a change shown as a diff: every line of its context must be there, as it is shown."""

import re
from dataclasses import dataclass, field

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*")
_HEADER = ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "old mode", "new mode")


class PatchError(ValueError):
    """A diff that cannot be read or does not apply. The message says where."""


@dataclass
class _Hunk:
    header: str
    start: int
    counts: tuple[int, int]
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


def apply(diff: str, contents: bytes | None) -> bytes | None:
    """The file after the change; None where there is no file. Raises PatchError."""
    hunks = _read(diff)
    creates = all(hunk.counts[0] == 0 and hunk.start == 0 for hunk in hunks)
    if creates and contents:
        raise PatchError("it creates a file that is there already")
    if not creates and contents is None:
        raise PatchError("the file that it changes is not there")
    lines = (contents or b"").decode().splitlines(keepends=True)
    shift = 0
    for hunk in hunks:
        # A hunk without old lines stands after the line that it names.
        wanted = hunk.start + shift - (1 if hunk.old else 0)
        place = _place(lines, hunk, wanted)
        lines[place : place + len(hunk.old)] = hunk.new
        shift += len(hunk.new) - len(hunk.old) + (place - wanted)
    # Without this header line a file whose lines all go is left empty.
    deleted = "+++ /dev/null" in diff.splitlines()
    return None if deleted and not lines else "".join(lines).encode()


def _read(diff: str) -> list[_Hunk]:
    hunks: list[_Hunk] = []
    last: list[list[str]] = []
    for line in diff.splitlines():
        hunk = hunks[-1] if hunks else None
        full = hunk is None or (len(hunk.old), len(hunk.new)) == hunk.counts
        if match := _HUNK.fullmatch(line):
            if not full:
                raise PatchError(f"{hunks[-1].header} has fewer lines than it says")
            first, old, _, new = match.groups()
            counts = (int(old or 1), int(new or 1))
            hunks.append(_Hunk(line, int(first), counts))
        elif line.startswith("\\"):  # "\ No newline at end of file"
            for side in last:
                side[-1] = side[-1].removesuffix("\n")
        elif full:
            if hunk is not None and line.strip():
                raise PatchError(f'{hunk.header} has more lines than it says: "{line}"')
            if hunk is None and not line.startswith(_HEADER):
                raise PatchError(f'no "@@ … @@" before "{line}"')
        else:
            assert hunk is not None
            sides = {"-": [hunk.old], "+": [hunk.new], " ": [hunk.old, hunk.new]}
            if line[:1] not in ("", *sides):
                raise PatchError(f'neither context nor a change: "{line}"')
            last = sides[line[:1] or " "]
            for side in last:
                side.append(line[1:] + "\n")
    if not hunks:
        raise PatchError('no "@@ … @@" in it')
    if (len(hunks[-1].old), len(hunks[-1].new)) != hunks[-1].counts:
        raise PatchError(f"{hunks[-1].header} has fewer lines than it says")
    return hunks


def _place(lines: list[str], hunk: _Hunk, wanted: int) -> int:
    """Where the hunk's old lines are: where it says, or at the only other place."""
    length = len(hunk.old)
    if wanted >= 0 and lines[wanted : wanted + length] == hunk.old:
        return wanted
    places = [
        place
        for place in range(len(lines) - length + 1)
        if length and lines[place : place + length] == hunk.old
    ]
    if len(places) == 1:
        return places[0]
    if places:
        raise PatchError(f"{hunk.header} does not apply: its lines are at {len(places)} places")
    raise PatchError(f"{hunk.header} does not apply: {_first_difference(lines, hunk, wanted)}")


def _first_difference(lines: list[str], hunk: _Hunk, wanted: int) -> str:
    for index, old in enumerate(hunk.old):
        place = wanted + index
        there = lines[place] if 0 <= place < len(lines) else None
        if there != old:
            found = "the file has ended" if there is None else f'there is "{there.rstrip()}"'
            return f'line {place + 1} should be "{old.rstrip()}", {found}'
    return "its place is not in the file"
