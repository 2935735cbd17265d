"""Each symptom comes about as its page says: the words shown are the words that come."""

import inspect
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from learner.matching import begins, is_literal
from symptoms import flower, results, shutdown, starting, task, view, worker
from symptoms.lab import Lab, Log

from course.catalogue import ROOT

pytestmark = pytest.mark.reuse("docs/en/symptoms.md", "docs/fr/symptoms.md")

GROUPS = [starting, worker, task, view, results, flower, shutdown]

HEADING = re.compile(r"^### .+ \{#(?P<id>[a-z0-9-]+)\}$", re.MULTILINE)
SHOWN = re.compile(r"^``` \{\.text \.shown\}\n(.+?)\n```$", re.MULTILINE | re.DOTALL)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LABELS = {"en": ["Cause", "Fix", "Test"], "fr": ["Cause", "Remède", "Test"]}
PATIENCE = 20  # seconds, for what comes in the log of a process that runs on


def page(language: str) -> str:
    return (ROOT / "docs" / language / "symptoms.md").read_text(encoding="utf-8")


def sections(language: str) -> dict[str, str]:
    """Of each symptom on the page, what is under its heading."""
    _, *rest = re.split(r"^(?=##)", page(language), flags=re.MULTILINE)
    found: dict[str, str] = {}
    for section in rest:
        if heading := HEADING.match(section):
            assert heading["id"] not in found
            found[heading["id"]] = section
    return found


def reproductions() -> dict[str, Callable[[Lab], str | Log]]:
    """What brings a symptom about, under its id."""
    return {
        name.replace("_", "-"): function
        for group in GROUPS
        for name, function in vars(group).items()
        if inspect.isfunction(function)
        and function.__module__ == group.__name__
        and not name.startswith("_")
    }


SECTIONS, REPRODUCTIONS = sections("en"), reproductions()


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    yield shared_lab
    shared_lab.tidy()


def comes(shown: str, text: str) -> bool:
    """Whether the lines shown come one after the other in the text."""
    lines = COLOURS.sub("", text).splitlines()
    return begins(["…", *shown.splitlines()], lines) is not None


@pytest.mark.parametrize("name", sorted(SECTIONS.keys() | REPRODUCTIONS.keys()))
def test_symptom(name: str, lab: Lab) -> None:
    assert name in SECTIONS, "reproduced, but not on the page"
    assert name in REPRODUCTIONS, "on the page, but not reproduced"
    [shown] = SHOWN.findall(SECTIONS[name])
    assert any(map(is_literal, shown.splitlines()))

    came = REPRODUCTIONS[name](lab)

    deadline = time.monotonic() + PATIENCE
    while isinstance(came, Log) and not comes(shown, came.read()) and time.monotonic() < deadline:
        time.sleep(0.02)
    text = came.read() if isinstance(came, Log) else came
    assert comes(shown, text), f"It is shown:\n{shown}\n\nIt came:\n{text}"


@pytest.mark.parametrize("language, labels", LABELS.items())
def test_each_symptom_has_a_cause_and_a_remedy_and_names_its_test(
    language: str, labels: list[str]
) -> None:
    found = sections(language)

    assert found.keys() == SECTIONS.keys()
    for name, section in found.items():
        told = re.findall(r"^\*\*(.+?)\.\*\* \S", section, re.MULTILINE)
        assert told == labels, name
        assert f"`tests/{Path(__file__).name}::{test_symptom.__name__}[{name}]`" in section


@pytest.mark.parametrize("language", LABELS)
def test_the_list_by_group_names_every_symptom_in_order(language: str) -> None:
    contents, _, _ = page(language).partition("\n## ")[2].partition("\n## ")
    groups = re.findall(r"^## .+ \{#([a-z]+)\}$", page(language), re.MULTILINE)[1:]
    linked = re.findall(r"\]\(#([a-z0-9-]+)\)", contents)

    assert [one for one in linked if one not in groups] == list(SECTIONS)
    assert [one for one in linked if one in groups] == groups


@pytest.mark.parametrize(
    "shown, text, whether",
    [
        ("an error", "before\nan error\nafter", True),
        ("an error", "another error", False),
        ("an error", "an error: why", False),
        ("an error…", "an error: why", True),
        ("first\nlast", "first\nmore\nlast", False),
        ("first\n…\nlast", "first\nmore\nlast", True),
        ("an error", "\x1b[31man error\x1b[0m  ", True),
        ("an error", "", False),
    ],
)
def test_what_is_shown_must_come_line_by_line(shown: str, text: str, whether: bool) -> None:
    assert comes(shown, text) is whether
