"""`course diff`: the patch it prints makes the step out of the base."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course import catalogue
from course.catalogue import Snapshot
from course.cli import CourseError
from course.diff import diff

pytestmark = pytest.mark.reuse()

SNAPSHOTS = catalogue.snapshots()


def printed(snapshot: Snapshot) -> bytes:
    command = [sys.executable, "-c", "from course.cli import main; main()", "diff", snapshot.name]
    return subprocess.run(command, check=True, capture_output=True).stdout


def project(snapshot: Snapshot) -> dict[str, tuple[bytes, bool]]:
    """The learner's files: contents, and whether they can be run."""
    return contents(snapshot.path, [str(path) for path in snapshot.learners_files()])


def contents(folder: Path, paths: list[str]) -> dict[str, tuple[bytes, bool]]:
    return {
        path: ((folder / path).read_bytes(), os.access(folder / path, os.X_OK)) for path in paths
    }


def make(folder: Path, files: dict[str, tuple[bytes, bool]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path, (text, runs) in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
        (folder / path).chmod(0o755 if runs else 0o644)


def apply(patch: bytes, folder: Path) -> dict[str, tuple[bytes, bool]]:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    subprocess.run(["git", "apply"], input=patch, cwd=folder, env=environment, check=True)
    found = [path for path in folder.rglob("*") if path.is_file()]
    return contents(folder, [str(path.relative_to(folder)) for path in found])


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda snapshot: snapshot.name)
def test_the_patch_applied_in_the_base_makes_the_step(tmp_path, snapshot):
    make(tmp_path / "mysite", project(snapshot.base) if snapshot.base else {})
    assert apply(printed(snapshot), tmp_path / "mysite") == project(snapshot)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Snapshot, Snapshot]:
    """A base and a step with all that a patch can hold."""
    for name in ("01_a", "02_b"):
        make(tmp_path / "course/lessons" / name / "tests", {"test_a.py": (name.encode(), False)})
    base, step = (Snapshot(tmp_path / "course/lessons" / name) for name in ("01_a", "02_b"))
    (base.path / "lesson.toml").write_text("minutes = 5\n")
    (step.path / "lesson.toml").write_text('base = "lessons/01_a"\n')
    make(base.path, {"gone.py": (b"a\nb\nc\n", False), "manage.py": (b"run\n", False)})
    make(step.path, {"new name é.py": (b"a\nb\nc\n", False), "manage.py": (b"run\n", True)})
    make(step.path, {"empty.py": (b"", False), "no_newline.py": (b"x = 1", False)})
    make(step.path, {"colour.txt": (b"\x1b[31mred\x1b[0m\r\n\xff\n", False)})
    make(step.path, {"logo.png": (b"\x89PNG\r\n\0\xff\n", False)})
    return base, step


def test_added_removed_renamed_executable_and_binary_files_are_in_the_patch(
    tmp_path, pair, capfdbinary
):
    base, step = pair
    assert diff(step) == 0
    make(tmp_path / "mysite", project(base))
    assert apply(capfdbinary.readouterr().out, tmp_path / "mysite") == project(step)


def test_the_first_snapshot_is_all_new(pair, capfdbinary):
    diff(pair[0])
    patch = capfdbinary.readouterr().out
    assert patch.count(b"new file mode") == patch.count(b"diff --git") == 2


def test_tests_and_metadata_are_left_out(pair, capfdbinary):
    diff(pair[1])
    patch = capfdbinary.readouterr().out
    assert b"lesson.toml" not in patch
    assert b"tests/" not in patch


def test_the_readers_git_settings_do_not_change_the_patch(tmp_path, pair, capfdbinary, monkeypatch):
    diff(pair[1])
    plain = capfdbinary.readouterr().out
    settings = "[diff]\nexternal = false\nmnemonicPrefix = true\n[color]\nui = always\n"
    (tmp_path / ".gitconfig").write_text(settings)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    diff(pair[1])
    assert capfdbinary.readouterr().out == plain


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_colours_unless_it_asks_for_none(pair, no_color):
    read, write = os.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    if no_color:
        environment["NO_COLOR"] = "1"
    code = "import sys; from course.diff import *; diff(Snapshot(Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(pair[0].path)]
    with subprocess.Popen(command, stdout=write, env=environment) as process:
        shown = os.read(read, 1 << 16)
    os.close(write)
    os.close(read)
    assert process.returncode == 0
    assert (b"\x1b[" in shown) is not no_color


def test_without_git_it_says_so(pair, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CourseError, match="git is not installed"):
        diff(pair[1])
