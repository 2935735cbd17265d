"""The chain of snapshots: each is its base plus its own step, and nothing else."""

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from course import catalogue
from course.catalogue import Snapshot
from course.messages import LANGUAGES

pytestmark = pytest.mark.reuse()

SNAPSHOTS = catalogue.snapshots()
FOLDERS = [path for kind in ("lessons", "recipes") for path in catalogue.ROOT.glob(f"{kind}/*")]

# Paths of somebody's machine, addresses that are neither this host's nor for documentation.
MACHINE = re.compile(
    r"(?<![\w.])/(?:home|root|Users|work|tmp|private|mnt)/\w+"
    r"|[A-Z]:\\\w+"
    r"|(?<![\d.])(?!127\.|0\.0\.0\.0|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)"
    r"(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"
)

every_snapshot = pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda snapshot: snapshot.name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_folder_says_what_it_is(folder: Path):
    about = tomllib.loads((folder / "lesson.toml").read_text(encoding="utf-8"))
    for texts in (about["title"], about["summary"]):
        assert {language for language, text in texts.items() if text.strip()} == set(LANGUAGES)
    assert isinstance(about["minutes"], int)
    assert about["minutes"] > 0


@every_snapshot
def test_each_lesson_follows_the_last_and_each_recipe_the_lessons(snapshot: Snapshot):
    lessons = [it for it in SNAPSHOTS if it.path.parent.name == "lessons"]
    position = lessons.index(snapshot) if snapshot in lessons else len(lessons)
    assert snapshot.base == (lessons[position - 1] if position else None)


@every_snapshot
def test_no_file_was_made_by_a_run(snapshot: Snapshot):
    paths = (path.relative_to(snapshot.path) for path in snapshot.path.rglob("*"))
    assert [path for path in paths if catalogue.made_by_a_run(PurePosixPath(path))] == []


@every_snapshot
def test_every_source_compiles(snapshot: Snapshot):
    for path in snapshot.path.rglob("*.py"):
        compile(path.read_bytes(), path, "exec")


@every_snapshot
def test_nothing_names_a_machine(snapshot: Snapshot):
    found = []
    for path in snapshot.files():
        text = (snapshot.path / path).read_bytes().decode(errors="replace")
        found += [f"{path}: {match.group()}" for match in MACHINE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "name", ["05_views", "lessons/05_views", "./lessons/05_views/", "views", "05", "5"]
)
def test_a_lesson_is_found_by_each_of_its_names(name: str):
    assert catalogue.find(name).name == "lessons/05_views"


@pytest.mark.parametrize("name", ["", "/", "0", "55", "recipes/05_views", "lessons", ".."])
def test_what_names_no_lesson_finds_none(name: str):
    with pytest.raises(catalogue.UnknownSnapshot, match="07_flower"):
        catalogue.find(name)


def test_a_recipe_is_found_by_its_whole_name_alone(tmp_path: Path):
    for name in ("recipes/welcome_email", "recipes/reminders"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "lesson.toml").touch()
    assert catalogue.find("welcome_email", tmp_path).name == "recipes/welcome_email"
    for name in ("email", "welcome", ""):
        with pytest.raises(catalogue.UnknownSnapshot):
            catalogue.find(name, tmp_path)
