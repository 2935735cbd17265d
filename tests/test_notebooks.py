"""The notebooks: both languages, what is written from their sources, what comes of running them."""

import asyncio
import json
import platform
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from course import catalogue, execution, ipynb
from course.catalogue import ROOT, snapshots
from course.messages import LANGUAGES, texts
from course.typography import NARROW, NO_BREAK

NOTEBOOKS = ipynb.sources()
EACH = [(name, language) for name in NOTEBOOKS for language in LANGUAGES]
each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)
in_each_language = pytest.mark.parametrize("name, language", EACH)
LINK = re.compile(r"\]\(([^)]+)\)")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)


@cache
def source(name: str, language: str) -> list[Any]:
    """The cells of one language, as they stand in the source."""
    return list(ipynb.from_source(name, language).cells)


def tags(cell: Any) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def test_every_lesson_from_the_second_on_has_a_notebook() -> None:
    lessons = [one.path.name for one in snapshots() if one.path.parent.name == "lessons"]
    assert lessons[1:] == NOTEBOOKS == ipynb.written()


@in_each_language
def test_what_readers_open_is_what_the_source_says(name: str, language: str) -> None:
    written = ipynb.path(name, language).read_text(encoding="utf-8")
    assert written == ipynb.for_readers(ipynb.from_source(name, language), language), "make ipynb"


@in_each_language
def test_what_readers_open_holds_no_output(name: str, language: str) -> None:
    cells = json.loads(ipynb.path(name, language).read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


@each_notebook
def test_both_languages_have_the_same_cells_with_words_of_their_own(name: str) -> None:
    english, french = source(name, "en"), source(name, "fr")
    assert [cell["id"] for cell in english] == [cell["id"] for cell in french]
    for one, other in zip(english, french, strict=True):
        assert tags(one) == tags(other)
        assert (one["cell_type"] == "code") == (one["source"] == other["source"]), one["id"]
        assert LINK.findall(one["source"]) == LINK.findall(other["source"]), one["id"]
        if one["cell_type"] == "markdown":
            assert HEADING.findall(one["source"]) == HEADING.findall(other["source"]), one["id"]


@each_notebook
def test_a_cells_heading_comes_first_and_alone(name: str) -> None:
    for cell in source(name, "en"):
        if cell["cell_type"] == "markdown" and HEADING.search(cell["source"]):
            assert len(HEADING.findall(cell["source"])) == 1, cell["id"]
            assert cell["source"].startswith("#"), cell["id"]


@each_notebook
def test_a_notebook_has_two_or_three_turns_each_with_its_solution(name: str) -> None:
    cells = source(name, "en")
    turns = [index for index, cell in enumerate(cells) if "your-turn" in tags(cell)]
    assert 2 <= len(turns) <= 3
    for index in turns:
        asked, turn, solution = cells[index - 1 : index + 2]
        assert asked["cell_type"] == "markdown" and asked["source"].startswith("### ")
        assert "solution" in tags(solution)
        assert turn["source"] != solution["source"]
    assert sum("solution" in tags(cell) for cell in cells) == len(turns)


@each_notebook
def test_cells_are_small(name: str) -> None:
    for cell in source(name, "en"):
        if cell["cell_type"] == "code":
            lines = cell["source"].splitlines()
            assert len(lines) <= 24 and max(map(len, lines)) <= 100, cell["id"]


@each_notebook
def test_every_part_asserts_what_it_claims(name: str) -> None:
    parts: dict[str, list[str]] = {}
    for cell in source(name, "en"):
        if cell["cell_type"] == "markdown" and re.match("## ", cell["source"]):
            parts[cell["id"]] = []
        elif cell["cell_type"] == "code" and parts and not tags(cell):
            parts[next(reversed(parts))].append(cell["source"])
    assert len(parts) >= 4
    silent = [part for part, code in parts.items() if code and "assert " not in "\n".join(code)]
    assert silent == []


@each_notebook
def test_authors_type_plain_spaces(name: str) -> None:
    text = (ROOT / f"notebooks/src/{name}.py").read_text(encoding="utf-8")
    assert not re.search(f"[{NO_BREAK}{NARROW}]", text)


# --- Sources


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks of one's own."""
    (tmp_path / "src").mkdir()
    monkeypatch.setattr(ipynb, "FOLDER", tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "04_tasks") -> None:
    (folder / "src" / f"{name}.py").write_text(text, encoding="utf-8")
    ipynb.write([name])


LITTLE = """\
# %% [markdown] id="a" lang="en"
# # A
#
# See [lesson 4](../lessons/04_tasks.md#result).

# %% [markdown] id="a" lang="fr"
# # A
#
# Voyez la [leçon 4](../lessons/04_tasks.md#result) !

# %% id="turn" tags=["your-turn"]
answer = ...

# %% id="turn-solution" tags=["solution"]
answer = 10
"""


def test_each_language_gets_its_own_prose_and_the_same_code(folder: Path) -> None:
    write(folder, LITTLE)
    for language, word in (("en", "lesson 4"), ("fr", "leçon 4")):
        prose, turn, solution = ipynb.load("04_tasks", language)["cells"]
        assert word in prose["source"]
        assert turn["source"] == "answer = ..." and solution["source"] == "answer = 10"
    assert f"){NARROW}!" in ipynb.path("04_tasks", "fr").read_text(encoding="utf-8")


def test_a_solution_is_folded_away_until_it_is_asked_for(folder: Path) -> None:
    write(folder, LITTLE)
    cell = json.loads(ipynb.path("04_tasks", "en").read_text())["cells"][-1]
    text = "".join(cell["source"])
    assert cell["cell_type"] == "markdown"
    assert text.startswith("<details><summary>Show a solution</summary>") and "answer = 10" in text


def test_a_link_leads_to_where_the_pages_are_served(folder: Path) -> None:
    write(folder, LITTLE)
    text = ipynb.path("04_tasks", "fr").read_text(encoding="utf-8")
    assert "(http://127.0.0.1:8080/fr/lessons/04_tasks/#result)" in text


def test_writing_twice_changes_nothing(folder: Path) -> None:
    write(folder, LITTLE)
    before = ipynb.path("04_tasks", "en").read_bytes()
    write(folder, LITTLE)
    assert ipynb.path("04_tasks", "en").read_bytes() == before


@pytest.mark.parametrize("wrong", [LITTLE.replace('id="turn-s', 'id="'), LITTLE + "# %%\n1\n"])
def test_a_cell_without_an_id_of_its_own_is_an_error(folder: Path, wrong: str) -> None:
    wrong = wrong.replace('id="olution"', 'id="turn"')
    with pytest.raises(ValueError, match="id"):
        write(folder, wrong)


# --- Running them


def test_prose_does_not_count_for_the_results_and_code_does(folder: Path) -> None:
    write(folder, LITTLE)
    before = execution.state("04_tasks", "en")
    write(folder, LITTLE.replace("# # A", "# # Another"))
    assert execution.state("04_tasks", "en") == before
    write(folder, LITTLE.replace("answer = 10", "answer = 11"))
    assert execution.state("04_tasks", "en") != before


def test_an_edit_of_the_lesson_makes_the_results_old(monkeypatch: pytest.MonkeyPatch) -> None:
    before = execution.state("04_tasks", "en")
    assert execution.state("04_tasks", "fr") != before
    files = catalogue.Snapshot.files
    monkeypatch.setattr(catalogue.Snapshot, "files", lambda lesson: files(lesson)[1:])
    assert execution.state("04_tasks", "en") != before


@pytest.fixture
def results(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Results of one's own."""
    monkeypatch.setattr(execution, "KEPT", tmp_path / "kept")
    monkeypatch.setenv("COURSE_STATE", str(tmp_path / "state"))
    yield tmp_path / "kept"


def test_results_are_used_again_until_something_changes(folder: Path, results: Path) -> None:
    write(folder, LITTLE)
    both = [("04_tasks", "en"), ("04_tasks", "fr")]
    assert execution.execute() == both
    assert execution.execute() == []
    write(folder, LITTLE.replace("answer = 10", "answer = 11"))
    assert execution.executed("04_tasks", "en") is None
    assert execution.execute() == both


def test_notebooks_are_run_where_an_event_loop_runs_already(
    folder: Path, results: Path, browser: Browser
) -> None:
    asyncio.get_running_loop()  # Playwright's
    write(folder, LITTLE)
    assert execution.execute() == [("04_tasks", "en"), ("04_tasks", "fr")]


def test_a_cell_that_fails_is_told_and_leaves_no_results(folder: Path, results: Path) -> None:
    write(folder, LITTLE.replace("answer = 10", "assert 1 == 2"))
    with pytest.raises(execution.ExecutionError, match=r"en/04_tasks: (?s:.*)assert 1 == 2"):
        execution.execute()
    assert execution.executed("04_tasks", "en") is None


@pytest.fixture(scope="session")
def executed() -> None:
    """Every notebook has been run: in this run of the tests, or since it last changed."""
    execution.execute()


def outputs(cell: dict[str, Any]) -> str:
    """What a cell printed and showed, as text."""
    data = (one.get("data", {"text/plain": one.get("text", "")}) for one in cell["outputs"])
    return "\n".join("".join(one.get("text/plain", "")) for one in data)


@in_each_language
def test_a_notebook_runs_from_top_to_bottom(name: str, language: str, executed: None) -> None:
    notebook = execution.executed(name, language)
    assert notebook
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {one["output_type"] for cell in code for one in cell["outputs"]}
    assert "error" not in kinds


@in_each_language
def test_a_turn_is_not_right_as_it_is_given_and_right_as_solved(
    name: str, language: str, executed: None
) -> None:
    notebook = execution.executed(name, language)
    assert notebook
    say = texts(language)
    # Its beginning is the same when the answer fails and when it is wrong.
    not_yet = say["turn_not_yet"].split(".")[0]
    for cell in notebook["cells"]:
        said = outputs(cell).splitlines() if cell["cell_type"] == "code" else []
        if "your-turn" in tags(cell):
            assert any(line.startswith(not_yet) for line in said), cell["id"]
            assert say["turn_right"] not in said, cell["id"]
        elif "solution" in tags(cell):
            assert say["turn_right"] in said, cell["id"]


@in_each_language
def test_results_tell_nothing_of_the_machine(name: str, language: str, executed: None) -> None:
    text = json.dumps(execution.executed(name, language))
    for private in (str(ROOT), str(Path.home()) + "/", f"@{platform.node()}"):
        assert private not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_timelines_are_drawn_with_their_text_alternative(language: str, executed: None) -> None:
    notebook = execution.executed("06_workers", language)
    assert notebook
    html = [
        "".join(one["data"]["text/html"])
        for cell in notebook["cells"]
        for one in cell.get("outputs", [])
        if "text/html" in one.get("data", {})
    ]
    drawn = [one for one in html if "<svg" in one]
    assert len(drawn) >= 3
    word = texts(language)["timeline_process"].split(" ")[0]
    for one in drawn:
        assert re.search(rf'<svg role="img" aria-label="[^"]*{word}', one)
        assert f"<summary>{texts(language)['timeline_in_words']}</summary>" in one
