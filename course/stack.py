"""Starts, watches, restarts and ends every process: nobody else in the course does."""

import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from course import broker, guard
from course.guard import MARK, end_leftovers
from course.messages import say
from course.ports import free_port

FIRST_PAUSE = 0.25  # seconds before a process that ended is started again
LONGEST_PAUSE = 30.0  # each pause is twice the one before, up to this
STEADY = 20.0  # a process that ran so long has recovered
LOOP = 4  # so many quick ends in a row are called a crash loop


class StackError(Exception):
    """A process could not be started or did not get ready. The message is for the reader."""


@dataclass
class Service:
    """A process that is kept running."""

    name: str
    command: list[str]
    cwd: Path
    env: dict[str, str]
    log: Path
    ready: Callable[[], bool]
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def pid(self) -> int:
        """The id of its process as it runs now."""
        assert self.process is not None
        return self.process.pid

    def is_up(self) -> bool:
        """Whether its own process is ready: on a port, somebody else's may answer."""
        return self.ready() and self.process is not None and self.process.poll() is None

    def says(self, text: str) -> bool:
        """Whether `text` is in its log."""
        return text in self.log.read_text(errors="replace")


class Stack:
    """A context: what is started inside it has ended after it, however it is left.

    `folder` holds the logs and the broker's data, and belongs to one stack at a
    time. `report` is told, in the reader's language, of every unexpected end.
    """

    def __init__(self, folder: Path, report: Callable[[str], None] = lambda text: None) -> None:
        self.folder = folder.resolve()
        self.report = report
        self.services: dict[str, Service] = {}
        self.grace = 20.0  # seconds a process may take to end
        self.stop = threading.Event()  # set: asked to end, wait for nothing more
        self.hurry = threading.Event()  # set: not even for tasks that run
        self.broker_url = ""
        self._changing = threading.RLock()
        self._watchers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise StackError(say("already_running", folder=self.folder)) from None
        try:
            end_leftovers(self.folder)
            self._guard = guard.start(self.folder)
        except BaseException:
            self._lock.close()
            raise
        return self

    def keep_guard(self) -> None:
        """Start the guard again if it was killed."""
        if self._guard.poll() is not None:
            self._guard.communicate()  # closes our end of its pipe
            self._guard = guard.start(self.folder)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            # The others say goodbye to the broker, so it goes last.
            self.end(*(name for name in self.services if name != "broker"))
            self.end(*self.services)
            for watcher in self._watchers:
                watcher.join()
        finally:
            end_leftovers(self.folder, grace=0)
            self._guard.kill()  # nothing is left to guard, and it may have been stopped
            self._guard.communicate()
            self._lock.close()

    def environment(self, /, **more: str) -> dict[str, str]:
        """The environment of a process: this one's, our interpreter first, the broker's address.

        An exported DJANGO_SETTINGS_MODULE would hide the project's own; and without
        cached bytecode each process would take twice as long to start.
        """
        env = dict(os.environ)
        for name in ("DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH"):
            env.pop(name, None)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}"
        env["PYTHONUNBUFFERED"] = "1"
        if self.broker_url:
            env["CELERY_BROKER_URL"] = self.broker_url
            if "broker" in self.services or "CELERY_RESULT_BACKEND" not in env:
                env["CELERY_RESULT_BACKEND"] = self.broker_url
        return env | more | {MARK: str(self.folder)}

    def start(
        self,
        name: str,
        command: str | list[str],
        cwd: Path,
        ready: Callable[[Service], bool] = lambda service: True,
        env: Mapping[str, str] | None = None,
    ) -> Service:
        """Start a process and keep it running; its output goes to `<name>.log`.

        A string is a Procfile's command, with its shell variables. Raises StackError.
        """
        if isinstance(command, str):
            command = ["/bin/sh", "-c", f"exec {command}"]
        log = self.folder / f"{name}.log"
        log.write_bytes(b"")
        environment = self.environment(**(env or {}))
        service = Service(name, command, cwd, environment, log, lambda: ready(service))
        self._launch(service)
        self.services[name] = service
        watcher = threading.Thread(target=self._watch, args=[service], daemon=True)
        self._watchers.append(watcher)
        watcher.start()
        return service

    def run(
        self, command: str | list[str], cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return what it printed and its exit status.

        When the stack is asked to end, the command is killed.
        """
        words = shlex.split(command) if isinstance(command, str) else command
        with subprocess.Popen(
            words,
            cwd=cwd,
            env=self.environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            while True:
                try:
                    output, _ = process.communicate(timeout=0.1)
                    return subprocess.CompletedProcess(words, process.returncode, output)
                except subprocess.TimeoutExpired:
                    if self.stop.is_set():
                        _kill_group(process)
                except KeyboardInterrupt:  # in a notebook
                    _kill_group(process)
                    raise

    def start_broker(self, port: int = 0) -> Service:
        """Start a broker on `port` (0: any free one) and set `broker_url`.

        Raises StackError and broker.BrokerError.
        """
        data = self.folder / "broker"
        data.mkdir(exist_ok=True)
        port = port or free_port()
        service = self.start(
            "broker", broker.command(port, data), data, lambda service: broker.answers(port)
        )
        self.broker_url = broker.url(port)
        self.wait("broker", timeout=20)
        return service

    def wait(
        self, *names: str, timeout: float = 60.0, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until these services are ready, calling `meanwhile` again and again.

        Raises StackError with what the log says last.
        """
        deadline = time.monotonic() + timeout
        for name in names:
            service = self.services[name]
            while not service.is_up():
                if self.stop.is_set():
                    return
                if service.starts > LOOP or time.monotonic() > deadline:
                    raise StackError(say("not_ready", name=name, last=last_line(service.log)))
                meanwhile()
                time.sleep(0.02)

    def end(self, *names: str) -> None:
        """End these services: asked first, killed after `grace` seconds."""
        for name in names:
            with self._changing:
                service = self.services[name]
                service.stopping.set()
                if service.process and service.process.poll() is None:
                    service.process.terminate()
        deadline = time.monotonic() + self.grace
        for name in names:
            service = self.services[name]
            while not service.ended.wait(0.05):
                if self.hurry.is_set() or time.monotonic() > deadline:
                    _kill_group(service.process)

    def _launch(self, service: Service) -> None:
        try:
            with service.log.open("ab") as log:
                service.process = subprocess.Popen(
                    service.command,
                    cwd=service.cwd,
                    env=service.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is ours to pass on
                )
        except OSError as error:
            raise StackError(say("cannot_start", name=service.name, why=error.strerror)) from None
        service.starts += 1

    def _watch(self, service: Service) -> None:
        pause, quick_ends = FIRST_PAUSE, 0
        while True:
            assert service.process is not None
            started = time.monotonic()
            status = service.process.wait()
            # A worker that was killed leaves children behind, in its group.
            _kill_group(service.process)
            if service.stopping.is_set():
                break
            if time.monotonic() - started > STEADY:
                pause, quick_ends = FIRST_PAUSE, 0
            quick_ends += 1
            self.report(say("ended", name=service.name, how=_how(status), pause=pause))
            if quick_ends == LOOP:
                self.report(say("crash_loop", name=service.name, last=last_line(service.log)))
            if service.stopping.wait(pause):
                break
            pause = min(2 * pause, LONGEST_PAUSE)
            with self._changing:
                if service.stopping.is_set():
                    break
                try:
                    self._launch(service)
                except StackError as error:
                    self.report(str(error))
                    break
        service.ended.set()


def _kill_group(process: "subprocess.Popen[Any] | None") -> None:
    # Its group has the id of its first process, which started a session.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process:
            os.killpg(process.pid, signal.SIGKILL)


def _how(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else str(status)


def last_line(log: Path) -> str:
    """The last line of a log that is not empty."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
