"""Lesson 6: workers started by a Procfile, which lose nothing; a task followed to its end."""

import contextlib
import os
import re
import time
from typing import Any

import psutil
from honcho.environ import parse, parse_procfile

from course.check import causes, working
from course.check.check import Check
from course.check.faults import NOTHING, NotYet, Place
from course.check.sandbox import tail
from course.check.stages.settings import name_of
from course.ports import free_port
from course.stack import Service

GUIDE = 10  # seconds that the guide's own task takes
NOTICED = 25.0  # seconds: a dead process is noticed within 5, then its task is run again


def reach(check: Check) -> None:
    """The state of a task is shown, the Procfile's worker runs, and survives a killed process."""
    _followed(check)
    _nothing_lost(check, _workers(check))
    _visible_again(check)


def _followed(check: Check) -> None:
    seen = check.visit
    if "status_path" not in seen:
        for looked in seen["followed"]:
            if "error" in looked and looked["linked"]:
                raise causes.of_error(check.project, looked["error"])
        raise NotYet("no_status")
    unknown = seen["unknown"]
    if "error" in unknown:
        raise causes.of_error(check.project, unknown["error"])
    if unknown["status"] < 400 and unknown["pending"]:
        raise NotYet("unknown_pending", path=unknown["path"])


def processes(check: Check) -> tuple[dict[str, str], Place]:
    """The commands of the Procfile by name, and the file. Raises NotYet without one."""
    for folder in dict.fromkeys([check.project.folder, check.project.base]):
        path = folder / "Procfile"
        if path.is_file():
            place = Place(check.project.relative(path))
            try:
                found = parse_procfile(path.read_text(errors="replace")).processes
            except AssertionError as error:  # honcho's word for a name that comes twice
                raise NotYet("procfile_wrong", place, message=error) from None
            return dict(found), place
    raise NotYet("no_procfile")


def commands(check: Check, word: str) -> list[tuple[str, Place]]:
    """The commands of the Procfile that are `celery … word`, and their lines.

    Raises NotYet without one.
    """
    found, place = processes(check)
    lines = (check.project.folder / place.file).read_text(errors="replace").splitlines()
    celery = [
        (
            line,
            Place(place.file, next(n for n, t in enumerate(lines, 1) if t.startswith(f"{name}:"))),
        )
        for name, line in found.items()
        if "celery" in line and word in re.split(r"[\s;&|]+", line)
    ]
    if not celery:
        raise NotYet("not_in_procfile", place, word=word)
    return celery


def environment(check: Check, place: Place, database: int, port: int) -> dict[str, str]:
    """What a Procfile's process gets, as from honcho: the variables of the `.env` beside it, PORT;
    and ours."""
    file = (check.project.folder / place.file).with_name(".env")
    given: dict[str, str] = {}
    if file.is_file():
        try:
            given = dict(parse(file.read_text(errors="replace")))
        except ValueError as error:
            at = Place(check.project.relative(file))
            raise NotYet("procfile_wrong", at, message=error) from None
    ours = check.sandbox.environment()["PYTHONPATH"]
    paths = [ours, given["PYTHONPATH"]] if "PYTHONPATH" in given else [ours]
    given |= {"PYTHONPATH": os.pathsep.join(paths), "PORT": str(port), "FLOWER_PORT": str(port)}
    return given | check.sandbox.inwards(database)


def _workers(check: Check) -> list[Service]:
    """Start all the workers that the Procfile names, and wait until each asks for work."""
    started = []
    for number, (line, place) in enumerate(commands(check, "worker")):
        env = environment(check, place, working.PROCFILE, free_port())
        cwd = (check.project.folder / place.file).parent
        worker = check.sandbox.start_own(f"procfile-{number}", line, cwd, env)
        try:
            working.await_worker(check, worker, working.PROCFILE, "worker_command", line=line)
        except NotYet as fault:
            fault.found.place = fault.found.place or place
            raise
        started.append(worker)
    return started


def _nothing_lost(check: Check, workers: list[Service]) -> None:
    """Kill the process that runs a task: the task is run again, or waits to be."""
    task = check.task
    children = [child for worker in workers for child in _pool(worker)]
    if not children:  # threads, say: with them the settings have to do
        if not task["acks_late"]:
            raise NotYet("task_lost", name=task["name"])
        return
    seconds = 3 if task["numbers"] else 0
    message = {
        "task": task["name"],
        "args": [2, 3],
        "kwargs": {name: seconds for name in task["numbers"]},
    }
    inwards = check.sandbox.inwards(working.PROCFILE)
    seen = check.sandbox.step("sending.post", inwards, message=message)
    if "id" not in seen:
        raise causes.fault(check.project, seen)
    if not check.sandbox.until(lambda: _taken(check, seen["id"]), 15):
        for worker in filter(working.ended, workers):
            raise NotYet("worker_dies", output=tail(worker.log))
        raise NotYet("not_consumed", name=task["name"], queues=_waiting(check))
    if _done(check, seen["id"]):  # too quick to be killed at work
        if not (task["acks_late"] and _comes_back(check)):
            raise NotYet("task_lost", name=task["name"])
        return
    time.sleep(0.2)  # from the main process to its child
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    check.sandbox.until(lambda: _done(check, seen["id"]) or _again(check, seen["id"]), NOTICED)
    if not _again(check, seen["id"]) and _state(check, seen["id"]) != "SUCCESS":
        raise NotYet("task_lost", name=task["name"])


def _visible_again(check: Check) -> None:
    """Not before the longest task has ended: it would run twice."""
    options = check.celery["conf"]["broker_transport_options"] or {}
    timeout = options.get("visibility_timeout")
    longest = max([GUIDE, *check.task["numbers"].values()])
    if check.task["acks_late"] and timeout is not None and timeout <= longest:
        place = check.project.assigned(
            name_of(check, "broker_transport_options"),
            check.project.file(check.manage["settings"]),
        )
        raise NotYet("visibility_short", place, seconds=timeout, longest=longest)


def _comes_back(check: Check) -> bool:
    conf = check.celery["conf"]
    return bool(check.task["reject_on_worker_lost"] or conf["task_retry_on_worker_lost"])


def _pool(worker: Service) -> list[psutil.Process]:
    """The processes of a prefork pool: forked from a `celery worker`, without one of their own."""
    found = psutil.Process(worker.pid).children(recursive=True)
    parents = {process.pid: process for process in [psutil.Process(worker.pid), *found]}
    pool = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            parent = parents.get(process.ppid())
            if parent and process.cmdline() == parent.cmdline() and not process.children():
                pool.append(process)
    return pool


def _state(check: Check, task_id: str) -> str:
    client = check.sandbox.client(working.PROCFILE)
    # A project may have the keys begin otherwise, and write the results otherwise.
    for key in client.keys(f"*{task_id}"):
        stored: Any = client.get(key)
        if found := re.search(r"SUCCESS|FAILURE|REVOKED|RETRY|STARTED", stored or ""):
            return found[0]
    return "PENDING"


def _done(check: Check, task_id: str) -> bool:
    return _state(check, task_id) in ("SUCCESS", "FAILURE", "REVOKED")


def _taken(check: Check, task_id: str) -> bool:
    """A worker holds the message (it is in `unacked`), or is done with it."""
    client = check.sandbox.client(working.PROCFILE)
    held = [value for key in client.keys("*unacked") for value in client.hvals(key)]
    return any(task_id in str(one) for one in held) or _state(check, task_id) != "PENDING"


def _waiting(check: Check) -> str:
    """The queues in which messages wait."""
    client = check.sandbox.client(working.PROCFILE)
    names = sorted(str(key) for key in client.keys("*") if client.type(key) == "list")
    return ", ".join(names) or NOTHING


def _again(check: Check, task_id: str) -> bool:
    return _state(check, task_id) == "RETRY"
