"""The finished lesson's worker in tasks a second, against a bare one, setting by setting.

All workers run from the start, each on a database of its own, and idle until their
turn comes: so the rounds are interleaved without starting a worker anew each time.
A turn begins when the broker copies the prepared queue into a worker's database. The
tasks note themselves when they ran; the time is from the first start to the last end.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from honcho.environ import parse_procfile

from bench.added.bench_tasks import RECORD
from bench.figures import Figure, NotMeasured
from bench.project import BARE, LESSON, finished_lesson, run, settings
from course.stack import Stack, last_line

TASKS = 800
ROUNDS = 5

POOL = "--concurrency=2 --include=bench_tasks"
SENDER = "import bench_app, bench_tasks as b\nfor _ in range({tasks}): b.nothing.delay()"

# What is added to the bare worker: settings kept from the lesson, or others.
KEPT = {
    "late acknowledgement": [
        "CELERY_TASK_ACKS_LATE",
        "CELERY_TASK_REJECT_ON_WORKER_LOST",
        "CELERY_TASK_RETRY_ON_WORKER_LOST",
    ],
    "prefetch 1": ["CELERY_WORKER_PREFETCH_MULTIPLIER"],
    "late acknowledgement, prefetch 1": [
        "CELERY_TASK_ACKS_LATE",
        "CELERY_TASK_REJECT_ON_WORKER_LOST",
        "CELERY_TASK_RETRY_ON_WORKER_LOST",
        "CELERY_WORKER_PREFETCH_MULTIPLIER",
    ],
    "track started": ["CELERY_TASK_TRACK_STARTED"],
    "events": ["CELERY_WORKER_SEND_TASK_EVENTS"],
    "transport options": [
        "CELERY_BROKER_TRANSPORT_OPTIONS",
        "CELERY_REDIS_SOCKET_CONNECT_TIMEOUT",
        "CELERY_REDIS_SOCKET_TIMEOUT",
        "CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS",
    ],
}
OTHER = {
    "a time limit": "CELERY_TASK_TIME_LIMIT = 30",
    "results until stored": "CELERY_RESULT_BACKEND_ALWAYS_RETRY = True",
    "results ignored": "CELERY_TASK_IGNORE_RESULT = True",
}


def measure(folder: Path) -> Iterator[Figure]:
    """Tasks a second of each worker against those of the bare one."""
    project = finished_lesson(folder / "project")
    with Stack(folder / "stack") as stack:
        stack.start_broker()
        env = {"DJANGO_SETTINGS_MODULE": BARE}
        run(stack, ["-c", SENDER.format(tasks=TASKS)], project, **env)
        databases = start_workers(stack, project)
        rates: dict[str, list[float]] = {name: [] for name in databases}
        for number in range(ROUNDS + 1):
            for name, database in databases.items():
                rate = turn(stack, name, database, folder / f"{name}.times")
                if number:  # in the first, the workers are still starting
                    rates[name].append(rate)
        bare = statistics.median(rates.pop("bare"))
        for name, values in rates.items():
            rate = statistics.median(values)
            yield Figure(
                f"worker, {name}", f"{rate:.0f} tasks/s", f"bare: {bare:.0f} tasks/s", rate / bare
            )


def start_workers(stack: Stack, project: Path) -> dict[str, int]:
    """Start every worker; returns the number of each one's database."""
    bare = f"celery -A bench_app worker --loglevel={{level}} {POOL}"
    quiet = bare.format(level="warning")
    procfile = parse_procfile((project / "Procfile").read_text()).processes
    workers = {"bare": (quiet, BARE)}
    for number, (name, kept) in enumerate(KEPT.items()):
        workers[name] = (quiet, settings(project, f"kept_{number}", kept))
    for number, (name, more) in enumerate(OTHER.items()):
        workers[name] = (quiet, settings(project, f"other_{number}", more=more))
    workers["log level INFO"] = (bare.format(level="info"), BARE)
    workers["the finished lesson"] = (f"{procfile['worker']} {POOL}", LESSON)

    databases = {}
    for database, (name, (command, module)) in enumerate(workers.items(), start=1):
        url = f"{stack.broker_url.rpartition('/')[0]}/{database}"
        env = {
            "DJANGO_SETTINGS_MODULE": module,
            "CELERY_BROKER_URL": url,
            "CELERY_RESULT_BACKEND": url,
            "BENCH_RECORD": str(stack.folder.parent / f"{name}.times"),
        }
        stack.start(name, command, project, env=env)
        databases[name] = database
    return databases


def turn(stack: Stack, name: str, database: int, record: Path) -> float:
    """Let a worker run the prepared queue; returns its tasks a second. Raises NotMeasured."""
    record.write_bytes(b"")
    worker = stack.services[name]
    server = stack.broker_url.rpartition("/")[0]
    deadline = time.monotonic() + 60
    with (
        redis.Redis.from_url(f"{server}/0") as prepared,
        redis.Redis.from_url(f"{server}/{database}") as queue,
    ):
        prepared.copy("celery", "celery", destination_db=database)
        # What is not acknowledged yet would come again.
        while record.stat().st_size < TASKS * RECORD.size or queue.exists("unacked"):
            if worker.starts > 1 or time.monotonic() > deadline:
                raise NotMeasured(f"{name}: tasks are missing. {last_line(worker.log)}")
            time.sleep(0.02)
    starts, ends = zip(*RECORD.iter_unpack(record.read_bytes()), strict=True)
    return TASKS / (max(ends) - min(starts))
