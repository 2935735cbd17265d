"""What the tests of `check` share: a learner's folder, and a verdict on it in both languages."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import psutil
import pytest

from course import catalogue, messages
from course.check import told
from course.check.check import Verdict, check
from course.guard import MARK


@dataclass
class Examined:
    """A verdict, and what a learner reads of it, by language."""

    verdict: Verdict
    said: dict[str, str]

    @property
    def key(self) -> str | None:
        return self.verdict.fault.found.key if self.verdict.fault else None

    @property
    def place(self) -> str | None:
        found = self.verdict.fault and self.verdict.fault.found.place
        return str(found) if found else None

    @property
    def remarks(self) -> list[str]:
        return [one.key for one in self.verdict.remarks]


Examine = Callable[..., Examined]


def learners(name: str, folder: Path) -> Path:
    """A folder with what a learner has written when this stage is reached."""
    snapshot = catalogue.find(name)
    for path in snapshot.learners_files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((snapshot.path / path).read_bytes())
        target.chmod((snapshot.path / path).stat().st_mode)
    return folder


def extend(path: Path, text: str) -> None:
    """Add to the end of a file."""
    path.write_text(path.read_text() + text)


def traces(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every entry of a folder: mode, time of the last change, contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        whole = path.is_file() and not path.is_symlink()
        contents = hashlib.sha256(path.read_bytes()).hexdigest() if whole else ""
        found[str(path.relative_to(folder))] = (info.st_mode, info.st_mtime_ns, contents)
    return found


def left_over(state: Path) -> list[str]:
    """Processes of stacks in this state folder, and folders of checks."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(str(state)):
                found.append(str(process))
        except psutil.Error:
            continue
    return found + [str(folder) for folder in (state / "check").glob("run-*")]


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Check a folder; it must be as it was afterwards, and nothing may be left."""
    state = tmp_path / "state"
    monkeypatch.setattr(catalogue, "STATE", state)
    # The site may be served or not: what is said is the same.
    monkeypatch.setattr(told, "is_free", lambda port: False)

    def do(folder: Path, stage: str, python: Path | None = None) -> Examined:
        before = traces(folder) if folder.is_dir() else {}
        asked = catalogue.find(stage)
        verdict = check(folder, asked, python)
        said = {}
        for language in messages.LANGUAGES:
            messages.choose(language)
            text = click.unstyle(told.verdict(verdict, asked, folder, more=True))
            said[language] = " ".join(text.split())
        messages.choose(None)
        assert before == (traces(folder) if folder.is_dir() else {})
        assert left_over(state) == []
        return Examined(verdict, said)

    return do
