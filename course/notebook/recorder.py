"""Notes when each task starts and ends, in the process that runs it.

The notebooks' workers import it (`celery worker --include`). States in the result store would
not do: they come late, and a task that is sent again overwrites what it was.
"""

import json
import os
import threading
import time
from typing import Any

from celery.signals import task_postrun, task_prerun


@task_prerun.connect
def _started(task_id: str, task: Any, **kwargs: Any) -> None:
    _note(task_id, task, "start")


@task_postrun.connect
def _ended(task_id: str, task: Any, state: str | None = None, **kwargs: Any) -> None:
    _note(task_id, task, state or "end")


def _note(task_id: str, task: Any, what: str) -> None:
    line = {
        "id": task_id,
        "task": task.name,
        "worker": task.request.hostname,
        "process": os.getpid(),
        "thread": threading.get_ident(),
        "what": what,
        "at": time.time(),
    }
    # One short write at the end of the file: lines of several processes do not mix.
    with open(os.environ["COURSE_RECORD"], "a", encoding="utf-8") as record:
        record.write(json.dumps(line) + "\n")
