"""A worker of the learner's application, and tasks given to it."""

import shlex
from typing import Any

from course.check import causes
from course.check.check import Check
from course.check.faults import NotYet
from course.check.sandbox import tail
from course.stack import Service

READY = 30.0  # seconds until a worker asks for work
RESULT = 20.0  # seconds for the result of a task, the guide's own ten among them

# Databases of our broker: nobody takes another's messages.
VIEWS, WORKER, PROCFILE, COMMANDS = range(4)


def start(check: Check) -> Service:
    """A worker as page 3 starts it, for every queue that the tasks go to."""
    words = [str(check.sandbox.python), "-m", "celery", "-A", check.celery["name"], "worker"]
    words += ["--loglevel=info", "--without-mingle", "--without-gossip", "--concurrency=2"]
    words += ["--queues", ",".join(check.celery["queues"])]
    worker = check.sandbox.start_own(
        "worker", f"exec {shlex.join(words)}", check.project.base, check.sandbox.inwards(WORKER)
    )
    await_worker(check, worker, WORKER, "worker_dies")
    return worker


def await_worker(check: Check, worker: Service, database: int, key: str, line: str = "") -> None:
    """Wait until a worker asks the broker for work. Raises NotYet with `key` if it ends.

    line: the command, for what is said then.
    """
    client = check.sandbox.client(database)

    def asking() -> int:
        there = [one for one in client.client_list() if int(one["db"]) == database]
        return sum(one["cmd"].lower() == "brpop" for one in there)

    before = asking()

    def asks() -> bool:
        return asking() > before

    check.sandbox.until(lambda: ended(worker) or asks(), READY)
    if ended(worker):
        raise NotYet(key, output=tail(worker.log), line=line)
    if not asks():
        raise NotYet("worker_silent", output=tail(worker.log), seconds=int(READY))


def ended(service: Service) -> bool:
    """Whether a process has ended by itself, once or more."""
    return service.starts > 1 or service.process is None or service.process.poll() is not None


def first_result(check: Check) -> None:
    """A worker does a task that every Celery has: adding up is not its point, the result is."""
    worker = start(check)
    message = {"task": "celery.accumulate", "args": [2, 3], "kwargs": {}, "timeout": RESULT}
    sent = send(check, [message], None)[0]
    if "value" in sent:
        return
    if ended(worker):
        raise NotYet("worker_dies", output=tail(worker.log))
    refuse(check, sent, worker)


def send(check: Check, messages: list[dict[str, Any]], until: object) -> list[dict[str, Any]]:
    """Send messages to the worker and see what becomes of each; no more after the value `until`."""
    seen = check.sandbox.step(
        "sending.send",
        check.sandbox.inwards(WORKER),
        RESULT * len(messages) + 10,
        messages=messages,
        until=until,
    )
    if "sent" not in seen or "error" in seen:
        raise causes.fault(check.project, seen)
    sent: list[dict[str, Any]] = seen["sent"]
    return sent


def refuse(check: Check, sent: dict[str, Any], worker: Service) -> None:
    """Raise what a task that brought no result tells."""
    name = sent["task"]
    if "not_sent" in sent:
        if "EncodeError" in sent["not_sent"]["bases"]:
            raise NotYet(
                "model_instance",
                causes.where(sent["not_sent"]),
                message=sent["not_sent"]["message"],
            )
        raise causes.of_error(check.project, sent["not_sent"])
    if "failed" in sent:
        if sent["failed"]["type"] == "NotRegistered":
            raise NotYet("unregistered", name=name)
        place = check.sandbox.last_place(sent["traceback"])
        raise NotYet(
            "task_fails",
            place,
            name=name,
            type=sent["failed"]["type"],
            message=sent["failed"]["message"],
        )
    taken = sent["late"] != "PENDING" or worker.says(f"{sent['id']}] received")
    raise NotYet(
        "never_ends" if taken else "no_result",
        name=name,
        seconds=int(RESULT),
        state=sent["late"],
        output=tail(worker.log),
    )
