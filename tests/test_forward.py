"""`course forward` on a small checkout of its own: what it merges, refuses and leaves alone."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import course.forward
from course import catalogue
from course.cli import CourseError
from course.forward import forward

pytestmark = pytest.mark.reuse()

NUMBERS = "".join(f"line {number}\n" for number in range(1, 21))
KILLED_AT = """
import os, signal, sys
from pathlib import Path
from course import catalogue
from course.forward import forward
replace, left = os.replace, [int(sys.argv[2])]
def replace_or_die(*arguments):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*arguments)
os.replace = replace_or_die
forward(catalogue.find("01", Path(sys.argv[1])), Path(sys.argv[1]))
"""


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def folder_state(root: Path) -> dict[str, tuple[int, bytes]]:
    paths = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in paths}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """01_a, 02_b, 03_c in a row, and the recipes one and two that grow from 03_c; committed."""
    root = tmp_path / "the course"
    parents = {"lessons/02_b": "lessons/01_a", "lessons/03_c": "lessons/02_b"}
    parents |= {"recipes/one": "lessons/03_c", "recipes/two": "lessons/03_c"}
    for name in ["lessons/01_a", *parents]:
        base = f'base = "{parents[name]}"\n' if name in parents else ""
        write(root / name / "lesson.toml", f"{base}minutes = 5\n")
        write(root / name / "myapp/views.py", NUMBERS)
        write(root / name / "myapp/empty.py", "")
        write(root / name / "manage.py", "#!/usr/bin/env python\n")
        (root / name / "manage.py").chmod(0o755)
    for name in ["lessons/02_b", "lessons/03_c", "recipes/one", "recipes/two"]:
        edit(root / name / "myapp/views.py", "line 10\n", "line 10, asynchronous\n")
    for name in ["lessons/03_c", "recipes/one", "recipes/two"]:
        edit(root / name / "myapp/views.py", "line 20\n", "line 20\nline 21\n")
    write(root / ".gitignore", ".course/\n*.log\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


@pytest.fixture
def carry(root: Path) -> Callable[..., int]:
    return lambda name="01_a": forward(catalogue.find(name, root), root)


def texts(root: Path, path: str) -> list[str]:
    return [(snapshot.path / path).read_text() for snapshot in catalogue.snapshots(root)]


def test_an_edit_reaches_all_that_grow_from_it(root, carry, capsys):
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    before = texts(root, "myapp/views.py")
    assert carry() == 0
    assert texts(root, "myapp/views.py") == [
        text.replace("line 2\n", "line two\n") for text in before
    ]
    said = capsys.readouterr().out.splitlines()
    names = ["lessons/02_b", "lessons/03_c", "recipes/one", "recipes/two"]
    assert said == [f"changed  {name}/myapp/views.py" for name in names]


def test_what_an_edit_does_not_grow_into_stays(root, carry):
    edit(root / "lessons/02_b/myapp/views.py", "line 2\n", "line two\n")
    before = folder_state(root / "lessons/01_a")
    assert carry("02_b") == 0
    assert folder_state(root / "lessons/01_a") == before
    assert "line two" in (root / "lessons/03_c/myapp/views.py").read_text()


def test_a_second_run_changes_nothing(root, carry, capsys):
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    carry()
    before = folder_state(root)
    capsys.readouterr()
    assert carry() == 0
    assert folder_state(root) == before
    assert capsys.readouterr().out == (
        "Everything that grows from lessons/01_a already has the edit.\n"
    )


def test_without_an_edit_there_is_nothing_to_carry(root, carry, capsys):
    before = folder_state(root)
    assert carry() == 0
    assert capsys.readouterr().out == "lessons/01_a: nothing to carry on.\n"
    assert folder_state(root) == before


def test_a_conflict_stops_and_says_where(root, carry, capsys):
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    edit(root / "lessons/01_a/myapp/views.py", "line 20\n", "the end\n")
    write(root / "lessons/01_a/new.py", "new\n")
    before = folder_state(root)
    assert carry() == 1
    after = folder_state(root)
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {str(root / f"lessons/02_b/{name}") for name in ("myapp/views.py", "new.py")}
    assert capsys.readouterr().out.splitlines() == [
        "changed  lessons/02_b/myapp/views.py",
        "added    lessons/02_b/new.py",
        "Conflict. Nothing was written in lessons/03_c, nor in what grows from it:",
        "  lessons/03_c/myapp/views.py:20-21: both changed it",
        "  lessons/03_c/new.py: no conflict here, but not written either",
        "Make the same edit in lessons/03_c by hand, then go on from there: "
        "`make forward NAME=lessons/03_c`.",
    ]


def test_after_a_conflict_the_rest_is_reached_from_where_it_was_resolved(root, carry):
    edit(root / "lessons/01_a/myapp/views.py", "line 20\n", "the end\n")
    assert carry() == 1
    edit(root / "lessons/03_c/myapp/views.py", "line 20\n", "the end\n")
    assert carry("03_c") == 0
    assert all("the end\n" in text for text in texts(root, "myapp/views.py"))


def test_a_conflict_in_one_recipe_does_not_keep_the_edit_from_the_next(root, carry, capsys):
    edit(root / "recipes/one/myapp/views.py", "line 2\n", "line deux\n")
    git(root, "commit", "-qam", "a recipe's own")
    edit(root / "lessons/03_c/myapp/views.py", "line 2\n", "line two\n")
    assert carry("03_c") == 1
    assert "line deux" in (root / "recipes/one/myapp/views.py").read_text()
    assert "line two" in (root / "recipes/two/myapp/views.py").read_text()
    assert "  recipes/one/myapp/views.py:2: both changed it" in capsys.readouterr().out


def test_a_file_removed_here_and_changed_there_is_a_conflict(root, carry, capsys):
    (root / "lessons/01_a/myapp/views.py").unlink()
    assert carry() == 1
    assert "lessons/02_b/myapp/views.py: changed here, removed" in capsys.readouterr().out
    assert (root / "lessons/02_b/myapp/views.py").exists()


def test_binary_contents_in_conflict_are_named(root, carry, capsys):
    for name, contents in [("01_a", b"\0one"), ("02_b", b"\0two"), ("03_c", b"\0two")]:
        (root / "lessons" / name / "logo.png").write_bytes(contents)
    assert carry() == 1
    assert "  lessons/02_b/logo.png: both changed it, and git cannot" in capsys.readouterr().out
    assert (root / "lessons/02_b/logo.png").read_bytes() == b"\0two"


def test_files_added_removed_renamed_and_made_executable_follow(root, carry, capsys):
    first = root / "lessons/01_a"
    (first / "logo.png").write_bytes(b"\x89PNG\r\n\0\xff\n")
    write(first / "myapp/deep/été à Paris.txt", "chaud\n")
    (first / "myapp/empty.py").unlink()
    (first / "myapp/views.py").rename(first / "myapp/pages.py")
    (first / "manage.py").chmod(0o644)
    assert carry() == 0
    for snapshot in catalogue.snapshots(root)[1:]:
        assert (snapshot.path / "logo.png").read_bytes() == b"\x89PNG\r\n\0\xff\n"
        assert (snapshot.path / "myapp/deep/été à Paris.txt").read_text() == "chaud\n"
        assert not (snapshot.path / "myapp/empty.py").exists()
        assert not (snapshot.path / "myapp/views.py").exists()
        # The child's own step has gone along with the new name.
        assert "asynchronous" in (snapshot.path / "myapp/pages.py").read_text()
        assert not (snapshot.path / "manage.py").stat().st_mode & 0o111
    said = capsys.readouterr().out
    assert "added    lessons/02_b/myapp/deep/été à Paris.txt" in said
    assert "removed  lessons/02_b/myapp/empty.py" in said
    assert "changed  lessons/02_b/manage.py" in said


def test_a_steps_own_files_are_not_carried_and_the_rest_of_its_tests_is(root, carry):
    first = root / "lessons/01_a"
    edit(first / "lesson.toml", "minutes = 5", "minutes = 6")
    own = ["steps/break.patch", "tests/test_views.py", "tests/deep/test_more.py"]
    shared = ["tests/conftest.py", "tests/requirements.txt", "pytest.ini"]
    for path in own + shared:
        write(first / path, "new\n")
    assert carry() == 0
    for snapshot in catalogue.snapshots(root)[1:]:
        assert "minutes = 5" in (snapshot.path / "lesson.toml").read_text()
        assert [path for path in own + shared if (snapshot.path / path).exists()] == shared


def test_a_step_that_drops_one_of_its_own_tests_drops_no_others(root, carry, capsys):
    for name in ("01_a", "02_b"):
        write(root / "lessons" / name / "tests/test_views.py", "same\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "tests")
    (root / "lessons/01_a/tests/test_views.py").unlink()
    assert carry() == 0
    assert capsys.readouterr().out == "lessons/01_a: nothing to carry on.\n"
    assert (root / "lessons/02_b/tests/test_views.py").exists()


def test_what_a_run_made_and_git_ignores_is_not_carried(root, carry, capsys):
    for path in ["db.sqlite3", "worker.log", "myapp/__pycache__/views.pyc", "flower.db.dat"]:
        write(root / "lessons/01_a" / path, "made\n")
    assert carry() == 0
    assert capsys.readouterr().out == "lessons/01_a: nothing to carry on.\n"


@pytest.mark.parametrize("rename", [False, True], ids=["edited", "renamed"])
def test_a_file_that_a_step_removed_does_not_come_back(root, carry, capsys, rename):
    for name in ["lessons/02_b", "lessons/03_c", "recipes/one", "recipes/two"]:
        (root / name / "myapp/views.py").unlink()
    git(root, "commit", "-qam", "02 removes it")
    views = root / "lessons/01_a/myapp/views.py"
    edit(views, "line 2\n", "line two\n")
    if rename:
        views.rename(views.with_name("pages.py"))
    assert carry() == 0
    assert [path.name for path in (root / "lessons/02_b/myapp").iterdir()] == ["empty.py"]
    said = capsys.readouterr().out
    assert f"lessons/02_b has no myapp/{'pages' if rename else 'views'}.py: the edit" in said


def test_an_edit_follows_the_file_that_a_step_renamed(root, carry):
    for name in ["lessons/02_b", "lessons/03_c", "recipes/one", "recipes/two"]:
        git(root, "mv", f"{name}/myapp/views.py", f"{name}/myapp/pages.py")
    git(root, "commit", "-qam", "02 renames it")
    git(root, "config", "merge.renames", "false")
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    assert carry() == 0
    assert "line two\n" in (root / "recipes/two/myapp/pages.py").read_text()


def test_a_childs_own_uncommitted_edits_are_kept(root, carry):
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    edit(root / "lessons/02_b/myapp/views.py", "line 16\n", "line sixteen\n")
    write(root / "lessons/02_b/notes.txt", "mine\n")
    assert carry() == 0
    text = (root / "lessons/02_b/myapp/views.py").read_text()
    assert "line two\n" in text and "line sixteen\n" in text
    assert (root / "lessons/02_b/notes.txt").read_text() == "mine\n"
    # They are edits of 02_b, and 03_c grows from it.
    assert "line sixteen\n" in (root / "lessons/03_c/myapp/views.py").read_text()


def test_the_users_git_is_as_before(root, carry, monkeypatch, tmp_path):
    """Index, branch, stash, configuration, objects: with something staged, and no identity."""
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    git(root, "stash")
    git(root, "stash", "apply")
    git(root, "add", "lessons/01_a")
    edit(root / "lessons/01_a/myapp/views.py", "line 3\n", "line three\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_INDEX_FILE"):  # as another checkout's hook sets them
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    before = {path: path.read_bytes() for path in (root / ".git").rglob("*") if path.is_file()}
    assert carry() == 0
    after = {path: path.read_bytes() for path in (root / ".git").rglob("*") if path.is_file()}
    assert after == before
    assert "line three\n" in (root / "recipes/two/myapp/views.py").read_text()
    assert list((root / ".course").iterdir()) == []


def test_a_course_below_the_top_of_its_checkout_works(root, tmp_path):
    outer = tmp_path / "outer: 1"
    (outer / "sub folder").mkdir(parents=True)
    (root / ".git").rename(outer / ".git")
    root = root.rename(outer / "sub folder/course")
    for name in ["lessons/02_b", "lessons/03_c", "recipes/one", "recipes/two"]:
        (root / name / "myapp/views.py").unlink()
    git(outer, "add", ".")
    git(outer, "commit", "-qm", "moved; 02 removes a file")
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    write(root / "lessons/01_a/new.py", "new\n")
    assert forward(catalogue.find("01", root), root) == 0
    assert (root / "recipes/two/new.py").read_text() == "new\n"
    assert not (root / "lessons/02_b/myapp/views.py").exists()


@pytest.mark.parametrize("moves", range(4))
def test_a_run_killed_while_it_writes_is_completed_by_the_next(root, carry, moves):
    first = root / "lessons/01_a"
    (first / "myapp/views.py").rename(first / "myapp/pages.py")
    edit(first / "myapp/pages.py", "line 2\n", "line two\n")
    write(first / "new.py", "new\n")
    command = [sys.executable, "-c", KILLED_AT, str(root), str(moves)]
    assert subprocess.run(command).returncode == -9
    assert carry() == 0
    for snapshot in catalogue.snapshots(root)[1:]:
        names = sorted(path.name for path in (snapshot.path / "myapp").iterdir())
        assert names == ["empty.py", "pages.py"]
        text = (snapshot.path / "myapp/pages.py").read_text()
        assert "line two\n" in text and "asynchronous\n" in text
        assert (snapshot.path / "new.py").read_text() == "new\n"


def test_nothing_is_written_when_git_fails_at_the_last_merge(root, carry, monkeypatch):
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    before = folder_state(root)
    merge, left = course.forward._merge, [3]

    def failing(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise CourseError("git failed")
        return merge(*arguments)

    monkeypatch.setattr(course.forward, "_merge", failing)
    with pytest.raises(CourseError):
        carry()
    assert folder_state(root) == before


def no_checkout(root: Path) -> None:
    (root / ".git").rename(root / "git")


def no_commit(root: Path) -> None:
    no_checkout(root)
    git(root, "init", "-q")


def unmerged(root: Path) -> None:
    edit(root / "lessons/02_b/lesson.toml", "minutes = 5", "minutes = 6")
    git(root, "stash")
    edit(root / "lessons/02_b/lesson.toml", "minutes = 5", "minutes = 7")
    git(root, "commit", "-qam", "seven")
    subprocess.run(["git", "stash", "pop"], cwd=root, capture_output=True)


def bad_toml(root: Path) -> None:
    write(root / "lessons/03_c/lesson.toml", "base = \n")


def never_committed(root: Path) -> None:
    git(root, "rm", "-rq", "--cached", "lessons/01_a")
    git(root, "commit", "-qm", "without the first")


def old_git(root: Path) -> None:
    write(root / "bin/git", "#!/bin/sh\necho git version 2.37.9\n")
    (root / "bin/git").chmod(0o755)


def no_git(root: Path) -> None:
    (root / "bin").mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_checkout, "git cannot work in"),
        (no_commit, "there is none yet"),
        (unmerged, "A merge has left lessons/02_b/lesson.toml in conflict"),
        (bad_toml, "lessons/03_c/lesson.toml cannot be read: "),
        (never_committed, "lessons/01_a is not in the last commit"),
        (old_git, "This needs git 2.38 or newer; here there is: git version 2.37.9."),
        (no_git, "git is not installed"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_it_cannot_do_is_one_sentence(root, carry, monkeypatch, spoil, said):
    edit(root / "lessons/01_a/myapp/views.py", "line 2\n", "line two\n")
    spoil(root)
    if (root / "bin").exists():
        monkeypatch.setenv("PATH", f"{root}/bin")
    before = folder_state(root)
    with pytest.raises(CourseError) as raised:
        carry()
    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.exit_code == 2
    assert folder_state(root) == before
