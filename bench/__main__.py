"""`python -m bench [NAME ...]`: make all measurements, or the named ones.

Exit status: 0 every target is met; 1 one is missed, or something could not be
measured; 2 there is no such measurement, or another run has not ended.
"""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench import check, fresh, notebooks, post, site, tests, warm, worker
from bench.figures import Figure, NotMeasured, show
from course.broker import BrokerError
from course.stack import StackError
from course.start import STATE

# Each gets an empty folder of its own, which is removed afterwards.
MEASUREMENTS: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "fresh": fresh.measure,
    "warm": warm.measure,
    "post": post.measure,
    "worker": worker.measure,
    "tests": tests.measure,
    "site": site.measure,
    "notebooks": notebooks.measure,
    "check": check.measure,
}


def main(names: list[str]) -> int:
    """Measure what is named, or everything; returns the exit status."""
    if unknown := set(names) - MEASUREMENTS.keys():
        print(f"No such measurement: {', '.join(sorted(unknown))}.", file=sys.stderr)
        print(f"There are: {', '.join(MEASUREMENTS)}.", file=sys.stderr)
        return 2
    # Every measurement starts a broker of its own, and its own settings are to count.
    for name in (
        "CELERY_BROKER_URL",
        "CELERY_RESULT_BACKEND",
        "DJANGO_SETTINGS_MODULE",
        "VIRTUAL_ENV",
    ):
        os.environ.pop(name, None)
    # So that the stacks are left, and their processes end.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

    STATE.mkdir(exist_ok=True)
    with (STATE / "bench.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another run would disturb this one.", file=sys.stderr)
            return 2
        for left in STATE.glob("bench-*"):  # by a run that was killed
            shutil.rmtree(left)
        return measure(names or list(MEASUREMENTS))


def measure(names: list[str]) -> int:
    """Make these measurements and show the figures; returns the exit status."""
    progress = Console(stderr=True, highlight=False)
    figures: list[Figure] = []
    failed = False
    for name in names:
        # On the disk that the course itself works on: /tmp may be memory.
        with tempfile.TemporaryDirectory(prefix="bench-", dir=STATE) as folder:
            try:
                for figure in MEASUREMENTS[name](Path(folder).resolve()):
                    figures.append(figure)
                    progress.print(f"{name}: {escape(figure.what)}: {figure.ratio:.2f}")
            except (NotMeasured, StackError, BrokerError) as error:
                failed = True
                progress.print(f"[red]{name}: not measured: {escape(str(error))}")
    show(Console(highlight=False, width=None if sys.stdout.isatty() else 120), figures)
    return int(failed or any(figure.missed for figure in figures))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
