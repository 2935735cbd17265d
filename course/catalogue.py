"""The snapshots: which there are, what each grows from, how one is copied."""

import hashlib
import json
import shutil
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from course.messages import say

ROOT = Path(__file__).resolve().parent.parent

# Made by running a snapshot; never part of one.
_MADE = ("__pycache__", ".pytest_cache", "db.sqlite3", "appendonlydir")

# A step's own: neither carried forward nor written by a learner.
_STEPS_OWN = ("tests", "steps", "lesson.toml", "pytest.ini")

_MANIFEST = ".snapshot.json"


class UnknownSnapshot(Exception):
    """No snapshot has that name, or several have. The message says which there are."""


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
        found = (path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file())
        return sorted(PurePosixPath(path) for path in found if not _made_by_a_run(path))

    def learners_files(self) -> list[PurePosixPath]:
        """The files a learner writes: all but tests, patches and metadata."""
        return [path for path in self.files() if path.parts[0] not in _STEPS_OWN]


def _made_by_a_run(path: Path) -> bool:
    return any(part in _MADE for part in path.parts) or path.name.startswith("flower.db")


def snapshots(root: Path = ROOT) -> list[Snapshot]:
    """Every snapshot, each after the one it grows from."""
    folders = [*sorted(root.glob("lessons/*")), *sorted(root.glob("recipes/*"))]
    return [Snapshot(path) for path in folders if (path / "lesson.toml").is_file()]


def find(name: str, root: Path = ROOT) -> Snapshot:
    """The snapshot called "5", "05", "05_views", "views" or "lessons/05_views".

    Raises UnknownSnapshot.
    """
    wanted = name.strip("/").removeprefix("lessons/").removeprefix("recipes/")
    for snapshot in snapshots(root):
        number, _, word = snapshot.path.name.partition("_")
        if wanted in (snapshot.path.name, word, number, number.lstrip("0")):
            return snapshot
    known = ", ".join(snapshot.path.name for snapshot in snapshots(root))
    raise UnknownSnapshot(say("unknown_snapshot", name=name, known=known))


def copy(snapshot: Snapshot, folder: Path) -> None:
    """Make `folder` a copy of the snapshot, or renew it after an edit.

    What running it made there (a database, Flower's history) stays. Files of an
    earlier copy that the snapshot no longer has are removed. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / _MANIFEST
    copied: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
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
