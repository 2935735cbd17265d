"""What Mermaid draws, made fit to stand in a page: small, in the page's colours, with a name.

Mermaid's drawings are made for its own style sheet and its own script. Here both go, and with them
whatever no rule of ours colours and no line refers to.
"""

import re
from itertools import pairwise
from xml.etree import ElementTree as Xml

SVG = "{http://www.w3.org/2000/svg}"

# The page's colours, or plain ones where there is no page around.
_TEXT = "var(--md-default-fg-color,#222)"
_LINE = "var(--md-default-fg-color--light,#555)"
_PAPER = "var(--md-default-bg-color,#fff)"
_BOX = "fill:var(--md-code-bg-color,#f5f5f5);stroke:var(--md-typeset-a-color,#00695c)"
_NOTE = f"fill:{_PAPER};stroke:var(--md-accent-fg-color,#9a3412)"
# A line behind words must not run through them.
_HALO = f"paint-order:stroke;stroke:{_PAPER};stroke-width:5px"
_STYLE = [
    ("text", f"fill:{_TEXT};font:16px sans-serif;text-anchor:middle"),
    ("marker path", f"fill:{_LINE};stroke:{_LINE}"),
    ("line,.flowchart-link,.transition,.messageLine0,.messageLine1", f"fill:none;stroke:{_LINE}"),
    (".flowchart-link,.transition,.messageLine0,.messageLine1", "stroke-width:1.5"),
    (".edge-thickness-thick", "stroke-width:3"),
    (".messageLine1,.loopLine,.edge-pattern-dotted,.note-edge", "stroke-dasharray:4 3"),
    (".node rect,.node circle,.node ellipse,.node polygon,.node path,rect.actor", _BOX),
    (".labelBox,.activation0,.activation1,.actor-man line,.actor-man circle", _BOX),
    ("rect.note,.statediagram-note path", _NOTE),
    (".cluster rect", f"fill:none;stroke:{_LINE};stroke-dasharray:4 3"),
    (".note-cluster", "fill:none"),
    (".background", f"fill:{_PAPER}"),
    (".node .state-start,.node .outer-path g path", f"fill:{_TEXT};stroke:none"),
    (".messageText,.loopText,.sectionTitle", _HALO),
    (".labelText", "font-size:13px"),
]
_CLASS = re.compile(r"\.([\w-]+)")
_CLASSES = {name for selectors, _ in _STYLE for name in _CLASS.findall(selectors)}

# What places an element; all else goes.
_KEPT = (
    *(
        "id",
        "class",
        "d",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "dx",
        "dy",
    ),
    *("width", "height", "points", "transform", "viewBox", "marker-start", "marker-end", "refX"),
    *("refY", "markerWidth", "markerHeight", "markerUnits", "orient", "dominant-baseline"),
)
_STRAIGHT = re.compile(r"C[-\d.]+ [-\d.]+, [-\d.]+ [-\d.]+,")
_FRACTION = re.compile(r"-?\d+\.\d+")


def tidy(drawn: str, words: dict[str, str]) -> str:
    """The drawing as it goes into a page. Raises ValueError if it has no title or description.

    words: what replaces words that Mermaid itself has written.
    """
    svg = Xml.fromstring(drawn)
    name = svg.attrib["id"]
    svg.remove(next(svg.iter(f"{SVG}style")))
    parents = {child: parent for parent in svg.iter() for child in parent}
    for row in svg.iter(f"{SVG}tspan"):
        # One element for a line of text, where Mermaid has one for each word.
        row.text = "".join(row.itertext())
        row[:] = []
    for group in svg.iter(f"{SVG}g"):
        _outline(group)
        _centre(group, parents[group])
    used = {name, *re.findall(r"url\(#([^)]+)\)", Xml.tostring(svg, "unicode"))}
    for element in svg.iter():
        _clean(element, used)
    for element in reversed(list(parents)):
        if _is_empty(element):
            parents[element].remove(element)
    for label in svg.iter(f"{SVG}text"):
        label.text = words.get(label.text or "", label.text)
    _introduce(svg)
    Xml.register_namespace("", SVG.strip("{}"))
    return Xml.tostring(svg, "unicode") + "\n"


def _outline(group: Xml.Element) -> None:
    """One outline for a shape, where Mermaid has one to fill and another to draw."""
    for filled, line in pairwise(list(group)):
        if filled.get("stroke") == "none" and line.get("fill") == "none":
            # What it writes as curves are straight lines.
            filled.set("d", _STRAIGHT.sub("L", filled.attrib["d"]) + "Z")
            group.remove(line)


def _centre(group: Xml.Element, parent: Xml.Element) -> None:
    """Centre a label in its box, so that another font moves it to no side."""
    classes, around = group.get("class", "").split(), parent.get("class", "").split()
    if "label" in classes and "node" in around:
        x = "0"
    elif "cluster-label" in classes and (box := parent.find(f"{SVG}rect")) is not None:
        x = str(float(box.attrib["x"]) + float(box.attrib["width"]) / 2)
    else:
        return
    group.set("transform", re.sub(r"\([^,]+,", f"({x},", group.get("transform", "")))


def _clean(element: Xml.Element, used: set[str]) -> None:
    """Keep the attributes that place an element, and the classes that colour it."""
    classes = [name for name in element.get("class", "").split() if name in _CLASSES]
    for key, value in list(element.items()):
        if key not in _KEPT or (key == "id" and value not in used) or key == "class":
            del element.attrib[key]
        elif key != "id":
            element.set(key, _FRACTION.sub(_rounded, value))
    if classes:
        element.set("class", " ".join(dict.fromkeys(classes)))


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _is_empty(element: Xml.Element) -> bool:
    match element.tag.removeprefix(SVG):
        case "marker" | "symbol" | "filter" | "linearGradient":
            return element.get("id") is None  # nothing refers to it
        case "rect":
            return element.get("width") is None
        case "g" | "defs" | "text" | "tspan":
            return not len(element) and not element.text
    return False


def _introduce(svg: Xml.Element) -> None:
    """Say what the drawing is, how wide, and how it is coloured."""
    name, width = svg.attrib["id"], float(svg.attrib["viewBox"].split()[2])
    for part, attribute, source in (
        ("title", "aria-labelledby", "accTitle"),
        ("desc", "aria-describedby", "accDescr"),
    ):
        element = svg.find(f"{SVG}{part}")
        if element is None or not element.text:
            raise ValueError(f"{source}?")
        element.set("id", f"{name}-{part}")
        svg.set(attribute, f"{name}-{part}")
    svg.attrib.pop("width", None)
    svg.set("role", "img")
    svg.set("style", f"max-width:{width:.0f}px;width:100%")
    style = Xml.Element(f"{SVG}style")
    style.text = "".join(_rules(svg))
    svg.insert(2, style)


def _rules(svg: Xml.Element) -> list[str]:
    """The rules that this drawing needs, for it alone."""
    there = {name for element in svg.iter() for name in element.get("class", "").split()}
    rules = []
    for selectors, declarations in _STYLE:
        needed = [one for one in selectors.split(",") if there.issuperset(_CLASS.findall(one))]
        if needed:
            where = ",".join(f"#{svg.attrib['id']} {one}" for one in needed)
            rules.append(f"{where}{{{declarations}}}")
    return rules
