"""The snapshots: which there are, what each grows from, how one is copied."""

import hashlib
import json
import os
import shutil
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from course.messages import say

ROOT = Path(__file__).resolve().parent.parent

# Where copies, data and logs are kept; nothing is written elsewhere.
STATE = Path(os.environ.get("COURSE_STATE") or ROOT / ".course").absolute()

# Made by running a snapshot or a tool in it; never part of one.
_MADE = (
    *("__pycache__", ".*_cache", ".venv"),
    *("db.sqlite3*", "flower.db*", "celerybeat-schedule*", "dump.rdb", "appendonlydir"),
)

# A step's own: not written by a learner.
_STEPS_OWN = ("tests", "steps", "lesson.toml", "pytest.ini")

# What a copy holds of its snapshot: path and hash of each file.
MANIFEST = ".snapshot.json"


class UnknownSnapshot(Exception):
    """No snapshot has that name. The message says which there are."""


@dataclass(frozen=True)
class Snapshot:
    """One folder of `lessons/` or `recipes/`, with what its `lesson.toml` says."""

    path: Path

    @property
    def name(self) -> str:
        """Its path in the repository: "lessons/05_views"."""
        return f"{self.path.parent.name}/{self.path.name}"

    @cached_property
    def about(self) -> dict[str, Any]:
        """The contents of `lesson.toml`."""
        return tomllib.loads((self.path / "lesson.toml").read_text(encoding="utf-8"))

    @property
    def base(self) -> "Snapshot | None":
        """The snapshot this one grows from; None for the first."""
        name = self.about.get("base")
        return Snapshot(self.path.parent.parent / name) if name else None

    def files(self) -> list[PurePosixPath]:
        """Its files, sorted, relative to it."""
        paths = (path for path in self.path.rglob("*") if path.is_file())
        found = (PurePosixPath(path.relative_to(self.path)) for path in paths)
        return sorted(path for path in found if not made_by_a_run(path))

    def learners_files(self) -> list[PurePosixPath]:
        """The files a learner writes: all but tests, patches and metadata."""
        return [path for path in self.files() if path.parts[0] not in _STEPS_OWN]


def made_by_a_run(path: PurePosixPath) -> bool:
    """Whether `path`, inside a snapshot, is none of its own files."""
    return any(fnmatch(part, made) for part in path.parts for made in _MADE)


def snapshots(root: Path = ROOT) -> list[Snapshot]:
    """Every snapshot, each after the one it grows from."""
    folders = [*sorted(root.glob("lessons/*")), *sorted(root.glob("recipes/*"))]
    return [Snapshot(path) for path in folders if (path / "lesson.toml").is_file()]


def find(name: str, root: Path = ROOT) -> Snapshot:
    """The snapshot called "5", "05", "05_views", "views" or "lessons/05_views".

    Raises UnknownSnapshot.
    """
    wanted = name.removeprefix("./").rstrip("/")
    for snapshot in snapshots(root):
        names = [snapshot.name, snapshot.path.name]
        number, _, word = snapshot.path.name.partition("_")
        if number.isdecimal():  # a lesson; in a recipe's name the "_" is only a space
            names += [word, number, number.lstrip("0")]
        if wanted in names:
            return snapshot
    known = ", ".join(snapshot.path.name for snapshot in snapshots(root))
    raise UnknownSnapshot(say("unknown_snapshot", name=name, known=known))


def copy(snapshot: Snapshot, folder: Path) -> None:
    """Make `folder` a copy of the snapshot, or renew it after an edit.

    What running it made there (a database, Flower's history) stays. Files of an
    earlier copy that the snapshot no longer has are removed. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST
    try:
        copied: dict[str, str] = json.loads(manifest.read_text())
    except (FileNotFoundError, ValueError):  # none yet, or a disk that was full
        copied = {}
    current = {}
    for path in snapshot.files():
        contents = (snapshot.path / path).read_bytes()
        current[str(path)] = hashlib.sha256(contents).hexdigest()
        target = folder / path
        if copied.get(str(path)) != current[str(path)] or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(snapshot.path / path, target)
    for gone in copied.keys() - current.keys():
        (folder / gone).unlink(missing_ok=True)
    # Written last: an interrupted copy is made again.
    manifest.write_text(json.dumps(current))
