"""What runs share, made once: the wheels, an environment with all of them, migrated databases."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from course import catalogue

from .tree import snapshot_tree, write

STATE = catalogue.ROOT / ".course" / "learner"
LOCK = catalogue.ROOT / "requirements" / "course.txt"


class PreparationError(Exception):
    """What a run needs could not be made. The message says why."""


def wheels() -> Path:
    """The packages of the lock: inside there is no network."""

    def fill(folder: Path) -> None:
        download = ["download", "--quiet", "--no-deps", "--require-hashes"]
        _pip([sys.executable, "-m", "pip", *download, "-r", str(LOCK), "-d", str(folder)])

    return _made(f"wheels-{_hash()}", fill)


def environment() -> Path:
    """A virtual environment with all that the last lesson needs."""
    packages = wheels()

    def fill(folder: Path) -> None:
        _run([_python(), "-m", "venv", str(folder)])
        lesson = catalogue.ROOT / "lessons" / "07_flower" / "requirements.txt"
        options = ["install", "--quiet", "--no-index", "--find-links", str(packages)]
        _pip([str(folder / "bin" / "python"), "-m", "pip", *options, "-r", str(lesson)])

    return _made(f"venv-{_hash()}", fill)


def database(base: catalogue.Snapshot) -> Path:
    """The database of a snapshot as `migrate` leaves it."""
    python = environment() / "bin" / "python"
    files = snapshot_tree(base)

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as name:
            project = Path(name)
            write(project, {}, files)
            migrate = [str(python), "manage.py", "migrate", "--no-input"]
            _run(migrate, cwd=project)
            shutil.copy(project / "db.sqlite3", folder)

    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    return _made(f"database-{digest}-{_hash()}", fill) / "db.sqlite3"


def python_folder() -> Path:
    """Where the Python is that the course's environment was made with."""
    return Path(_python()).parent


def _python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _hash() -> str:
    content = LOCK.read_bytes() + f"{sys.version} {_python()} {STATE}".encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _made(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder of that name, filled the first time: its stamp comes last.

    It is never moved, since a virtual environment cannot be.
    """
    folder = STATE / name
    stamp = STATE / f"{name}.made"
    if stamp.exists():
        return folder
    with _locked(name):
        if not stamp.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            fill(folder)
            stamp.touch()
            _forget_others(name)
    return folder


def _forget_others(name: str) -> None:
    """Remove what an earlier lock has led to; the small databases may stay."""
    kind = name.partition("-")[0]
    for stamp in STATE.glob(f"{kind}-*.made"):
        if stamp.stem != name and kind != "database":
            stamp.unlink()
            shutil.rmtree(STATE / stamp.stem, ignore_errors=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name.partition('-')[0]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pip(command: list[str]) -> None:
    _run([*command, "--disable-pip-version-check", "--no-input"])


def _run(command: list[str], cwd: Path | None = None) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CELERY_", "DJANGO_"))}
    done = subprocess.run(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise PreparationError(f"{' '.join(command)}\n{done.stdout[-2000:]}")
