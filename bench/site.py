"""The pages: how long they take to build, against a bare build; how soon an edit is seen."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from markdown import Markdown

from bench.figures import Figure, times
from course import browser, pages
from course.catalogue import ROOT
from course.i18n import PAGES
from course.messages import LANGUAGES
from course.ports import free_port, is_free
from course.stack import Stack

BARE = """
import sys
from mkdocs.commands.build import build
from mkdocs.config import load_config
for language in ("en", "fr"):
    build(load_config(f"{sys.argv[1]}/{language}.yml", site_dir=f"{sys.argv[2]}/{language}"))
"""


def measure(folder: Path) -> Iterator[Figure]:
    """Builds three times each, in turns, the best of each; five edits, the slowest."""
    expand(folder / "docs")
    ours, bare = [], []
    for turn in range(3):
        site = folder / f"site-{turn}"
        ours.append(seconds([sys.executable, "-m", "course", "docs", "--build", str(site)]))
        bare.append(seconds([sys.executable, "-c", BARE, str(folder / "docs"), str(site)]))
    yield times("build of both languages", min(ours), min(bare), "a bare build", 1.5)
    yield times("an edit on the screen", max(edits(folder)), 2.5, "the promised 2.5 s", 1.0)


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - begin


class Expanded(pages.Expand):
    """Leaves a diagram's picture in the text, as a bare build would be given it."""

    def picture(self, source: list[str]) -> str:
        placeholder = super().picture(source)
        return str(self.md.htmlStash.rawHtmlBlocks.pop()) if placeholder else ""


def expand(docs: Path) -> None:
    """Copy the pages as plain mkdocs-material ones: what ours show is in their text."""
    shutil.copytree(PAGES, docs, symlinks=False)
    for language in LANGUAGES:
        for path in (docs / language).rglob("*.md"):
            lines = path.read_text(encoding="utf-8").splitlines()
            text = "\n".join(Expanded(Markdown(), language).run(lines))
            path.write_text(text, encoding="utf-8")
        config = docs / f"{language}.yml"
        text = config.read_text(encoding="utf-8")
        ours = f"markdown_extensions:\n  course.pages:\n    language: {language}\n"
        assert ours in text
        config.write_text(text.replace(ours, ""), encoding="utf-8")


def edits(folder: Path) -> list[float]:
    """Seconds from saving a page or a snapshot's file until an open page shows it."""
    checkout = folder / "checkout"
    for name in ("course", "docs", "lessons", "notebooks", "requirements"):
        shutil.copytree(ROOT / name, checkout / name, symlinks=True)
    port = free_port()
    with Stack(folder / "stack") as stack, browser.opened() as chromium:
        command = [sys.executable, "-m", "course", "docs", "--port", str(port)]
        env = {"PYTHONPATH": str(checkout), "COURSE_STATE": str(folder / "state")}
        stack.start("docs", command, checkout, lambda service: not is_free(port), env)
        stack.wait("docs")
        tab = chromium.new_page()
        tab.goto(f"http://127.0.0.1:{port}/fr/lessons/05_views/")
        page = checkout / "docs/fr/lessons/05_views.md"
        view = checkout / "lessons/05_views/myapp/views.py"
        taken = []
        for number, path in enumerate([page, view, page, view, page]):
            begin = time.perf_counter()
            with path.open("a") as file:
                file.write(f"\n# edit-{number}\n")
            tab.locator(f":text('edit-{number}')").first.wait_for(state="attached")
            taken.append(time.perf_counter() - begin)
    return taken
