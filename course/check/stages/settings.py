"""Lesson 3: the settings are in force, and a worker does a first task."""

import difflib
import socket
from typing import Any
from urllib.parse import urlsplit

import redis

from course.check import working
from course.check.check import Check
from course.check.faults import NotYet, Place

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_MOST_DATABASES = 16  # a Redis server's own default
_SCHEMES = ("redis", "rediss")
_CELERYS_OWN = ("broker_url", "result_", "task_", "worker_", "accept_content")


def reach(check: Check) -> None:
    """Names, then values, then a worker."""
    _names(check)
    _values(check)
    _broker(check)
    _backend(check)
    working.first_result(check)


def name_of(check: Check, option: str) -> str:
    """How Django's settings call a setting of Celery's: CELERY_BROKER_URL."""
    return f"{check.celery['namespace'] or 'CELERY'}_{option}".upper()


def _place(check: Check, name: str) -> Place | None:
    return check.project.assigned(name, check.project.file(check.manage["settings"]))


def _names(check: Check) -> None:
    """Settings that Celery never looks at: wrong namespace, no prefix, a slip of the pen."""
    given: dict[str, Any] = check.manage["django_settings"]
    new, old = check.celery["options"]["new"], check.celery["options"]["old"]
    prefix = name_of(check, "")
    conf = check.celery["conf"]
    # The broker's first: of the other names some happen to be those of Celery 3, and do work.
    meant = sorted(
        (name for name in given if name.lower().removeprefix("celery_") in new),
        key=lambda name: not name.endswith("BROKER_URL"),
    )
    prefixed = [name for name in meant if name.startswith(("CELERY_", prefix))]
    calls = check.project.calls("config_from_object")
    if prefixed and check.celery["source"] is None:
        instance = check.project.applications()[0]
        raise NotYet("no_configuration", instance, name=prefixed[0])
    used = check.celery["namespace"] and any(name.startswith(prefix) for name in given)
    if prefixed and not used:
        namespace = check.celery["namespace"]
        at = calls[0] if calls else None
        raise NotYet("namespace", at, namespace=namespace, name=prefixed[0])
    module = check.project.file(check.manage["settings"])
    for name in given:
        if name.startswith(prefix) and len(places := check.project.all_assigned(name, module)) > 1:
            raise NotYet("assigned_twice", places[0], name=name, last=places[-1].line)
    right = [f"{prefix}{option.upper()}" for option in new]
    for name, value in given.items():
        place = _place(check, name)
        plain = name.lower()
        if name.startswith(prefix) and name.removeprefix(prefix).lower() in new:
            continue
        if plain in old or plain.removeprefix(prefix.lower()) in old:
            continue
        if not name.startswith(prefix) and plain in new:
            # Others (REDIS_HOST, TIMEZONE) may well be the project's own.
            if not plain.startswith(_CELERYS_OWN) or f"{prefix}{name}" in given:
                continue
            if conf.get(plain) == value:
                check.remark("unprefixed_works", place, name=name, right=f"{prefix}{name}")
                continue
            raise NotYet("unprefixed", place, name=name, right=f"{prefix}{name}")
        close = difflib.get_close_matches(name, right, 1, 0.87)
        if close and close[0] not in given:
            raise NotYet("misspelt", place, name=name, right=close[0])


def _broker(check: Check) -> None:
    name = name_of(check, "broker_url")
    address = check.celery["conf"]["broker_url"]
    _none(check, name)
    if not address:
        raise NotYet("broker_missing", _place(check, name), name=name)
    _address(check, name, address)


def _backend(check: Check) -> None:
    name = name_of(check, "result_backend")
    address = check.celery["conf"]["result_backend"]
    _none(check, name)
    if not address or str(address).startswith("disabled"):
        raise NotYet("backend_missing", _place(check, name), name=name)
    if check.celery.get("backend_error"):
        raise NotYet(
            "backend_unknown",
            _place(check, name),
            name=name,
            value=address,
            message=check.celery["backend_error"],
        )
    if str(address).startswith(_SCHEMES):
        _address(check, name, address)


def _none(check: Check, name: str) -> None:
    given = check.manage["django_settings"]
    if name in given and given[name] is None:
        raise NotYet("address_none", _place(check, name), name=name, value=repr(None))


def _address(check: Check, name: str, address: object) -> None:
    """The address of a Redis server. On this machine's 6379 nothing need answer now."""
    place = _place(check, name)
    value = str(address[0] if isinstance(address, list) and address else address)
    scheme, separator, _ = value.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise NotYet("broker_scheme", place, name=name, value=value)
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "localhost", parts.port or 6379
    except ValueError:
        raise NotYet("broker_port", place, name=name, value=value) from None
    database = parts.path.strip("/")
    if database and not (database.isdecimal() and int(database) < _MOST_DATABASES):
        raise NotYet("broker_database", place, name=name, value=value, database=database)
    if host in _LOCAL and port == 6379:
        return
    try:
        with redis.Redis.from_url(
            value, socket_timeout=1, socket_connect_timeout=1, retry=None
        ) as client:
            client.ping()
    except redis.AuthenticationError as error:
        raise NotYet("broker_password", place, name=name, message=error) from None
    except (redis.ConnectionError, redis.TimeoutError, OSError):
        if host in _LOCAL:
            raise NotYet("broker_port", place, name=name, value=value) from None
        raise NotYet(_host_fault(host), place, name=name, host=host, value=value) from None
    except redis.RedisError:
        return  # it is there; what it says is between it and Celery


def _host_fault(host: str) -> str:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return "broker_host"
    return "broker_silent"


def _values(check: Check) -> None:
    conf = check.celery["conf"]
    for option in check.celery["lists"]:
        name = name_of(check, option)
        raise NotYet("not_list", _place(check, name), name=name)
    for option in check.celery["texts"]:
        name = name_of(check, option)
        raise NotYet("not_text", _place(check, name), name=name)
    for option in (
        "accept_content",
        "result_accept_content",
        "task_serializer",
        "result_serializer",
    ):
        value = conf[option]
        if "pickle" in str(value) or "python-serialize" in str(value):
            name = name_of(check, option)
            raise NotYet("pickle", _place(check, name), name=name, value=value)
    if conf["task_always_eager"]:
        name = name_of(check, "task_always_eager")
        raise NotYet("eager", _place(check, name), name=name)
