"""A notebook as a page shows it: its cells, each with what came of running it."""

import re
from collections.abc import Callable
from typing import Any

from course import execution, ipynb
from course.fences import PageError, fence, indented
from course.messages import texts

_HEADING = re.compile(r"(?P<heading>#+ .*)", re.MULTILINE)


def markdown(name: str, language: str, stash: Callable[[str], str]) -> list[str]:
    """The Markdown lines of a notebook; stash: see course.shown.Expander.

    A notebook that has not been run since it changed is shown without results, and the page
    says so. Raises PageError.
    """
    path = ipynb.path(name, language)
    if not path.is_file():
        raise PageError(f"{path.name} is missing: run `make ipynb`")
    cells = ipynb.load(name, language)["cells"]
    executed = execution.executed(name, language)
    outputs = {cell["id"]: cell.get("outputs", []) for cell in (executed or {"cells": []})["cells"]}
    say = texts(language)
    note = say["page_notebook"].format(path=f"notebooks/{language}/{path.name}", number=name[:2])
    if executed is None:
        note += " " + say["page_not_run"]
    lines: list[str] = []
    for index, cell in enumerate(cells):
        source = cell["source"]
        shown = _outputs(outputs.get(cell["id"], []), stash)
        if "solution" in cell["metadata"].get("tags", []):
            inside = [*fence("{.python .shown .cell}", source.splitlines()), *shown]
            lines += [f'??? exercise "{say["notebook_solution"]}"', *indented(inside, "    "), ""]
        elif cell["cell_type"] == "markdown":
            text = _HEADING.sub(rf"\g<heading> {{#{cell['id']}}}", source, count=1)
            lines += ["", *text.splitlines(), ""]
        else:
            lines += [*fence("{.python .shown .cell}", source.splitlines()), *shown]
        if index == 0:
            lines += ['!!! note ""', "", f"    {note}", ""]
    return lines


def _outputs(outputs: list[dict[str, Any]], stash: Callable[[str], str]) -> list[str]:
    lines: list[str] = []
    text = ""
    for output in outputs:
        data = output.get("data", {"text/plain": output.get("text", "")})
        if "text/html" in data:
            html = "".join(data["text/html"])
            lines += [
                *_text(text),
                "",
                stash(f'<div class="output" data-search-exclude>{html}</div>'),
                "",
            ]
            text = ""
        else:
            text += "".join(data["text/plain"]).rstrip("\n") + "\n"
    return lines + _text(text)


def _text(text: str) -> list[str]:
    return fence("{.text .shown .output}", text.splitlines()) if text.strip() else []
