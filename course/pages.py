"""A Python-Markdown extension: pages show the snapshots' code instead of holding a copy.

A line of its own in a page stands for what a snapshot holds:

    ::: lesson 05                           what a lesson takes, and how to begin with it
    ::: change 05 myapp/views.py            what the step changes in that file
    ::: show 05 myapp/views.py [NAME]       the file, or one function, class or setting of it
    ::: patch 05 exercise                   steps/exercise.patch of that snapshot
    ::: schedule 09:00 01 pause=15 02       a timetable of lessons
    ::: notebook 05_views                   a notebook, with what came of running it

It is turned into the Markdown of mkdocs-material before anything else reads it. A ```mermaid
block becomes the picture that course.diagrams made of it. The built page is then looked over:
each block of code must be of a kind that the machine learner knows.
"""

import re
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from course import catalogue, diagrams
from course.fences import Fence, PageError, indented, pieces
from course.shown import Expander
from course.typography import french

_DIRECTIVE = re.compile(r"(?P<indent> *)::: *(?P<words>.*)")
_BLOCK = re.compile(
    r'<div class="(?P<classes>[^"]*\bhighlight\b[^"]*)"[^>]*>'
    r'(?:<span class="filename">(?P<title>.*?)</span>)?<pre'
)


def kind(classes: Iterable[str], title: str | None) -> str:
    """What a block of code is to someone who follows the page.

    classes: those of the built block; title: what stands above it. Returns "file", "change",
    "terminal", "browser" or "shown". Raises PageError for any other block.
    """
    classes = set(classes)
    if "shown" in classes:
        return "shown"
    if "browser" in classes:
        return "browser"
    if "language-console" in classes:
        return "terminal"
    if title:
        return "change" if "language-diff" in classes else "file"
    raise PageError(f"a block of no kind: {' '.join(sorted(classes))}")


_ASIDE = re.compile(r'<div class="break"|<details class="[a-z]+"')


class Expand(Preprocessor):
    """Replaces what a page asks for by Markdown, and diagrams by their pictures."""

    def __init__(self, md: Markdown, language: str) -> None:
        super().__init__(md)
        self._expander = Expander(language, md.htmlStash.store)

    def run(self, lines: list[str]) -> list[str]:
        expanded: list[str] = []
        for piece in pieces(lines):
            if isinstance(piece, Fence):
                expanded += self._block(piece)
            elif directive := _DIRECTIVE.fullmatch(piece):
                shown = self._expander.expand(directive["words"])
                expanded += indented(shown, directive["indent"])
            else:
                expanded.append(piece)
        return expanded

    def _block(self, block: Fence) -> list[str]:
        if block.info == "mermaid":
            return ["", self.picture(block.inside), ""]
        if block.info == "browser":
            title = self._expander.say("page_browser")
            header = f'{block.indent}{block.ticks} {{.text .browser title="{title}"}}'
            return [header, *block.lines[1:]]
        return block.lines

    def picture(self, source: list[str]) -> str:
        """What stands for a diagram in the text. Raises PageError if it is not drawn yet."""
        path = catalogue.ROOT / "docs" / "diagrams" / diagrams.name("\n".join(source))
        if not path.is_file():
            raise PageError(f"{path.name} is missing: run `make diagrams`")
        picture = path.read_text(encoding="utf-8")
        html = f'<figure class="diagram" data-search-exclude>{picture}</figure>'
        return self.md.htmlStash.store(html)


class _FrenchSpaces(Treeprocessor):
    def run(self, root: Element) -> None:
        for element in root.iter():
            if element.tag not in ("code", "pre", "script", "style") and element.text:
                element.text = french(element.text.replace("\n", " "))
            if element.tail:
                # It goes on after another element: its first character does not begin a line.
                element.tail = french("x" + element.tail.replace("\n", " "))[1:]
            for name in ("alt", "title"):
                if value := element.get(name):
                    element.set(name, french(value))


class _Check(Postprocessor):
    def run(self, text: str) -> str:
        blocks = list(_BLOCK.finditer(text))
        for block in blocks:
            kind(block["classes"].split(), block["title"])
        if len(blocks) != text.count("<pre"):
            raise PageError("a block of code without a language")
        # A search finds what is said, and symptoms by their errors; not each file, terminal,
        # break and answer, which would weigh as much again.
        text = _ASIDE.sub(r"\g<0> data-search-exclude", text)
        return _BLOCK.sub(_without_search, text)


def _without_search(block: re.Match[str]) -> str:
    classes = block["classes"].split()
    if "language-text" in classes and "output" not in classes and not block["title"]:
        return block[0]
    return block[0].replace('">', '" data-search-exclude>', 1)


class Pages(Extension):
    """Register all of it; `language` ("en" or "fr") is the page's."""

    def __init__(self, **settings: Any) -> None:
        self.config = {"language": ["en", "The language of the pages"]}
        super().__init__(**settings)

    def extendMarkdown(self, md: Markdown) -> None:
        language = self.getConfig("language")
        # Before the fences (25) and snippets (32) are read, after line ends are normal (30).
        md.preprocessors.register(Expand(md, language), "course_expand", 29)
        md.postprocessors.register(_Check(md), "course_check", 0)
        if language == "fr":
            # After inline code is set apart (20), before the table of contents (5).
            md.treeprocessors.register(_FrenchSpaces(md), "course_french", 15)


def makeExtension(**settings: Any) -> Pages:
    """What `markdown_extensions: [course.pages]` calls."""
    return Pages(**settings)
