"""Shutting down."""

import os
import signal

from conftest import kill_tree

from course.stack import Service

from .lab import Lab, Log

EARLY = """
del CELERY_TASK_ACKS_LATE, CELERY_TASK_REJECT_ON_WORKER_LOST, CELERY_TASK_RETRY_ON_WORKER_LOST
"""
BEGIN = """
import time
from myapp.tasks import add
result = add.delay(4, 6, seconds=60)
while result.state == 'PENDING':
    time.sleep(0.02)
print(result.id)
"""


def _running_task(lab: Lab, database: int, more: str = "") -> tuple[Service, str]:
    """A worker in the midst of a long task; and the task's id."""
    project = lab.project()
    with (project / "myproject/settings.py").open("a") as settings:
        settings.write(more)
    where = lab.names(database)
    worker = lab.start_worker(project, **where)
    return worker, lab.shell(project, BEGIN, **where).strip()


def warm_shutdown_waits(lab: Lab) -> Log:
    worker, _ = _running_task(lab, 8)
    os.kill(worker.pid, signal.SIGINT)
    return Log(worker)


def cold_shutdown(lab: Lab) -> Log:
    worker, _ = _running_task(lab, 9)
    os.kill(worker.pid, signal.SIGQUIT)
    return Log(worker)


def started_for_ever(lab: Lab) -> str:
    worker, task_id = _running_task(lab, 10, EARLY)
    kill_tree(worker.pid)
    code = f"from myapp.tasks import add; print(repr(add.AsyncResult('{task_id}').state))"
    return lab.shell(lab.project(), code, **lab.names(10))
