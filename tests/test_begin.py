"""`course begin`: a project as it stands before a lesson, or one sentence and nothing else."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from course import begin as begin_module
from course import catalogue
from course.begin import begin
from course.cli import CourseError

pytestmark = pytest.mark.reuse()

SNAPSHOTS = catalogue.snapshots()


def held(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda snapshot: snapshot.name)
def test_the_project_is_the_base_byte_for_byte(tmp_path, snapshot):
    assert begin(snapshot, tmp_path / "mysite") == 0
    base = snapshot.base
    wanted = base.learners_files() if base else []
    assert held(tmp_path / "mysite") == {
        str(path): (base.path / path).read_bytes() for path in wanted
    }
    for path in wanted:
        assert os.access(tmp_path / "mysite" / path, os.X_OK) == os.access(
            base.path / path, os.X_OK
        )
    assert list(tmp_path.iterdir()) == [tmp_path / "mysite"]


@pytest.fixture
def lesson() -> catalogue.Snapshot:
    return catalogue.find("05")


def test_the_first_lesson_begins_with_an_empty_folder(tmp_path, capsys):
    assert begin(catalogue.find("01"), tmp_path / "mysite") == 0
    assert everything(tmp_path) == [tmp_path / "mysite"]
    assert "pip install" not in capsys.readouterr().out


def test_it_says_what_to_type_next(tmp_path, lesson, capsys):
    begin(lesson, tmp_path / "my site")
    typed = [line[4:] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert typed == [
        f"cd '{tmp_path}/my site'",
        "python3 -m venv .venv",
        ". .venv/bin/activate",
        "pip install -r requirements.txt",
        "python manage.py migrate",
        f"cd {catalogue.ROOT}",
        "make broker",
    ]


def test_missing_folders_above_are_made_and_the_home_folder_is_known(tmp_path, lesson, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    begin(lesson, Path("~/work/deep/mysite"))
    assert (tmp_path / "work/deep/mysite/manage.py").exists()


def test_an_empty_folder_is_filled_where_it_stands(tmp_path, lesson, monkeypatch):
    (tmp_path / "shut/mysite").mkdir(parents=True)
    (tmp_path / "shut").chmod(0o500)  # nothing can be made beside it, except by root
    monkeypatch.chdir(tmp_path / "shut/mysite")
    begin(lesson, Path("."))
    assert Path("manage.py").exists()  # the folder the shell is in, not a new one of its name
    assert ".begin" not in "".join(os.listdir())


def test_the_new_folder_has_the_rights_of_any_new_folder(tmp_path, lesson):
    (tmp_path / "other").mkdir()
    begin(lesson, tmp_path / "mysite")
    assert (tmp_path / "mysite").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.fixture
def small(tmp_path: Path) -> catalogue.Snapshot:
    """The second lesson of a small course in tmp_path/course, its files read-only."""
    for name, base in [("01_a", ""), ("02_b", 'base = "lessons/01_a"')]:
        (tmp_path / "course/lessons" / name).mkdir(parents=True)
        (tmp_path / "course/lessons" / name / "lesson.toml").write_text(base)
    (tmp_path / "course/lessons/01_a/manage.py").touch(0o555)
    return catalogue.find("02", tmp_path / "course")


def test_a_read_only_checkout_gives_a_project_that_can_be_edited(tmp_path, small):
    begin(small, tmp_path / "mysite")
    assert (tmp_path / "mysite/manage.py").stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize("way", ["course/lessons", "course/recipes", "link/lessons/01_a"])
def test_no_project_is_made_among_the_lessons(tmp_path, small, way):
    (tmp_path / "link").symlink_to(tmp_path / "course")
    before = everything(tmp_path)
    with pytest.raises(CourseError, match="belongs to the course itself"):
        begin(small, tmp_path / way / "mysite")
    assert everything(tmp_path) == before


def taken(folder: Path) -> Path:
    (folder / "mysite").mkdir()
    (folder / "mysite/mine.txt").touch()
    return folder / "mysite"


def a_file(folder: Path) -> Path:
    (folder / "mysite").touch()
    return folder / "mysite"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "deep/er"


def of_nobody(folder: Path) -> Path:
    return Path("~nobody-of-that-name/mysite")


def a_name_too_long(folder: Path) -> Path:
    return folder / "new" / ("x" * 300)


def not_permitted(folder: Path) -> Path:
    return Path("/proc/mysite")  # refused even to root


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (taken, "mysite exists already and is not empty"),
        (a_file, "mysite is not a folder"),
        (below_a_file, "cannot be made: Not a directory."),
        (of_nobody, "There is no such place"),
        (a_name_too_long, "cannot be made: File name too long."),
        (not_permitted, "cannot be made: "),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_place_that_will_not_do_is_one_sentence(tmp_path, lesson, place, said):
    folder = place(tmp_path)
    before = everything(tmp_path)
    with pytest.raises(CourseError) as raised:
        begin(lesson, folder)
    assert said in raised.value.message
    assert raised.value.exit_code == 2
    assert everything(tmp_path) == before


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
@pytest.mark.parametrize("interrupt", [False, True], ids=["disk full", "interrupted"])
def test_nothing_half_made_is_left(tmp_path, lesson, monkeypatch, there, interrupt):
    folder = tmp_path / "above/mysite"
    if there:
        folder.mkdir(parents=True)
    before = everything(tmp_path)
    copy, left = shutil.copyfile, [5]

    def failing(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt if interrupt else OSError(errno.ENOSPC, "No space left")
        copy(source, target)

    monkeypatch.setattr(begin_module.shutil, "copyfile", failing)
    with pytest.raises(KeyboardInterrupt if interrupt else CourseError):
        begin(lesson, folder)
    assert everything(tmp_path) == before


def test_a_new_folder_comes_in_one_move(tmp_path, lesson, monkeypatch):
    rename, moves = Path.rename, []
    monkeypatch.setattr(Path, "rename", lambda *paths: moves.append(paths) or rename(*paths))
    begin(lesson, tmp_path / "mysite")
    assert [target for _, target in moves] == [tmp_path / "mysite"]


def test_an_empty_folder_is_empty_again_when_the_last_move_fails(tmp_path, lesson, monkeypatch):
    rename, left = Path.rename, [2]

    def failing(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(CourseError, match="Input/output error"):
        begin(lesson, tmp_path)
    assert everything(tmp_path) == []
