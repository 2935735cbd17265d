"""`course i18n`: which French pages were written for an earlier state of their English page."""

import hashlib
import re
from pathlib import Path

import click

from course import catalogue
from course.cli import CourseError
from course.messages import say

PAGES = catalogue.ROOT / "docs"

_FRONT = re.compile(r"---\n(?P<front>.*?)^---\n(?P<text>.*)", re.DOTALL | re.MULTILINE)
_STAMP = re.compile(r"^english: *(?P<hash>\S*)\n", re.MULTILINE)


def pages(root: Path = PAGES) -> list[str]:
    """The pages there are in either language: "lessons/05_views.md"."""
    found = {
        path.relative_to(folder)
        for folder in (root / "en", root / "fr")
        for path in folder.rglob("*.md")
    }
    return sorted(path.as_posix() for path in found)


def version(english: str) -> str:
    """What names the state of an English page: a hash of its text without front matter."""
    parts = _FRONT.fullmatch(english)
    text = parts["text"] if parts else english
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def behind(root: Path = PAGES) -> list[tuple[str, str]]:
    """The pages whose French is not for the present English, each with the key of the reason."""
    found = []
    for page in pages(root):
        english, french = root / "en" / page, root / "fr" / page
        if not english.is_file():
            found.append((page, "i18n_no_english"))
        elif not french.is_file():
            found.append((page, "i18n_no_french"))
        else:
            stamp = _STAMP.search(_front(french.read_text(encoding="utf-8")))
            if not stamp:
                found.append((page, "i18n_unstamped"))
            elif stamp["hash"] != version(english.read_text(encoding="utf-8")):
                found.append((page, "i18n_behind"))
    return found


def _front(text: str) -> str:
    parts = _FRONT.fullmatch(text)
    return parts["front"] if parts else ""


def i18n(acknowledge: tuple[str, ...], root: Path) -> int:
    """List what is behind, or mark pages ("all": every one) as up to date with their English.

    Returns the exit status: 1 when a page is behind. Raises CourseError for a page that is
    not there in both languages, or has no front matter.
    """
    if "all" in acknowledge:
        reasons = ("i18n_behind", "i18n_unstamped")
        acknowledge = tuple(page for page, reason in behind(root) if reason in reasons)
    for page in acknowledge:
        name = page.removesuffix(".md") + ".md"
        english, french = root / "en" / name, root / "fr" / name
        if not (english.is_file() and french.is_file()):
            raise CourseError(say("i18n_unknown", page=page))
        text = french.read_text(encoding="utf-8")
        if not (parts := _FRONT.fullmatch(text)):
            raise CourseError(say("i18n_no_front", page=page))
        stamp = f"english: {version(english.read_text(encoding='utf-8'))}\n"
        front = _STAMP.sub("", parts["front"]) + stamp
        french.write_text(f"---\n{front}---\n{parts['text']}", encoding="utf-8")
        click.echo(say("i18n_done", page=name))
    found = behind(root)
    for page, reason in found:
        click.echo(say(reason, page=page))
    if not found:
        click.echo(say("i18n_all"))
    return 1 if found else 0
