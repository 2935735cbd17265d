"""`course check --watch`: a verdict after each save, stage after stage, and a few keys."""

import os
import queue
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from course import catalogue
from course.check import progress, told
from course.check.check import Verdict, check
from course.check.command import interruptible, last_stage, show_difference
from course.check.faults import Fault, Stopped
from course.check.project import walk
from course.messages import say

QUIET = 0.05  # seconds without another change: an editor writes a file in several steps


class _Saves(FileSystemEventHandler):
    def __init__(self, events: "queue.SimpleQueue[tuple[str, object]]") -> None:
        self.events = events

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "modified", "deleted", "moved"):
            self.events.put(("change", event.src_path))


class Watch:
    """What is watched, how far it is, and the check that runs at the moment."""

    def __init__(self, folder: Path, stage: catalogue.Snapshot | None, python: Path | None) -> None:
        self.folder = folder
        self.python = python
        self.events: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self.lessons = [one for one in catalogue.snapshots() if one.name.startswith("lessons/")]
        self.stage = stage or self._remembered()
        self.verdict: Verdict | None = None
        self._stop = threading.Event()
        self._running: threading.Thread | None = None
        self._checked: object = None

    def _remembered(self) -> catalogue.Snapshot | None:
        """The stage after the one that was reached last time; None: nothing is known."""
        names = [one.name for one in self.lessons]
        known = progress.reached(self.folder)
        if known not in names:
            return None
        return self.lessons[min(names.index(known) + 1, len(names) - 1)]

    def run(self) -> int:
        """Until the last stage is reached or somebody ends it; the exit status."""
        self._begin()
        while True:
            kind, value = self.events.get()
            if kind == "change":
                self._changed()
            elif kind == "verdict":
                assert isinstance(value, tuple)
                stop, verdict = value
                if not stop.is_set() and self._judged(verdict):  # else of what was before a save
                    return 0
            elif kind == "stop" or (kind == "key" and self._key(str(value))):
                self._end()
                return 0

    def _begin(self) -> None:
        self._checked = self.signature()
        self._stop = threading.Event()
        self._running = threading.Thread(target=self._check, args=[self._stop])
        self._running.start()

    def _end(self) -> None:
        self._stop.set()
        if self._running:
            self._running.join()

    def _check(self, stop: threading.Event) -> None:
        with suppress(Stopped):
            verdict = check(self.folder, self.stage or last_stage(), self.python, stop)
            if not stop.is_set():
                self.events.put(("verdict", (stop, verdict)))

    def signature(self) -> object:
        """What tells that something was saved: names, times and sizes of all files."""
        try:
            return [
                (path, info.st_mtime_ns, info.st_size)
                for path in walk(self.folder)
                if (info := path.lstat())
            ]
        except (Fault, OSError) as fault:
            return str(fault)

    def _changed(self) -> None:
        """Wait until the saving is over; check again if anything of the project differs."""
        with suppress(queue.Empty):
            while True:
                kind, value = self.events.get(timeout=QUIET)
                if kind != "change":
                    self.events.put((kind, value))
                    break
        if self.signature() != self._checked:
            self._end()
            self._begin()

    def _judged(self, verdict: Verdict) -> bool:
        """Say it; go on to the next stage where one is reached. True: that was the last."""
        self.verdict = verdict
        click.clear()
        click.echo(told.verdict(verdict, self.stage, self.folder, more=False))
        if verdict.reached:
            progress.remember(self.folder, verdict.reached[-1].name)
        if verdict.fault is None:
            after = self._after(verdict.reached[-1])
            if after is None:
                click.echo("\n" + say("check_all"))
                return True
            self.stage = after
            click.echo("\n" + say("check_next", stage=told.title(after)))
            self._begin()
            return False
        self.stage = verdict.next
        click.echo("\n" + say("check_keys"))
        return False

    def _after(self, stage: catalogue.Snapshot) -> catalogue.Snapshot | None:
        names = [one.name for one in self.lessons]
        if stage.name not in names or stage.name == names[-1]:
            return None
        return self.lessons[names.index(stage.name) + 1]

    def _key(self, key: str) -> bool:
        """Do what a key is for. True: the end."""
        if key in "qQ":
            return True
        if self.verdict is None:
            return False
        if key in "hi" and self.verdict.fault and self.verdict.status == 1:
            click.echo("\n" + told.mistake(self.verdict.fault.found, self.folder, more=True))
        elif key == "d" and self.verdict.status < 2:
            show_difference(self.folder, self.stage or last_stage())
        elif key == "l":
            click.echo()
            reached = {one.name for one in self.verdict.reached}
            for one in self.lessons:
                click.echo(f"  {'✓' if one.name in reached else ' '} {told.title(one)}")
        return False


def watch(folder: Path, stage: catalogue.Snapshot | None, python: Path | None) -> int:
    """Check after every save until the end is reached or asked for; the exit status."""
    try:
        folder = folder.expanduser().resolve(strict=True)
        can_be_watched = folder.is_dir()
    except (OSError, RuntimeError):  # "~nobody", a link to itself
        can_be_watched = False
    if not can_be_watched:
        verdict = check(folder, stage or last_stage(), python)
        click.echo(told.verdict(verdict, stage, folder, more=False))
        return verdict.status
    watching = Watch(folder, stage, python)
    observer = _observe(folder, watching)
    try:
        with interruptible(lambda: watching.events.put(("stop", None))), _keys(watching):
            return watching.run()
    finally:
        if observer:
            observer.stop()
            observer.join()


def _observe(folder: Path, watching: Watch) -> BaseObserver | None:
    """Be told of saves. Where the system's way does not work, look again and again."""
    for observer in (Observer(), PollingObserver()):
        try:
            observer.schedule(_Saves(watching.events), str(folder.expanduser()), recursive=True)
            observer.start()
        except OSError:
            continue
        return observer
    return None


@contextmanager
def _keys(watching: Watch) -> Iterator[None]:
    """Single keys, where there is a terminal; it is left as it was."""
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    former = termios.tcgetattr(terminal)
    ended, wake = os.pipe()
    tty.setcbreak(terminal)

    def read() -> None:
        while True:
            ready, _, _ = select.select([terminal, ended], [], [])
            if ended in ready:
                return
            key = os.read(terminal, 1).decode(errors="replace")
            if not key:  # the terminal is gone
                watching.events.put(("stop", None))
                return
            watching.events.put(("key", key))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        os.write(wake, b".")
        reader.join()
        termios.tcsetattr(terminal, termios.TCSADRAIN, former)
        os.close(ended)
        os.close(wake)
