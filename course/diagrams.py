"""Draws the pages' Mermaid blocks as SVG, ahead of time. Run by `make diagrams`.

The site then needs no Mermaid: its pages show diagrams without JavaScript, and print them. Each
file of docs/diagrams/ is named after the text of its block.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course import catalogue
from course.drawing import tidy
from course.fences import Fence, PageError, pieces
from course.messages import LANGUAGES, say
from course.typography import NARROW, NO_BREAK, french

DOCS = catalogue.ROOT / "docs"

# What draws them: fetched by npm, once, and only where a diagram is edited.
MERMAID = "11.17.2"
SHA512 = "V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oEK7LoaRQxULMa80/qt5gHO73aCleBBg=="

# Text is text, not HTML; narrow, for a telephone.
CONFIG = {
    "startOnLoad": False,
    "securityLevel": "strict",
    "theme": "base",
    "fontFamily": "sans-serif",
    "deterministicIds": True,
    "handDrawnSeed": 1,  # some shapes are drawn with chance: always the same
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False, "nodeSpacing": 30, "rankSpacing": 36, "wrappingWidth": 170},
    "sequence": {
        **{"wrap": True, "mirrorActors": False, "width": 120, "height": 44, "actorMargin": 28},
        **{"diagramMarginX": 4, "diagramMarginY": 10, "boxMargin": 8, "messageMargin": 30},
    },
}

# A row of boxes that is wider becomes a column: on a telephone nobody could read it.
WIDEST = 560

# Mermaid breaks lines at any space, so these stand for the French ones while it draws.
_UNBROKEN = str.maketrans({NO_BREAK: "\u2800", NARROW: "\ua78f"})
SPACES = str.maketrans({"\u2800": NO_BREAK, "\ua78f": NARROW})

# Words that Mermaid itself writes.
_WORDS = {"en": {}, "fr": {"loop": "boucle"}}

_RENDER = "async ([id, text]) => (await mermaid.render(id, text)).svg"


class DiagramError(Exception):
    """A diagram cannot be drawn. The message is for its author."""


@dataclass(frozen=True)
class Diagram:
    """A Mermaid block, and where it was found."""

    page: str
    language: str
    source: str


def name(source: str) -> str:
    """The file in docs/diagrams/ that holds the drawing of this block."""
    return hashlib.sha256(_plain(source).encode()).hexdigest()[:12] + ".svg"


def _plain(source: str) -> str:
    return textwrap.dedent(source).strip()


def blocks(page: str) -> list[str]:
    """The text of each Mermaid block of a page. Raises PageError for a block without an end."""
    blocks = (piece for piece in pieces(page.splitlines()) if isinstance(piece, Fence))
    return [_plain("\n".join(block.inside)) for block in blocks if block.info == "mermaid"]


def wanted(docs: Path = DOCS) -> dict[str, Diagram]:
    """Every Mermaid block of the pages, by the name of its file."""
    return {
        name(source): Diagram(path.relative_to(docs).as_posix(), language, source)
        for language in LANGUAGES
        for path in sorted((docs / language).rglob("*.md"))
        for source in blocks(path.read_text(encoding="utf-8"))
    }


def draw(diagrams: Iterable[Diagram], folder: Path, script: Path) -> None:
    """Draw these diagrams into `folder` with Mermaid's script. Raises DiagramError, NoBrowser."""
    from playwright.sync_api import Error  # not installed where nothing is drawn

    from course import browser

    with browser.opened() as chromium:
        page = chromium.new_page()
        page.set_content("<!doctype html>")
        page.add_script_tag(path=script)
        page.evaluate("config => mermaid.initialize(config)", CONFIG)
        for diagram in diagrams:
            file = folder / name(diagram.source)
            text = text_for_mermaid(diagram)
            try:
                drawn = page.evaluate(_RENDER, [f"diagram-{file.stem}", text])
                if text.startswith("flowchart LR") and _width(drawn) > WIDEST:
                    text = text.replace("LR", "TD", 1)
                    drawn = page.evaluate(_RENDER, [f"diagram-{file.stem}", text])
                drawing = tidy(drawn.translate(SPACES), _WORDS[diagram.language])
            except (Error, ValueError) as error:
                why = str(error).partition("\n    at ")[0].removeprefix("Page.evaluate: Error: ")
                raise DiagramError(say("diagram_wrong", page=diagram.page, why=why)) from None
            file.write_text(drawing, encoding="utf-8")


def _width(drawn: str) -> float:
    box = re.search(r'viewBox="([^"]+)"', drawn)
    return float(box[1].split()[2]) if box else 0


def text_for_mermaid(diagram: Diagram) -> str:
    """The block as Mermaid gets it: in French, with spaces at which no line is broken."""
    text = diagram.source
    if diagram.language != "fr":
        return text
    if text.startswith("stateDiagram"):
        text = re.sub(r" +:", ":", text)  # what begins a label here
    # Piece by piece, as if brackets and quotation marks ended the line.
    spaced = re.sub(r"[^\[\](){}|\"\n]+", lambda piece: french(piece[0]), text)
    return spaced.translate(_UNBROKEN)


def library(state: Path = catalogue.STATE) -> Path:
    """Mermaid's script; fetched, if it is not there yet. Raises DiagramError, OSError."""
    script = state / "mermaid" / f"{MERMAID}.js"
    if script.is_file():
        return script
    npm = shutil.which("npm")
    if not npm:
        raise DiagramError(say("no_npm"))
    script.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=script.parent) as folder:
        command = [npm, "pack", f"mermaid@{MERMAID}", "--loglevel=error", "--fetch-retries=1"]
        packed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        archive = Path(folder) / f"mermaid-{MERMAID}.tgz"
        if packed.returncode or not archive.is_file():
            errors = [line for line in packed.stderr.splitlines() if line.startswith("npm error")]
            why = (errors or packed.stderr.splitlines() or ["?"])[0]
            raise DiagramError(say("npm_failed", version=MERMAID, why=why))
        digest = hashlib.sha512(archive.read_bytes()).digest()
        if base64.b64encode(digest).decode() != SHA512:
            raise DiagramError(say("npm_wrong", version=MERMAID))
        with tarfile.open(archive) as files:
            files.extract("package/dist/mermaid.min.js", folder, filter="data")
        (Path(folder) / "package/dist/mermaid.min.js").rename(script)
    return script


def main(again: bool = False, docs: Path = DOCS) -> int:
    """Draw what is not drawn yet (or all of it), remove what no page shows; the exit status."""
    from course.browser import NoBrowser

    folder = docs / "diagrams"
    try:
        diagrams = wanted(docs)
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.svg"):
            if path.name not in diagrams:
                path.unlink()
                print(say("diagram_removed", name=path.name))
        missing = [one for file, one in diagrams.items() if again or not (folder / file).is_file()]
        if missing:
            draw(missing, folder, library())
    except (DiagramError, PageError, NoBrowser, OSError) as error:
        print(say("error", what=error), file=sys.stderr)
        return 2
    print(say("diagrams_done", drawn=len(missing), count=len(diagrams)))
    return 0


if __name__ == "__main__":
    sys.exit(main("--all" in sys.argv[1:]))
