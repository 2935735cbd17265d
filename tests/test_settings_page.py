"""The page on settings has each setting that the lessons use, no other, and says the truth."""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import flower.options  # noqa: F401 - tells Tornado which options there are
import pytest
from celery.app.defaults import DEFAULTS
from celery.app.task import Task
from celery.backends.base import Backend
from kombu import Connection
from kombu.transport.redis import Channel
from tornado.options import options

from course.catalogue import ROOT, Snapshot, find, snapshots

LINES = {
    "en": ["What it does:", "Default:", "Without it:", "What it costs:"],
    "fr": ["Rôle", "Par défaut", "Sans lui", "Coût"],
}
LEAVE_ALONE = "leave-alone"

TRANSPORT = "CELERY_BROKER_TRANSPORT_OPTIONS"
RESULTS = "CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS"

each_language = pytest.mark.parametrize("language", LINES)


# What the lessons use.


@dataclass(frozen=True)
class Setting:
    """A setting as a snapshot sets it; `value` is None where it is worked out at run time."""

    anchor: str
    name: str
    value: Any
    default: Any


@functools.cache
def settings_of(snapshot: Snapshot) -> dict[str, Setting]:
    """The settings of a snapshot, by their anchor on the page."""
    makers: tuple[Callable[[Snapshot], Iterator[Setting]], ...] = (
        of_django,
        of_workers,
        of_tasks,
        of_flower,
    )
    return {setting.anchor: setting for maker in makers for setting in maker(snapshot)}


def of_django(snapshot: Snapshot) -> Iterator[Setting]:
    for name, node in assigned(snapshot, "myproject/settings.py"):
        if not name.startswith("CELERY_"):
            continue
        value = literal(node)
        default = DEFAULTS[name.removeprefix("CELERY_").lower()]
        yield Setting(dashed(name), name, value, default)
        if name in (TRANSPORT, RESULTS):
            for key, inner in value.items():
                yield Setting(dashed(key), key, inner, default_of_key(name, key))


def default_of_key(setting: str, key: str) -> Any:
    if setting == RESULTS:
        return getattr(Backend, key)
    if hasattr(Channel, key):
        return getattr(Channel, key)
    # What is no option of Redis is one of every connection.
    return inspect.signature(Connection._ensure_connection).parameters[key].default


def of_workers(snapshot: Snapshot) -> Iterator[Setting]:
    for name, node in assigned(snapshot, "myproject/celery.py"):
        if name.startswith("conf."):
            name = name.removeprefix("conf.")
            yield Setting(dashed(name), name, literal(node), DEFAULTS[name])


def of_tasks(snapshot: Snapshot) -> Iterator[Setting]:
    for node in ast.walk(tree(snapshot, "myapp/tasks.py")):
        match node:
            case ast.Call(func=ast.Name("shared_task"), keywords=keywords):
                for keyword in keywords:
                    name = str(keyword.arg)
                    value = literal(keyword.value)
                    yield Setting(f"task-{dashed(name)}", name, value, getattr(Task, name))


def of_flower(snapshot: Snapshot) -> Iterator[Setting]:
    for name, node in assigned(snapshot, "flowerconfig.py"):
        if name in options:
            yield Setting(f"flower-{dashed(name)}", name, literal(node), options[name])


def tree(snapshot: Snapshot, path: str) -> ast.Module:
    file = snapshot.path / path
    return ast.parse(file.read_text(encoding="utf-8") if file.exists() else "")


def assigned(snapshot: Snapshot, path: str) -> Iterator[tuple[str, ast.expr]]:
    """What a file sets, at whichever depth: name or "object.attribute", and the value."""
    for node in ast.walk(tree(snapshot, path)):
        match node:
            case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
                yield ast.unparse(target), value


def literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def dashed(name: str) -> str:
    return name.lower().replace("_", "-")


def first_lesson(anchor: str) -> str:
    """The folder of the first snapshot that has this setting."""
    return next(one.path.name for one in snapshots() if anchor in settings_of(one))


FINISHED = settings_of(find("07_flower"))
each_setting = pytest.mark.parametrize("anchor", FINISHED)


# What the page says.


def page(language: str) -> str:
    return (ROOT / "docs" / language / "settings.md").read_text(encoding="utf-8")


def sections(language: str) -> dict[str, str]:
    """Heading and text of each section on one setting, by anchor."""
    found = re.split(r"^### (.*) \{#([a-z-]+)\}$", page(language), flags=re.MULTILINE)
    headings, anchors, texts = found[1::3], found[2::3], found[3::3]
    ended = [re.split(r"^## ", text, flags=re.MULTILINE)[0] for text in texts]
    return {
        anchor: f"{heading}\n{text}"
        for heading, anchor, text in zip(headings, anchors, ended, strict=True)
    }


def table(language: str) -> dict[str, list[str]]:
    """The cells of each row of the overview, by the anchor that it leads to."""
    rows = re.findall(r"^\| \[`\w+`\]\(#([a-z-]+)\)(.* \|)$", overview(language), re.MULTILINE)
    return {anchor: [cell.strip() for cell in rest.split("|")] for anchor, rest in rows}


def overview(language: str) -> str:
    return page(language).split("{#overview}")[1].split("\n## ")[0]


def in_code(text: str) -> Any:
    """The first piece of code in a text, as a value of Python."""
    code = re.search(r"`(.+?)`", text)
    assert code, f"no code in {text!r}"
    return ast.literal_eval(code[1])


@each_language
def test_every_setting_of_the_finished_lesson_has_a_section_and_no_other_has(language: str):
    assert sections(language).keys() == FINISHED.keys()


@each_language
def test_the_overview_leads_to_every_section_in_order(language: str):
    assert list(table(language)) == list(sections(language))


@each_language
@each_setting
def test_a_section_is_headed_by_its_setting(anchor: str, language: str):
    heading = sections(language)[anchor].splitlines()[0]
    assert heading.split("`")[1] == FINISHED[anchor].name


@each_language
@each_setting
def test_each_section_has_the_same_four_lines(anchor: str, language: str):
    labels = re.findall(r"^- \*\*(.+?)\*\*", sections(language)[anchor], re.MULTILINE)
    assert labels == LINES[language]


@each_language
@each_setting
def test_the_default_is_celerys_own(anchor: str, language: str):
    label = re.escape(LINES[language][1])
    line = re.search(rf"^- \*\*{label}\*\*(.+)$", sections(language)[anchor], re.MULTILINE)
    assert line
    default = FINISHED[anchor].default
    # Celery has a tuple where settings have a list.
    expected = list(default) if isinstance(default, tuple) else default
    assert repr(in_code(line[1])) == repr(expected)


@each_language
@each_setting
def test_the_value_in_the_overview_is_the_lessons(anchor: str, language: str):
    setting = FINISHED[anchor]
    cell = table(language)[anchor][1]
    if setting.value is None or setting.name in (TRANSPORT, RESULTS):
        assert "`" not in cell
    else:
        assert repr(in_code(cell)) == repr(setting.value)


@each_language
@each_setting
def test_the_lesson_named_is_the_first_to_have_the_setting(anchor: str, language: str):
    folder = first_lesson(anchor)
    number = str(int(folder[:2]))
    assert table(language)[anchor][2] == f"[{number}](lessons/{folder}.md)"
    link = re.search(r"\[\w+ (\d)\]\(lessons/(\w+)\.md", sections(language)[anchor])
    assert link and link.groups() == (number, folder)


@each_language
def test_the_settings_to_leave_alone_are_not_used(language: str):
    rows = page(language).split(f"{{#{LEAVE_ALONE}}}")[1]
    named = re.findall(r"^\| `(?:CELERY_)?(\w+)", rows, re.MULTILINE)
    assert named
    used = {setting.name for setting in FINISHED.values()}
    assert not {f"CELERY_{name.upper()}" for name in named} & used


@each_language
def test_every_test_that_is_named_exists(language: str):
    named = re.findall(r"`((?:tests|lessons)/[\w/]+\.py)::(\w+)`", page(language))
    assert named
    for path, name in named:
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_both_languages_have_the_same_sections_in_the_same_order():
    assert list(sections("fr")) == list(sections("en"))
