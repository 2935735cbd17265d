"""`POST /add/` of the finished lesson, against a constant and a bare `.delay()`.

All three in the same project, under gunicorn with the same settings: the `gthread`
worker, since the default one closes the connection after every answer and what
would be measured is connecting; one process, since the client needs the other of
two cores. The bare view runs under Celery's defaults, in a server of its own.

There is no worker, so the messages pile up; the queue is emptied between blocks.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import redis

from bench.client import Client, csrf_token, form
from bench.figures import Figure, percentile, times
from bench.project import BARE, LESSON, finished_lesson, run
from course.ports import free_port
from course.stack import Stack
from course.start import serves

ROUNDS = 30
BLOCK = 100  # requests to one view, before it is the next one's turn
CLIENTS = 20
EACH = 25  # requests that each of them sends

GUNICORN = (
    "gunicorn --worker-class=gthread --workers=1 --threads=4 --keep-alive=75 --no-control-socket"
)

Requests = dict[str, tuple[int, bytes]]  # of each view: the port and what is sent

# Which server answers, and where.
VIEWS = {
    "constant": (LESSON, "/bench/constant/"),
    "bare": (BARE, "/bench/bare/"),
    "settings": (LESSON, "/bench/bare/"),  # the same view, the lesson's settings
    "lesson": (LESSON, "/add/"),
}


def measure(folder: Path) -> Iterator[Figure]:
    """One client after the other, then twenty at once."""
    project = finished_lesson(folder / "project")
    with Stack(folder / "stack") as stack:
        stack.start_broker()
        run(stack, ["manage.py", "migrate", "--no-input"], project)
        ports = {server: serve(stack, project, server) for server in (LESSON, BARE)}
        stack.wait(*ports)
        token = csrf_token(ports[LESSON])
        requests = {
            view: (ports[server], form(ports[server], path, "x=4&y=6", token))
            for view, (server, path) in VIEWS.items()
        }
        with redis.Redis.from_url(stack.broker_url) as broker:
            empty = functools.partial(broker.delete, "celery")
            at_once(requests, empty)  # a thread's first .delay() is slow
            yield from sequential_figures(one_by_one(requests, empty))
            yield from at_once_figures(at_once(requests, empty))


def serve(stack: Stack, project: Path, settings: str) -> int:
    """Start gunicorn with these settings; returns its port."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = f"{GUNICORN} --bind={address} myproject.wsgi"
    env = {"DJANGO_SETTINGS_MODULE": settings}
    stack.start(settings, command, project, lambda service: serves(f"http://{address}/"), env)
    return port


def one_by_one(requests: Requests, empty: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each request, sent by one client, in blocks that take turns."""
    seconds: dict[str, list[float]] = defaultdict(list)
    clients = {view: Client(port) for view, (port, _) in requests.items()}
    for number in range(ROUNDS + 1):
        for view, (_, request) in requests.items():
            block = [clients[view].send(request) for _ in range(BLOCK)]
            if number:  # the first is for warming up
                seconds[view] += block
            empty()
    for client in clients.values():
        client.close()
    return seconds


def at_once(requests: Requests, empty: Callable[[], object]) -> dict[str, float]:
    """Requests a second, with many clients at the same time."""

    def send(port: int, request: bytes) -> None:
        client = Client(port)
        for _ in range(EACH):
            client.send(request)
        client.close()

    rates = {}
    with ThreadPoolExecutor(CLIENTS) as pool:
        for view, (port, request) in requests.items():
            start = perf_counter()
            list(pool.map(send, [port] * CLIENTS, [request] * CLIENTS))
            rates[view] = CLIENTS * EACH / (perf_counter() - start)
            empty()
    return rates


def sequential_figures(seconds: dict[str, list[float]]) -> Iterator[Figure]:
    """p50 and p99 against the bare view, for which there are targets, and the constant.

    The bare view under the lesson's settings tells what these cost; the rest of the
    difference is the form and the row.
    """
    for percent, target in ((50, 2.0), (99, 3.0)):
        value = {view: percentile(values, percent) for view, values in seconds.items()}
        what = f"POST /add/, p{percent}"
        yield times(what, value["lesson"], value["bare"], "bare .delay()", target)
        yield times(what, value["lesson"], value["constant"], "constant")
        what = f".delay() with the lesson's settings, p{percent}"
        yield times(what, value["settings"], value["bare"], "bare .delay()")


def at_once_figures(rates: dict[str, float]) -> Iterator[Figure]:
    """Throughput with many clients, for information."""
    what = f"POST /add/, {CLIENTS} at once"
    for view, against in (("bare", "bare .delay()"), ("constant", "constant")):
        yield Figure(
            what,
            f"{rates['lesson']:.0f}/s",
            f"{against}: {rates[view]:.0f}/s",
            rates["lesson"] / rates[view],
        )
