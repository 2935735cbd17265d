"""A lesson's project in a notebook: its copy, its broker, its workers."""

import os
import secrets
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from course import catalogue, messages
from course.messages import say
from course.notebook import folders, logs, project, timeline
from course.notebook.faults import NotebookError, told
from course.notebook.tables import Table
from course.ports import free_port
from course.stack import Service, Stack
from course.start import serves

if TYPE_CHECKING:  # imported where they are needed: the worker starts meanwhile
    from celery.result import AsyncResult

    from course.notebook.lives import Life, Lives

# What the lessons type, but for the greeting between workers, which takes a second.
WORKER = "celery -A myproject worker --loglevel=info --without-mingle"
RECORDER = "--include=course.notebook.recorder"

_begun: "Lesson | None" = None


def begin(name: str, start: bool = True) -> "Lesson":
    """A copy of the lesson called `name` ("04"), importable here, its broker and a worker ready.

    start: False starts neither; `Lesson.start` does so later. Called again in the same
    kernel, it begins anew: empty queues, a new worker, the files as they were.

    Speaks the language of the folder that the notebook is in ("en" or "fr"), else the
    locale's. Raises NotebookError.
    """
    global _begun
    with told():
        folder = Path.cwd().name
        messages.choose(folder if folder in messages.LANGUAGES else None)
        snapshot = catalogue.find(str(name))
        if _begun and _begun.snapshot != snapshot:
            raise NotebookError(say("notebook_other", name=_begun.snapshot.path.name))
        if _begun is None:
            _begun = Lesson(snapshot)
        _begun._renew()
    if start:
        _begun.start()
    return _begun


class Lesson:
    """What `begin` returns.

    `project` is the folder of the copy, which a notebook may edit; `broker_url` the address
    of the broker, once it runs.
    """

    def __init__(self, snapshot: catalogue.Snapshot) -> None:
        """Claim a folder for this kernel. Raises StackError, OSError."""
        self.snapshot = snapshot
        folder = folders.FOLDER / f"{snapshot.path.name}-{os.getpid()}"
        self._stack = Stack(folder, self._report)
        # Never left: when the kernel ends, however it ends, the guard ends the rest.
        folders.claim(self._stack)
        self._stack.grace = 30
        self.project = folder / "project"
        self._record = folder / "record"
        self._readers: dict[str, logs.Reader] = {}
        self._reports: list[str] = []

    @property
    def broker_url(self) -> str:
        """The address of the broker that this notebook has for itself."""
        return self._stack.broker_url

    def _report(self, text: str) -> None:
        self._reports.append(f"{text}\n")

    def _reported(self) -> str:
        """What the supervisor has said since it was last asked."""
        said, self._reports = self._reports, []
        return "".join(said)

    def _renew(self) -> None:
        self._stack.keep_guard()
        running = [name for name in self._stack.services if name != "broker"]
        self._stack.end(*running)
        for name in running:
            del self._stack.services[name]
        self._record.write_bytes(b"")
        project.renew(self.snapshot, self.project)

    # --- Processes

    def start(self, options: str = "--concurrency=2") -> None:
        """Start the broker and a worker, and prepare Django and its database here.

        options: the worker's. Raises NotebookError.
        """
        self.start_broker()
        with told():
            # It takes two seconds; Django is prepared meanwhile.
            self._launch_worker(options, "worker")
            self.prepare_django()
            self._ready("worker")

    def start_broker(self) -> None:
        """Start the broker, empty, and have Celery use it, here and in what is started later.

        After `stop("broker")` it answers on the same port, and holds what it held. Raises
        NotebookError.
        """
        with told():
            stack = self._stack
            if "broker" in stack.services:
                stack.wait("broker")
                from course.notebook import messages as queues

                queues.empty(stack.broker_url)
            else:
                # On the same port again: what uses it keeps its connections.
                stack.start_broker(urlsplit(stack.broker_url).port or 0)
        os.environ["CELERY_BROKER_URL"] = os.environ["CELERY_RESULT_BACKEND"] = self.broker_url

    def start_worker(self, options: str = "--concurrency=2", name: str = "worker") -> None:
        """Start a worker, or start it anew, and wait until it is ready. Raises NotebookError."""
        if not self.broker_url:
            self.start_broker()
        with told():
            self._launch_worker(options, name)
            self._ready(name)

    def _launch_worker(self, options: str, name: str) -> None:
        # A name of its own, for each needs one; and not the machine's, for the pages show it.
        node = "celery" if name == "worker" else name
        command = f"{WORKER} {RECORDER} --hostname={node}@notebook {options}"
        self._start(
            name,
            command,
            lambda service: service.says(" ready."),
            {"COURSE_RECORD": str(self._record)},
        )

    def start_web(self) -> str:
        """Start Django's own server; returns its address. Raises NotebookError."""
        with told():
            address, port = _address()
            command = f"python manage.py runserver --noreload {port}"
            self._start("web", command, lambda service: serves(address))
            self._ready("web")
        return address

    def start_flower(self) -> tuple[str, tuple[str, str]]:
        """Start Flower; returns its address, and user and password. Raises NotebookError."""
        user, password = "admin", secrets.token_urlsafe(12)
        with told():
            address, port = _address()
            environment = {"FLOWER_BASIC_AUTH": f"{user}:{password}"}
            command = f"celery -A myproject flower --port={port}"
            self._start("flower", command, lambda service: serves(address), environment)
            self._ready("flower")
        return address, (user, password)

    def _start(
        self,
        name: str,
        command: str,
        ready: Callable[[Service], bool],
        environment: dict[str, str] | None = None,
    ) -> None:
        if name in self._stack.services:
            self._stack.end(name)
        service = self._stack.start(name, command, self.project, ready, environment)
        self._readers[name] = logs.Reader(service.log)

    def _ready(self, name: str) -> None:
        def ended() -> None:
            # One that ends at once would do so again.
            if self._stack.services[name].starts > 1:
                self._stack.end(name)
                last = self._stack.services.pop(name).log
                raise NotebookError(say("notebook_ended", name=name, log=last.read_text()[-1500:]))

        self._stack.wait(name, meanwhile=ended)
        self._readers[name].skip_to("[tasks]")  # what comes before is about the machine

    def stop(self, name: str = "worker") -> None:
        """Ask a process to end, as Ctrl-C does, and wait until it has."""
        if name in self._stack.services:
            self._stack.end(name)
            del self._stack.services[name]

    def pid(self, name: str = "worker") -> int:
        """The process id of the worker's main process, or of another process by name."""
        self._known(name)
        return self._stack.services[name].pid

    def _known(self, name: str) -> None:
        if name not in self._stack.services:
            raise NotebookError(say("notebook_no_process", name=name))

    def prepare_django(self) -> None:
        """Set Django up in this kernel and bring the database up to date. Raises NotebookError."""
        project.set_up(self.project)

    def shell(
        self, code: str, patch: str | None = None, of: str | None = None, broker: bool = False
    ) -> str:
        """Run `code` in a new Python, by `manage.py shell`; returns what it printed.

        patch: the name of a change in the lesson's `steps/`, made in a copy beforehand.
        of: another lesson, in whose project to run. broker: whether it is to use this notebook's
        broker; without it, the project's own settings alone count. Raises NotebookError.
        """
        with told():
            snapshot = catalogue.find(of) if of else self.snapshot
            folder = self.project
            if patch or snapshot != self.snapshot:
                folder = project.beside(self._stack, snapshot, patch)
            hidden = [] if broker else ["-u", "CELERY_BROKER_URL", "-u", "CELERY_RESULT_BACKEND"]
            command = ["env", *hidden, sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
            return self._stack.run(command, folder).stdout

    # --- Looks

    def watch(
        self, results: "AsyncResult[Any] | Sequence[AsyncResult[Any]]", timeout: float = 60
    ) -> "Life | Lives":
        """Show the states of a task, or the progress of many, until they have ended."""
        from course.notebook import lives

        return lives.watch(results, timeout)

    def queue(self, name: str = "celery") -> Table:
        """The messages that wait in a queue, decoded; the next one first."""
        from course.notebook import messages as queues

        return queues.waiting(self.broker_url, name)

    def taken(self) -> Table:
        """The messages that workers have taken and not acknowledged yet."""
        from course.notebook import messages as queues

        return queues.taken(self.broker_url)

    def log(
        self,
        until: Callable[[], object] = lambda: True,
        name: str = "worker",
        timeout: float = 60,
    ) -> logs.Said:
        """Show what a process has said since the last call, and what it says until `until()`."""
        if name not in self._readers:
            self._known(name)
        return logs.follow(lambda: self._readers[name].rest() + self._reported(), until, timeout)

    def runs(self) -> timeline.Timeline:
        """Every start of a task so far, as its process noted it."""
        return timeline.Timeline(timeline.read(self._record))

    def timeline(self, results: "Iterable[AsyncResult[Any]]") -> timeline.Timeline:
        """The runs of these tasks, which have ended; shown as a picture."""
        return timeline.complete(self._record, {result.id for result in results})


def _address() -> tuple[str, int]:
    port = free_port()
    return f"http://127.0.0.1:{port}/", port
