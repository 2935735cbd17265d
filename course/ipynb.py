"""`course ipynb`: from each notebook's source, the notebook in each language.

A source is Python in jupytext's percent format. Each cell names itself (`id="..."`), and its id
stays the same in the notebook. Code is shared; prose is there once for each language:

    # %% [markdown] id="first-task" lang="en"
    # ## A first task
    #
    # %% id="add"
    add.delay(4, 6)

    # %% id="sum" tags=["your-turn"]           the reader's to change
    # %% id="sum-solution" tags=["solution"]   hidden from the reader until asked for
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from course import catalogue
from course.messages import LANGUAGES, texts
from course.typography import french

FOLDER = catalogue.ROOT / "notebooks"
SITE = "http://127.0.0.1:8080"  # where `make notebooks` serves the pages, too

_SOLUTION = re.compile(r"```python\n(?P<code>.*)\n```", re.DOTALL)
# A link to a page: in a source, and in what readers open.
_LINK = re.compile(r"\]\(\.\./(?P<page>[\w/]+)\.md(?P<heading>#[\w-]+)?\)")
_ADDRESS = re.compile(rf"\]\({SITE}/(?:en|fr)/(?P<page>[\w/]+)/(?P<heading>#[\w-]+)?\)")


def sources() -> list[str]:
    """The names of the notebooks: "04_tasks"."""
    return sorted(path.stem for path in (FOLDER / "src").glob("*.py"))


def written() -> list[str]:
    """The names of the notebooks that readers find."""
    return sorted(path.stem for path in (FOLDER / LANGUAGES[0]).glob("*.ipynb"))


def from_source(name: str, language: str) -> Any:
    """From the source, the notebook with the cells of one language.

    Raises ValueError for a cell without an id, or with the same one as another.
    """
    import jupytext  # for authors only: readers do not have it

    notebook = jupytext.read(FOLDER / "src" / f"{name}.py", fmt="py:percent")
    cells = [cell for cell in notebook.cells if cell.metadata.get("lang", language) == language]
    for cell in cells:
        cell.metadata.pop("lang", None)
        cell["id"] = cell.metadata.pop("id", "")
        if language == "fr" and cell.cell_type == "markdown":
            cell.source = french(cell.source)
    ids = [cell["id"] for cell in cells]
    if wrong := {one for one in ids if not one or ids.count(one) > 1}:
        raise ValueError(f"{name}: no id, or twice the same: {sorted(wrong)}")
    notebook.cells = cells
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def for_readers(notebook: Any, language: str) -> str:
    """The text of the .ipynb: solutions folded away, links to where the pages are served."""
    import nbformat

    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            summary = texts(language)["notebook_solution"]
            code = f"```python\n{cell.source}\n```"
            cell.source = f"<details><summary>{summary}</summary>\n\n{code}\n\n</details>"
            cell.cell_type = "markdown"
            del cell["outputs"], cell["execution_count"]
        elif cell.cell_type == "markdown":
            address = rf"]({SITE}/{language}/\g<page>/\g<heading>)"
            cell.source = _LINK.sub(address, cell.source)
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def path(name: str, language: str) -> Path:
    """Where the notebook for readers is."""
    return FOLDER / language / f"{name}.ipynb"


def load(name: str, language: str) -> dict[str, Any]:
    """The notebook for readers as its source has it: solutions are code, links lead to files.

    The source of each cell is one text. Raises OSError where it has not been written.
    """
    notebook: dict[str, Any] = json.loads(path(name, language).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if "solution" in cell["metadata"].get("tags", []):
            found = _SOLUTION.search(cell["source"])
            assert found
            cell |= {"cell_type": "code", "source": found["code"]}
            cell |= {"outputs": [], "execution_count": None}
        elif cell["cell_type"] == "markdown":
            cell["source"] = _ADDRESS.sub(r"](../\g<page>.md\g<heading>)", cell["source"])
    return notebook


def write(names: Iterable[str] = ()) -> int:
    """Write the notebooks of these sources, or of all, in both languages; returns 0."""
    for name in names or sources():
        for language in LANGUAGES:
            target = path(name, language)
            target.parent.mkdir(exist_ok=True)
            target.write_text(for_readers(from_source(name, language), language), encoding="utf-8")
            click.echo(f"{language}/{target.name}")
    return 0
