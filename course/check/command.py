"""`course check`: one verdict, or one after each save."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from course import catalogue
from course.check import progress, told
from course.check.check import Verdict, check
from course.check.difference import difference
from course.check.faults import Stopped
from course.messages import say


def last_stage() -> catalogue.Snapshot:
    """The last of the lessons, on which every recipe stands."""
    return [one for one in catalogue.snapshots() if one.name.startswith("lessons/")][-1]


def run(
    folder: Path, asked: catalogue.Snapshot | None, python: Path | None, more: bool, diff: bool
) -> int:
    """Check once and say what was found; the exit status: 0 reached, 1 not yet, 2 cannot tell.

    asked: a stage; None: find the furthest one.
    """
    with contextlib.suppress(RuntimeError):  # "~nobody": said with the verdict
        folder = folder.expanduser()
    stop = threading.Event()
    with interruptible(stop.set):
        try:
            verdict = check(folder, asked or last_stage(), python, stop)
        except Stopped:
            click.echo(say("check_stopped"))
            return 2
        click.echo(told.verdict(verdict, asked, folder, more))
        if verdict.reached:
            progress.remember(folder, verdict.reached[-1].name, back=asked is None)
        if diff and verdict.status < 2:
            show_difference(folder, verdict.next or verdict.reached[-1])
        elif verdict.status == 1 and not more:
            click.echo("\n" + say("check_options"))
    return status(verdict, asked)


def status(verdict: Verdict, asked: catalogue.Snapshot | None) -> int:
    """The exit status; where no stage was asked for, any that is reached is an answer."""
    return 0 if asked is None and verdict.reached and verdict.status == 1 else verdict.status


def show_difference(folder: Path, stage: catalogue.Snapshot) -> None:
    """Print the difference to a stage, in colours where there are some."""
    click.echo()
    patch = difference(folder, stage)
    if not patch:
        click.echo(say("check_same", stage=told.title(stage)))
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in patch.splitlines():
        bold = line.startswith(("+++", "---"))
        click.secho(line, fg=None if bold else colours.get(line[:1]), bold=bold)


@contextlib.contextmanager
def interruptible(stop: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C, TERM and a closed terminal end what runs inside, in order."""
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    former = [signal.signal(number, lambda *_: stop() and None) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, former, strict=True):
            signal.signal(number, handler)
