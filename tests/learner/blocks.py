"""Reads the built HTML of a page: its blocks, in order, each with a name for messages."""

import difflib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag

from course.pages import kind

PARTS = {("div", "break"), ("details", "exercise")}


class PageError(Exception):
    """A page that nobody can follow. The message names the block."""


@dataclass(frozen=True)
class Block:
    """One block of code in a page."""

    page: str  # "lessons/05_views (en)"
    number: int  # the first block of the page is 1
    heading: str  # id of the nearest heading above
    kind: str
    language: str
    title: str | None
    text: str
    part: str | None = None  # "break" or "exercise"
    part_number: int = 0

    def __str__(self) -> str:
        return name(self.page, self.number, self.heading, self.title, self.text)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def key(self) -> tuple[object, ...]:
        """What is the same in every language; the title of a browser step is prose."""
        title = None if self.kind == "browser" else self.title
        return (self.kind, self.language, title, self.text, self.part, self.part_number)


def name(page: str, number: int, heading: str, title: str | None, text: str) -> str:
    """How messages call a block."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    titled = f" ({title})" if title else ""
    return f'{page}, block {number}{titled} in #{heading}: "{first}"'


def parse(html: str, page: str) -> list[Block]:
    """The blocks of a page. Raises PageError if one is of no kind."""
    soup = BeautifulSoup(html, "html.parser")
    root = soup.find("article") or soup
    blocks: list[Block] = []
    wrong: list[str] = []
    heading, number = "", 0
    parts: list[Tag] = []
    for tag in root.find_all(_matters):
        if tag.name in ("h1", "h2", "h3", "h4", "h5", "h6"):
            heading = str(tag.get("id") or heading)
            continue
        number += 1
        text = _text(tag)
        classes, title = tag.get_attribute_list("class"), _title(tag)
        language = next((c[9:] for c in classes if c and c.startswith("language-")), "")
        part = _part(tag)
        if part and not any(part[1] is other for other in parts):
            parts.append(part[1])
        try:
            block_kind = kind([c for c in classes if c], title)
            block = Block(page, number, heading, block_kind, language, title, text)
            if part:
                block = Block(**{**asdict(block), "part": part[0], "part_number": len(parts)})
            _check(block)
            blocks.append(block)
        except ValueError as error:
            wrong.append(f"{name(page, number, heading, title, text)}: {error}")
    if wrong:
        raise PageError("\n".join(wrong))
    return blocks


def _matters(tag: Tag) -> bool:
    if tag.name in ("h1", "h2", "h3", "h4", "h5", "h6"):
        return tag.has_attr("id")
    classes = tag.get_attribute_list("class")
    if tag.name == "div":
        return "highlight" in classes
    # Code that no highlighter has seen: there should be none.
    return tag.name == "pre" and not tag.find_parent("div", class_="highlight")


def _title(tag: Tag) -> str | None:
    title = tag.find("span", class_="filename")
    return title.get_text().strip() if title else None


def _text(tag: Tag) -> str:
    for numbers in tag.select(".linenos"):
        numbers.decompose()
    code = tag.find("code") or tag
    text = code.get_text()
    return text if text.strip() else ""


def _part(tag: Tag) -> tuple[str, Tag] | None:
    for parent in tag.parents:
        for element, part in PARTS:
            if parent.name == element and part in parent.get_attribute_list("class"):
                return part, parent
    return None


def _check(block: Block) -> None:
    """Raises ValueError for what could not be followed."""
    if block.kind in ("file", "change"):
        path = PurePosixPath(block.title or "")
        if path.is_absolute() or ".." in path.parts or " " in str(path):
            raise ValueError(f'its title "{block.title}" is no path in the project')
    elif block.kind == "terminal":
        console(block)
    elif block.kind == "browser":
        browser(block)


@dataclass(frozen=True)
class Step:
    """Something typed in a terminal, and the lines that come back for it."""

    prompt: str  # "$", ">>>", "...", "^C"; "" where lines are only waited for
    typed: str
    shown: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.prompt} {self.typed}".strip() or f"waiting for: {self.shown[0]}"


def console(block: Block) -> list[Step]:
    """What a terminal block asks for, in order. Raises ValueError."""
    steps: list[tuple[str, str, list[str]]] = []
    for line in block.lines:
        line = line.rstrip()
        prompt, _, typed = line.partition(" ")
        in_python = bool(steps) and steps[-1][0] in (">>>", "...")
        if line == "^C":
            steps.append(("^C", "", []))
        elif prompt in ("$", ">>>") or (prompt == "..." and in_python and not steps[-1][2]):
            if prompt == "$" and not typed:
                raise ValueError("a `$` with nothing after it")
            steps.append((prompt, typed, []))
        elif not steps:
            steps.append(("", "", [line]))
        else:
            steps[-1][2].append(line)
    if not steps:
        raise ValueError("an empty terminal")
    return [Step(prompt, typed, tuple(_trimmed(shown))) for prompt, typed, shown in steps]


def _trimmed(lines: list[str]) -> list[str]:
    """Without empty lines at both ends: they are spacing."""
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


@dataclass(frozen=True)
class Visit:
    """A step in the browser."""

    address: str
    actions: tuple[tuple[str, str], ...]  # ("fill LABEL", value) as (label, value); (name, "")
    texts: tuple[str, ...]


def browser(block: Block) -> Visit:
    """What a browser block asks for. Raises ValueError."""
    lines = [line.strip() for line in block.lines]
    first = lines.index("") if "" in lines else len(lines)
    head, texts = lines[:first], [line for line in lines[first:] if line]
    if not head or urlsplit(head[0]).hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("the first line of a browser step is an address on this machine")
    if not texts:
        raise ValueError("it shows no text: an empty line, then what must appear on the page")
    actions = []
    for line in head[1:]:
        label, colon, value = line.partition(": ")
        if line.startswith("[") and line.endswith("]"):
            actions.append((line, ""))
        elif colon:
            actions.append((label, value))
        else:
            raise ValueError(f'"{line}" is neither `Label: value` nor `[Name]`')
    return Visit(head[0], tuple(actions), tuple(texts))


def differences(one: list[Block], other: list[Block]) -> Iterator[str]:
    """Where two languages of a page have not the same blocks: one message for each."""
    keys, others = [[block.key() for block in blocks] for blocks in (one, other)]
    pages = [blocks[0].page if blocks else "a page without blocks" for blocks in (one, other)]
    matcher = difflib.SequenceMatcher(None, keys, others, autojunk=False)
    for change, start, end, other_start, other_end in matcher.get_opcodes():
        if change == "equal":
            continue
        both = min(end - start, other_end - other_start)
        for index in range(both):
            yield f"{one[start + index]}: is not {other[other_start + index]}"
        for block in one[start + both : end]:
            yield f"{block}: {pages[1]} has no such block there"
        for block in other[other_start + both : other_end]:
            yield f"{block}: {pages[0]} has no such block there"
