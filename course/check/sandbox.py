"""Where a project is checked: a copy of it, a broker of its own, processes that end with us."""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Self

import redis

from course import catalogue
from course.broker import BrokerError
from course.check.faults import CannotTell, Place, Stopped
from course.check.project import Project, copy
from course.guard import MARK
from course.stack import Service, Stack, StackError

SECONDS = 20  # that one step of the learner's code may take
_INSIDE = Path(__file__).parent / "inside"
_CLEARED = ("CELERY_", "DJANGO_SETTINGS_MODULE", "COURSE_", "FLOWER_")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Sandbox(Stack):
    """A stack around a copy of the project. What the steps saw is kept from one to the next."""

    def __init__(self, folder: Path, project: Project, python: Path, stop: threading.Event) -> None:
        super().__init__(folder)
        self.stop = stop
        self.original = project
        self.python = python
        self.copy = self.folder / "project"
        self.project = Project(self.copy, self.copy / project.base.relative_to(project.folder))
        self.data = self.folder / "data"
        self.compiled = True
        self.settings = ""  # their settings module, once it is known
        self.grace = 3.0
        self.hurry.set()  # nothing that a check starts is worth waiting for
        self._count = 0
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.data.mkdir()
            copy(self.original.folder, self.copy)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def environment(self, /, **more: str) -> dict[str, str]:
        """A clean environment: neither the terminal's Celery and Django, nor the course's."""
        env = super().environment()
        for name in [name for name in env if name.startswith(_CLEARED)]:
            if name != MARK:
                del env[name]
        env.pop("PYTHONHOME", None)
        programs = self.python.parent
        env["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        # Into their environment, which may be part of their folder, nothing is written.
        if self.compiled:
            env["PYTHONDONTWRITEBYTECODE"] = "1"
        else:
            env["PYTHONPYCACHEPREFIX"] = str(catalogue.STATE / "check" / "bytecode")
        env["PYTHONPATH"] = os.pathsep.join(
            [str(_INSIDE), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        env["PYTHONFAULTHANDLER"] = "1"
        env["COURSE_DATA"] = str(self.data)
        return env | more

    def inwards(self, database: int = 0) -> dict[str, str]:
        """What turns a process to our broker.

        database: which of the broker's; what uses another is not disturbed.
        """
        address = f"{self.broker_url.removesuffix('/0')}/{database}"
        names = ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND")
        return {f"CELERY_{name}": address for name in names} | {
            "DJANGO_SETTINGS_MODULE": self.settings
        }

    def client(self, database: int = 0) -> "redis.Redis":
        """A client of our broker."""
        address = f"{self.broker_url.removesuffix('/0')}/{database}"
        return redis.Redis.from_url(address, socket_timeout=5, decode_responses=True)

    def step(
        self,
        name: str,
        env: dict[str, str] | None = None,
        seconds: float = SECONDS,
        **request: object,
    ) -> dict[str, Any]:
        """Have the learner's interpreter do a step of `course_probe`; what it saw.

        `error` in it: what ended it. `hangs`: where it was when its time was over. `ended`: the
        exit status of a process that said nothing. `output`: what it printed last.
        """
        with self._counting:
            self._count += 1
            stem = self.folder / f"{self._count:02}-{name}"
        asked, answer = stem.with_suffix(".asked"), stem.with_suffix(".json")
        request |= {"folder": str(self.copy), "seconds": seconds, "broker": self.broker_url}
        asked.write_text(json.dumps(request), encoding="utf-8")
        command = [str(self.python), "-m", "course_probe", name, str(asked), str(answer)]
        log = stem.with_suffix(".out")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.project.base,
                env=self.environment(**(env or {})),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds + 2
        while (status := _ended(process)) is None:
            if self.stop.is_set() or time.monotonic() > deadline:
                process.kill()
        if self.stop.is_set():
            raise Stopped
        seen: dict[str, Any] = {"output": tail(log)}
        if answer.exists():
            seen |= json.loads(answer.read_text(encoding="utf-8"))
        elif time.monotonic() > deadline - 2.5:
            seen["hangs"] = str(self.hanging(answer.with_suffix(".hangs")) or "")
        else:
            seen["ended"] = status
        return seen

    def version(self) -> str:
        """The version of the learner's Python, asked in words that every Python understands.

        "": it cannot be started, or says something else.
        """
        asked = "import sys; sys.stdout.write('%d.%d.%d' % sys.version_info[:3])"
        try:
            answer = subprocess.run(
                [str(self.python), "-c", asked],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        found = re.search(r"\d+\.\d+\.\d+$", answer.stdout)
        return found[0] if found else ""

    def hanging(self, dump: Path) -> Place | None:
        """The learner's line that a dump of the running threads names first."""
        with contextlib.suppress(FileNotFoundError):
            return next(self.places(dump.read_text()), None)
        return None

    def places(self, traceback: str) -> Iterator[Place]:
        """The learner's lines that a traceback's text names, in its order."""
        for file, line in re.findall(r'File "(.+)", line (\d+)', traceback):
            if place := self.place(file, int(line)):
                yield place

    def last_place(self, traceback: str) -> Place | None:
        """The innermost of them."""
        return next(reversed([*self.places(traceback)]), None)

    def place(self, file: str, line: int = 0) -> Place | None:
        """A line of the copy as a line of the learner's; None for other files."""
        path = Path(file)
        if not path.is_relative_to(self.copy) or "site-packages" in path.parts:
            return None
        return Place(PurePosixPath(path.relative_to(self.copy)), line)

    def together(self, *steps: Callable[[], Any]) -> list[Any]:
        """Do these steps side by side; what each returned. The first exception is raised."""
        with ThreadPoolExecutor(len(steps)) as pool:
            futures = [pool.submit(step) for step in steps]
            return [future.result() for future in futures]

    def until(self, condition: Callable[[], Any], seconds: float) -> Any:
        """Wait until the condition holds; what it gave, or its last value when time is over."""
        deadline = time.monotonic() + seconds
        while not (value := condition()) and time.monotonic() < deadline:
            # Not `stop.wait`: the signal's handler, which sets it, may run right here.
            if self.stop.is_set():
                raise Stopped
            time.sleep(0.05)
        return value

    def start_own(self, name: str, command: str, cwd: Path, env: dict[str, str]) -> Service:
        """Start a command line of the learner's; it is not restarted in silence: see `starts`."""
        # A path that the line sets itself would otherwise take the place of ours.
        command = re.sub(r"\bPYTHONPATH=", f"PYTHONPATH={_INSIDE}{os.pathsep}", command)
        limited = ["/bin/sh", "-c", f"ulimit -f 100000; {command}"]
        return self.start(name, limited, cwd, env=env)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        text = file.read().decode(errors="replace")
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _ended(process: "subprocess.Popen[bytes]") -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(0.02)
    return None


@contextlib.contextmanager
def opened(project: Project, python: Path, stop: threading.Event) -> Iterator[Sandbox]:
    """A sandbox in a folder that is removed afterwards, its broker running.

    Raises CannotTell where the machine is in the way.
    """
    state = catalogue.STATE / "check"
    try:
        state.mkdir(parents=True, exist_ok=True)
        _sweep(state)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=state))
        try:
            with Sandbox(folder, project, python, stop) as sandbox:
                sandbox.start_broker()
                if stop.is_set():
                    raise Stopped
                yield sandbox
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (StackError, BrokerError) as error:
        raise CannotTell("services", what=error) from None
    except OSError as error:
        raise told(error) from None


def told(error: OSError) -> CannotTell:
    """A fault of the machine in words."""
    if error.errno in _FULL:
        return CannotTell("disk_full", path=error.filename or catalogue.STATE)
    if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
        return CannotTell("no_port")
    return CannotTell("machine", what=f"{error.filename or ''} {error.strerror or error}".strip())


def _sweep(state: Path) -> None:
    """Remove what checks left that were killed: nobody holds the lock of their folder."""
    for folder in state.glob("run-*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r") as lock:
            if time.time() - folder.stat().st_mtime < 60:  # about to be locked, perhaps
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
