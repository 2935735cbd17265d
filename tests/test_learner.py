"""The lesson pages, followed to the letter by the machine learner, which is itself put to the test.

A result that depends on nothing that has changed is used again: the output says which.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from learner import mutations
from learner.blocks import Block, differences, parse
from learner.cache import key, once
from learner.run import Report, follow_blocks, page_name
from learner.tree import snapshot_tree
from reuse import REUSED

from course.catalogue import ROOT, Snapshot, snapshots

Kept = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]

LANGUAGES = ["en", "fr"]
LESSONS = {s.path.name: s for s in snapshots() if s.path.parent.name == "lessons"}
# Those whose pages take the least time first.
CHEAPEST = sorted(LESSONS, key=lambda name: ("2341567".index(name[1]), name))

lessons = pytest.mark.parametrize("lesson", LESSONS)
languages = pytest.mark.parametrize("language", LANGUAGES)


@cache
def page(site: Path, lesson: str, language: str) -> list[Block]:
    """The blocks of a built page."""
    built = site / language / "lessons" / lesson / "index.html"
    name = page_name(LESSONS[lesson], language)
    blocks = parse(built.read_text(encoding="utf-8"), name)
    assert blocks, f"{name} has no blocks"
    return blocks


@pytest.fixture
def kept(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Kept:
    """Do something whose result depends on the content in `key` alone, or use it again."""

    def run(key: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        result, reused = once(key, do, again=request.config.getoption("again"))
        record_property(REUSED, reused)
        return result

    return run


@lessons
@languages
def test_a_page_is_followed_and_ends_in_its_snapshot(site, lesson, language, kept, record_property):
    """In one language the learner is put to the test on the way: the blocks are the same."""
    blocks, snapshot, probe = page(site, lesson, language), LESSONS[lesson], language == "en"

    def do() -> dict[str, Any]:
        report = follow_blocks(blocks, snapshot, language, probe)
        assert not report.failures, f"\n{report}"
        assert report.probes == (mutations.probes(blocks) if probe else 0)
        return {"alterations refused": report.probes} if probe else {}

    for name, value in kept(key(blocks, snapshot, language, probe), do).items():
        record_property(name, value)


@lessons
def test_both_languages_have_the_same_blocks(site, lesson):
    english, french = (page(site, lesson, language) for language in LANGUAGES)
    assert list(differences(english, french)) == []


@lessons
@languages
def test_a_block_that_one_language_lacks_is_named(site, lesson, language):
    (other,) = {*LANGUAGES} - {language}
    blocks, others = page(site, lesson, language), page(site, lesson, other)
    for place, block in enumerate(others):
        shorter = [*blocks[:place], *blocks[place + 1 :]]
        names = [str(one) for one in others if one.key() == block.key()]
        found = "\n".join(differences(shorter, others))
        assert any(name in found for name in names), f"{block} is not missed"


@lessons
def test_an_altered_or_missing_line_of_code_is_named(site, lesson):
    blocks, snapshot = page(site, lesson, "en"), LESSONS[lesson]
    wanted = snapshot_tree(snapshot)
    start = mutations.beginning(blocks, snapshot)
    assert mutations.replay(blocks, start, wanted) == []
    altered = 0
    for other, block in mutations.files_altered(blocks):
        found = "\n".join(mutations.replay(other, start, wanted))
        assert str(block) in found, f"not named: {block}\n{block.text}"
        altered += 1
    for place, block in enumerate(blocks):
        if block.kind in ("file", "change") and not block.part:
            found = "\n".join(mutations.replay(blocks[:place] + blocks[place + 1 :], start, wanted))
            assert str(block.title) in found, f"not missed: {block}"
            altered += 1
    assert altered


@lessons
def test_a_line_missing_in_a_snapshot_is_named_with_the_block_that_writes_it(site, lesson):
    blocks, snapshot = page(site, lesson, "en"), LESSONS[lesson]
    wanted = snapshot_tree(snapshot)
    start = mutations.beginning(blocks, snapshot)
    written = {b.title: str(b) for b in blocks if b.kind in ("file", "change") and not b.part}
    for path, contents in wanted.items():
        lines = contents.splitlines(keepends=True)
        for index in range(len(lines)):
            less = b"".join(lines[:index] + lines[index + 1 :])
            found = mutations.replay(blocks, start, {**wanted, path: less})
            assert [one.startswith(f"{path}: ") for one in found] == [True], (path, lines[index])
            assert written.get(path, "no block writes it") in found[0]


def last(
    blocks: list[Block], alter: Callable[[Block], Block | None], kind: str, part: str | None
) -> tuple[list[Block], Block] | None:
    """The page with the last block of a kind, in a part or in none, altered."""
    for place in range(len(blocks) - 1, -1, -1):
        block = blocks[place]
        if block.kind == kind and block.part == part and (altered := alter(block)):
            return [*blocks[:place], altered, *blocks[place + 1 :]], altered
    return None


def code_altered(block: Block) -> Block:
    return replace(block, text=f"{block.text}# Altered.\n")


def context_altered(block: Block) -> Block | None:
    context = [line for line in block.lines if line.startswith(" ") and line.strip()]
    if not context:
        return None
    return replace(block, text=block.text.replace(context[-1], f"{context[-1]} # altered"))


@pytest.mark.parametrize(
    ("kind", "part", "alter"),
    [
        ("file", None, code_altered),
        ("change", None, context_altered),
        ("terminal", None, mutations.command_altered),
        ("terminal", None, mutations.output_altered),
        ("browser", None, mutations.output_altered),
        ("terminal", "break", mutations.output_altered),
        ("change", "break", context_altered),
    ],
)
def test_an_altered_page_fails_as_a_whole_and_names_its_block(site, kind, part, alter, kept):
    for lesson in CHEAPEST:
        blocks = page(site, lesson, "en")
        if found := last(blocks, alter, kind, part):
            break
    else:
        pytest.fail(f"no page has such a block: {kind} {part}")
    altered, block = found

    def do() -> dict[str, Any]:
        report = follow_blocks(altered, LESSONS[lesson], "en")
        assert_named(report, block)
        return {}

    kept(key(altered, LESSONS[lesson], "altered"), do)


def assert_named(report: Report, block: Block) -> None:
    assert report.failures, f"{block} was altered, and nobody noticed"
    assert str(block) in report.failures[0], f"not {block}, but:\n{report}"


def test_a_snapshot_without_one_of_its_lines_is_not_reached(site, tmp_path, kept):
    lesson = CHEAPEST[0]
    shutil.copytree(ROOT / "lessons", tmp_path / "lessons")
    snapshot = Snapshot(tmp_path / "lessons" / lesson)
    block = next(b for b in page(site, lesson, "en") if b.kind in ("file", "change"))
    file = snapshot.path / str(block.title)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))

    def do() -> dict[str, Any]:
        report = follow_blocks(page(site, lesson, "en"), snapshot, "en")
        assert_named(report, block)
        return {}

    kept(key(page(site, lesson, "en"), snapshot, "less"), do)
