"""`make start` in a checkout, timed."""

import time
from dataclasses import dataclass
from pathlib import Path

from course import broker
from course.messages import say
from course.ports import free_port
from course.stack import Stack, StackError
from course.start import serves


@dataclass
class Started:
    """A `make start` whose page answers."""

    address: str  # the page's
    broker_url: str
    seconds: float  # until the page answered


def make_start(stack: Stack, checkout: Path, state: Path, **env: str) -> Started:
    """Run `make start` until its page answers. Raises StackError.

    `state` is its state folder, so that one that runs already is left alone.
    """
    # The ports it is going to choose; `wait_for_all` finds out if it chose others.
    address = f"http://127.0.0.1:{free_port(8000)}/"
    broker_url = broker.url(free_port(6379))
    command = ["make", "--no-print-directory", "start"]
    begin = time.perf_counter()
    env["COURSE_STATE"] = str(state)
    stack.start("make start", command, checkout, lambda service: serves(address), env)
    stack.wait("make start", timeout=300)
    return Started(address, broker_url, time.perf_counter() - begin)


def wait_for_all(stack: Stack, started: Started) -> None:
    """Wait until all that `make start` starts is ready. Raises StackError."""
    service = stack.services["make start"]
    deadline = time.monotonic() + 60
    while not service.says(say("ready")):
        if service.starts > 1 or time.monotonic() > deadline:
            raise StackError(f"`make start` did not get ready:\n{service.log.read_text()}")
        time.sleep(0.02)
    if not service.says(started.address):
        raise StackError("`make start` took another port than the one that was free before")
