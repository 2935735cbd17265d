"""The pages' diagrams: each is drawn, says what its block says, and fits the page it is in."""

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as Xml

import material
import pytest
from playwright.sync_api import Browser

from course import diagrams
from course.catalogue import ROOT
from course.diagrams import DOCS, Diagram
from course.drawing import SVG, tidy
from course.messages import LANGUAGES
from course.typography import NARROW, NO_BREAK, french

FOLDER = DOCS / "diagrams"
WANTED = diagrams.wanted()
EACH = pytest.mark.parametrize("file", WANTED)
DRAWN = pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.glob("*.svg")))

# Where a label stands in each kind of block.
LABELS = {
    "flowchart": [
        r'"([^"]+)"',
        r"\|([^|\"]+)\|",
        r"[\[({]+([^\[\](){}|\"]+)[\])}]",
        r"-- (.+?) --",
    ],
    "sequenceDiagram": [
        r"(?:participant|actor) .* as (.+)",
        r"^ *(?:alt|else|opt|loop) (.+)",
        r": (.+)",
    ],
    "stateDiagram": [r"^ *([A-Z]+)", r" : (.+)", r"--> ([A-Z]+)", r'"([^"]+)"'],
}
# What Mermaid writes itself.
OWN = {"alt", "opt", "loop", "boucle"}


def drawing(file: str) -> Xml.Element:
    return Xml.fromstring((FOLDER / file).read_text(encoding="utf-8"))


def squeezed(text: str) -> str:
    """The text without any space or line break, which a drawing may put elsewhere."""
    return re.sub(r"<br ?/?>|\s", "", text)


def labels(source: str) -> set[str]:
    """Every word or sentence that a block shows."""
    kind = next(kind for kind in LABELS if source.startswith(kind))
    lines = [
        line for line in source.splitlines()[1:] if not re.match(r" *acc(?:Title|Descr)", line)
    ]
    text = "\n".join(lines)
    found = [one for rule in LABELS[kind] for one in re.findall(rule, text, re.MULTILINE)]
    return {squeezed(one) for one in found}


def told(diagram: Diagram, what: str) -> str:
    """The block's accTitle or accDescr, as its page would show it."""
    found = re.search(rf"^ *{what}: *(.+?) *$", diagram.source, re.MULTILINE)
    assert found, f"{diagram.page}: a diagram without {what}"
    return french(found[1]) if diagram.language == "fr" else found[1]


def test_every_block_has_its_drawing_and_every_drawing_its_block():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(WANTED), "run `make diagrams`"


@EACH
def test_a_drawing_has_its_blocks_title_and_description(file: str):
    svg, diagram = drawing(file), WANTED[file]
    assert svg.get("role") == "img"
    for part, attribute, what in [
        ("title", "aria-labelledby", "accTitle"),
        ("desc", "aria-describedby", "accDescr"),
    ]:
        element = svg.find(f"{SVG}{part}")
        assert element is not None and element.text == told(diagram, what)
        assert svg.get(attribute) == element.get("id")


@EACH
def test_a_drawing_holds_every_label_of_its_block_and_nothing_else(file: str):
    texts = [squeezed("".join(text.itertext())) for text in drawing(file).iter(f"{SVG}text")]
    whole, wanted = "".join(texts), labels(WANTED[file].source)
    assert wanted and [label for label in wanted if label not in whole] == []
    source = squeezed(WANTED[file].source)
    assert {text for text in texts if text.strip("[]") not in source} <= OWN


@DRAWN
def test_a_drawing_needs_nothing_from_elsewhere_and_runs_nothing(file: str):
    text = (FOLDER / file).read_text(encoding="utf-8")
    tags = {element.tag.removeprefix(SVG) for element in drawing(file).iter()}
    assert tags.isdisjoint({"script", "foreignObject", "image", "use", "a"})
    outside = text.replace(SVG.strip("{}"), "")
    assert not re.search(r"//|@import|href|!important|\son\w+=", outside)
    assert len(text) <= 12_000


@DRAWN
def test_a_drawing_keeps_its_names_to_itself(file: str):
    svg = drawing(file)
    name = f"diagram-{file.removesuffix('.svg')}"
    ids = [element.get("id") for element in svg.iter() if element.get("id")]
    assert svg.get("id") == name
    assert len(ids) == len(set(ids)) and all(one.startswith(name) for one in ids)
    style = svg.findtext(f"{SVG}style") or ""
    selectors = [one for rule in re.findall(r"([^{}]+){", style) for one in rule.split(",")]
    assert selectors and all(one.startswith(f"#{name} ") for one in selectors)


@DRAWN
def test_a_drawing_is_coloured_by_the_page_alone(file: str):
    plain = re.sub(r"var\(--[\w-]+,#\w+\)", "", (FOLDER / file).read_text(encoding="utf-8"))
    assert not re.search(r"(?:fill|stroke|color)[:=]\"?(?!none|currentColor|[;}\"])", plain)


def test_no_drawing_is_too_wide_for_a_telephone():
    # 390 pixels leave 358 for a page's text: letters must not shrink to less than 8 pixels.
    widths = {file: float(drawing(file).attrib["viewBox"].split()[2]) for file in WANTED}
    assert {file: width for file, width in widths.items() if width > 16 / 8 * 358} == {}


def test_both_languages_have_as_many_diagrams_on_each_page():
    counts = {
        language: Counter(
            {
                path.relative_to(DOCS / language).as_posix(): len(found)
                for path in (DOCS / language).rglob("*.md")
                if (found := diagrams.blocks(path.read_text(encoding="utf-8")))
            }
        )
        for language in LANGUAGES
    }
    assert counts["en"] == counts["fr"]


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_contrast_is_enough_in_light_and_dark(browser: Browser, scheme: str):
    folder = Path(material.__file__).parent / "templates/assets/stylesheets"
    sheets = [*folder.glob("main.*.css"), *folder.glob("palette.*.css")]
    css = "".join(path.read_text() for path in [*sheets, ROOT / "docs/theme/assets/site.css"])
    drawings = "".join((FOLDER / file).read_text(encoding="utf-8") for file in WANTED)
    page = browser.new_page()
    page.set_content(
        f'<!doctype html><style>{css}</style><body data-md-color-scheme="{scheme}"'
        f' data-md-color-primary="custom"><div class="md-typeset">{drawings}</div>'
    )
    seen = page.evaluate(CONTRASTS)
    page.close()
    assert seen["text"] and seen["line"]
    assert min(seen["text"]) >= 4.5  # WCAG 2.2, 1.4.3
    assert min(seen["line"]) >= 3  # 1.4.11


# The contrast of every text and every outline with the page, and with what boxes are filled with.
CONTRASTS = """() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const over = (colour, below) => {
    context.fillStyle = below; context.fillRect(0, 0, 1, 1);
    context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb.map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const paper = getComputedStyle(document.body).getPropertyValue('--md-default-bg-color');
  const solid = `rgb(${over(paper, '#fff')})`;
  const shapes = [...document.querySelectorAll('svg :is(rect, path, polygon, circle, line)')];
  const fills = shapes.map((one) => getComputedStyle(one).fill).filter((fill) => fill !== 'none');
  const boxes = [...document.querySelectorAll('.node rect, rect.actor')]
    .map((one) => getComputedStyle(one).fill);
  const contrast = (colour) => [solid, ...new Set(boxes)].map((below) => {
    const under = `rgb(${over(below, solid)})`;
    const [a, b] = [luminance(over(colour, under)), luminance(over(under, solid))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  const texts = [...document.querySelectorAll('svg text')].map((one) => getComputedStyle(one).fill);
  const lines = shapes.map((one) => getComputedStyle(one).stroke).filter((one) => one !== 'none');
  return {
    text: [...new Set(texts)].flatMap(contrast),
    line: [...new Set(lines)].flatMap(contrast),
  };
}"""


# The script.

PAGE = """
# A page

```mermaid
flowchart TD
    a --> b
```

- a list

    ```mermaid
    flowchart TD
        a --> b
    ```

````markdown
```mermaid
not one
```
````
"""


def test_blocks_are_found_where_the_pages_extension_finds_them():
    assert diagrams.blocks(PAGE) == ["flowchart TD\n    a --> b"] * 2


def test_a_name_does_not_depend_on_where_a_block_stands():
    inside = "    flowchart TD\n        a --> b\n"
    assert diagrams.name(inside) == diagrams.name("flowchart TD\n    a --> b")
    assert re.fullmatch(r"[0-9a-f]{12}\.svg", diagrams.name(inside))
    assert diagrams.name(inside) != diagrams.name("flowchart TD\n    a --> c")


def test_a_drawing_that_no_page_shows_is_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "diagrams").mkdir()
    (tmp_path / "en").mkdir()
    kept, gone = tmp_path / "diagrams" / diagrams.name("a"), tmp_path / "diagrams/gone.svg"
    kept.touch()
    gone.touch()
    (tmp_path / "en/page.md").write_text("```mermaid\na\n```\n")
    assert diagrams.main(docs=tmp_path) == 0
    assert kept.exists() and not gone.exists()
    assert "gone.svg" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["npm", "Chromium"])
def test_without_its_tools_it_says_which(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
):
    (tmp_path / "en").mkdir()
    (tmp_path / "en/page.md").write_text("```mermaid\nflowchart TD\n```\n")
    script = tmp_path / "mermaid.js"
    script.touch()
    if missing == "npm":
        monkeypatch.setenv("PATH", str(tmp_path))
        fetch = diagrams.library
        monkeypatch.setattr(diagrams, "library", lambda: fetch(tmp_path / "state"))
    else:
        monkeypatch.setattr("course.doctor.chromium", lambda: None)
        monkeypatch.setattr(diagrams, "library", lambda: script)
    assert diagrams.main(docs=tmp_path) == 2
    assert missing in capsys.readouterr().err


def test_a_package_that_is_not_the_known_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\necho other > mermaid-{diagrams.MERMAID}.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(diagrams.DiagramError, match="npm"):
        diagrams.library(tmp_path / "state")
    assert list((tmp_path / "state/mermaid").iterdir()) == []


def test_french_labels_get_their_spaces():
    text = 'flowchart TD\n    a{Le visiteur attend-il ?} -->|"« oui » : 5 ms"| b'
    mermaids = diagrams.text_for_mermaid(Diagram("fr/page.md", "fr", text))
    assert not re.search(f"[{NO_BREAK}{NARROW}]", mermaids)
    assert mermaids.translate(diagrams.SPACES) == (
        f"flowchart TD\n    a{{Le visiteur attend-il{NARROW}?}} "
        f'-->|"«{NO_BREAK}oui{NO_BREAK}»{NO_BREAK}: 5{NO_BREAK}ms"| b'
    )
    assert diagrams.text_for_mermaid(Diagram("en/page.md", "en", text)) == text


DRAWN_BY_MERMAID = """<svg id="diagram-x" width="100%" xmlns="http://www.w3.org/2000/svg"
viewBox="0 0 100.26 50" role="graphics-document document" aria-roledescription="flowchart-v2">
<title id="chart-title-diagram-x">A</title><desc id="chart-desc-diagram-x">B</desc>
<style>#diagram-x{fill:red}</style>
<marker id="diagram-x-end"><path d="M0 0"/></marker><marker id="diagram-x-unused"><path d="M0 0"/>
</marker><g class="node default" id="diagram-x-a" data-look="classic" onclick="no()">
<rect class="basic" style="fill:red" x="-1.234" width="5" height="5"/><rect/>
<g class="label" transform="translate(-20.5, -9)"><text><tspan><tspan>loop</tspan><tspan>
 twice</tspan></tspan></text></g></g><path marker-end="url(#diagram-x-end)" d="M1.04,2"/></svg>"""


def test_tidying_keeps_what_is_seen_and_drops_the_rest():
    svg = Xml.fromstring(tidy(DRAWN_BY_MERMAID.replace("\n", " "), {}))
    assert svg.attrib == {
        "id": "diagram-x",
        "viewBox": "0 0 100.3 50",
        "role": "img",
        "aria-labelledby": "diagram-x-title",
        "aria-describedby": "diagram-x-desc",
        "style": "max-width:100px;width:100%",
    }
    assert [marker.get("id") for marker in svg.iter(f"{SVG}marker")] == ["diagram-x-end"]
    node = svg.find(f"{SVG}g")
    assert node is not None and node.attrib == {"class": "node"}
    assert [rect.attrib for rect in node.iter(f"{SVG}rect")] == [
        {"x": "-1.2", "width": "5", "height": "5"}
    ]
    label = node.find(f"{SVG}g")
    assert label is not None and label.get("transform") == "translate(0, -9)"
    assert "".join(label.itertext()).split() == ["loop", "twice"]
    assert "red" not in Xml.tostring(svg, "unicode")


@pytest.mark.parametrize(("part", "missing"), [("title", "accTitle"), ("desc", "accDescr")])
def test_a_drawing_without_a_name_is_refused(part: str, missing: str):
    with pytest.raises(ValueError, match=missing):
        tidy(re.sub(f"<{part}.*?</{part}>", "", DRAWN_BY_MERMAID), {})
