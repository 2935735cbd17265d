"""A verdict in words, in the reader's language: `mistakes/en.toml`, `mistakes/fr.toml`."""

import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from textwrap import fill
from urllib.parse import quote

import click

from course.catalogue import ROOT, Snapshot
from course.check.check import Verdict
from course.check.faults import Found, Place
from course.messages import language, say
from course.ports import is_free
from course.start import SITE_PORT
from course.typography import french

_TEXTS = Path(__file__).with_name("mistakes")
_WIDTH = 96


@cache
def mistakes(of_language: str) -> dict[str, dict[str, str]]:
    """All texts of a language: by key, then by part (expected, seen, cause, hint, more)."""
    text = (_TEXTS / f"{of_language}.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = tomllib.loads(text)
    if of_language == "fr":
        return {
            key: {part: french(text) for part, text in parts.items()}
            for key, parts in found.items()
        }
    return found


@cache
def pages() -> dict[str, str]:
    """Which section to read about a mistake: "lessons/03_settings#namespace"."""
    return tomllib.loads((_TEXTS / "pages.toml").read_text(encoding="utf-8"))


def parts(found: Found) -> dict[str, str]:
    """The texts about a mistake, filled in."""
    texts = mistakes(language())[found.key]
    return {part: text.format(**found.values) for part, text in texts.items()}


def remark(found: Found) -> str:
    """A remark, with its place."""
    text = mistakes(language())["remarks"][found.key].format(**found.values)
    return f"{found.place}{say('check_colon')} {text}" if found.place else text


def title(stage: Snapshot) -> str:
    """ "Lesson 3, Settings"."""
    number = stage.path.name.partition("_")[0]
    name = stage.about["title"][language()]
    if number.isdecimal():
        return say("check_lesson", number=int(number), title=name)
    return say("check_recipe", title=name)


def verdict(found: Verdict, asked: Snapshot | None, folder: Path, more: bool) -> str:
    """All that is said about a verdict; `asked` None: the furthest stage was asked for.

    more: with the remedy, not the hint alone.
    """
    said = []
    if found.python:
        said.append(say("check_python", python=found.python))
    if asked is None and found.reached:
        said.append(click.style(say("check_furthest", stage=title(found.reached[-1])), bold=True))
    if found.fault is None:
        stage = asked or found.reached[-1]
        said.append(click.style(say("check_reached", stage=title(stage)), fg="green", bold=True))
    elif found.status == 1:
        assert found.next
        stage = asked or found.next
        said.append(click.style(say("check_not_yet", stage=title(stage)), fg="red", bold=True))
        if found.next != stage:
            said.append(say("check_earlier", stage=title(found.next)))
        said.append("")
        said.append(mistake(found.fault.found, folder, more))
    else:
        texts = parts(found.fault.found)
        said.append(click.style(say("check_cannot"), fg="yellow", bold=True))
        said += [
            "",
            _line(say("check_seen"), texts["seen"]),
            _line(say("check_hint"), texts["hint"]),
        ]
    if found.remarks:
        said.append("")
        said += [_line(say("check_remark"), remark(one)) for one in found.remarks]
    return "\n".join(said)


def mistake(found: Found, folder: Path, more: bool) -> str:
    """Expected, seen, where, why, a hint, and what to read."""
    texts = parts(found)
    lines = [_line(say("check_expected"), texts["expected"])]
    lines.append(_line(say("check_seen"), texts["seen"]))
    if found.place:
        lines.append(_line(say("check_where"), _link(str(found.place), _uri(folder, found.place))))
    if "cause" in texts:
        lines.append(_line(say("check_cause"), texts["cause"]))
    lines.append(_line(say("check_hint"), texts["hint"]))
    if more:
        lines.append(_line(say("check_more"), texts["more"]))
    section, address = page(found.key)
    lines.append(_line(say("check_read"), _link(section, address)))
    lines.append(_line("", _link(address, address)))
    if is_free(SITE_PORT):
        lines.append(_line("", say("check_site")))
    return "\n".join(lines)


def page(key: str) -> tuple[str, str]:
    """Title and address of the section to read, in the reader's language."""
    name, _, anchor = pages()[key].partition("#")
    text = (ROOT / "docs" / language() / f"{name}.md").read_text(encoding="utf-8")
    heading = re.search(rf"^#+ (.+) \{{#{re.escape(anchor)}\}}$", text, re.M) if anchor else None
    if not anchor:
        heading = re.search(r"^# (.+?)(?: \{#.*\})?$", text, re.M)
    assert heading, key
    address = f"http://127.0.0.1:{SITE_PORT}/{language()}/{name}/"
    return heading[1], f"{address}#{anchor}" if anchor else address


def _line(label: str, text: str) -> str:
    indent = " " * 15
    shown = []
    for number, paragraph in enumerate(text.splitlines() or [""]):
        first = f"  {click.style(f'{label:<13}', dim=True)}" if number == 0 else indent
        # Escape sequences have no width, and an address must not be folded.
        if "\x1b" in paragraph or "://" in paragraph:
            shown.append(first + paragraph)
        else:
            body = fill(
                paragraph,
                _WIDTH - 15,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
            shown.append(first + body)
    return "\n".join(shown)


def _uri(folder: Path, place: Place) -> str:
    return f"file://{quote(str(folder.resolve() / place.file))}"


def _link(text: str, address: str) -> str:
    """Text that a terminal opens when it is clicked on."""
    if not sys.stdout.isatty():
        return text
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"
