"""The messages that a broker holds, decoded."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis

from course.messages import say
from course.notebook.faults import NotebookError
from course.notebook.tables import Table


def waiting(broker_url: str, queue: str) -> Table:
    """The messages in a queue, the next one first.

    Each row holds `task`, `id`, `args`, `kwargs`, and the whole `message` as Celery wrote it
    (Celery's documentation, "Message Protocol"); what cannot be decoded is shown as it is.
    """
    with _client(broker_url) as client:
        # Workers take from the end that messages are not put in at.
        found = cast(list[bytes], client.lrange(queue, 0, -1))[::-1]
    return _table(say("queue_waiting", queue=queue, count=len(found)), found)


def taken(broker_url: str) -> Table:
    """The messages that workers hold and have not acknowledged; the columns of `waiting`."""
    with _client(broker_url) as client:
        held = client.hvals("unacked")
    found = [json.dumps(json.loads(one)[0]).encode() for one in held]
    return _table(say("queue_taken", count=len(found)), found)


def empty(broker_url: str) -> None:
    """Remove all that a broker holds."""
    with _client(broker_url) as client:
        client.flushall()


@contextmanager
def _client(broker_url: str) -> "Iterator[redis.Redis]":
    if not broker_url:
        raise NotebookError(say("notebook_no_process", name="broker"))
    try:
        with redis.Redis.from_url(broker_url) as client:
            yield client
    except redis.RedisError as error:
        raise NotebookError(say("queue_unreachable", why=error)) from None


def _table(caption: str, found: list[bytes]) -> Table:
    columns = {"task": say("queue_task"), "id": say("queue_id")}
    columns |= {"args": say("queue_args"), "kwargs": say("queue_kwargs")}
    return Table(caption, columns, [_decoded(one) for one in found])


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        message = json.loads(raw)
        headers = message["headers"]
        args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
        row = {"task": headers["task"], "id": headers["id"], "args": args, "kwargs": kwargs}
    except (ValueError, TypeError, KeyError):  # not written by Celery
        return {"task": "?", "id": "?", "args": raw.decode(errors="replace"), "kwargs": "?"}
    return row | {"message": message}
