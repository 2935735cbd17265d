"""Lesson 7: Flower, started by the Procfile, for this machine and behind a password."""

import contextlib
import http.client
import re
import ssl
import urllib.error
import urllib.request

import psutil

from course.check import working
from course.check.check import Check
from course.check.faults import CannotTell, NotYet, Place
from course.check.sandbox import tail
from course.check.stages.workers import commands, environment
from course.ports import free_port
from course.stack import Service

READY = 30.0  # seconds until it answers
BANNER = 3.0  # seconds more until it has told its address
_LOOPBACK = ("127.", "::1")
# No proxy; a certificate of one's own is as good here.
_DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({}),
    urllib.request.HTTPSHandler(context=ssl._create_unverified_context()),
)
_SOCKET = "unix socket file"  # what Flower says when it listens on one
_PAGES = ("/", "/workers", "/tasks", "/api/workers", "/api/tasks")


def reach(check: Check) -> None:
    """It listens where nobody else can reach it, and asks everyone for a password."""
    line, place = commands(check, "flower")[0]
    env = environment(check, place, working.PROCFILE, free_port())
    cwd = (check.project.folder / place.file).parent
    flower = check.sandbox.start_own("flower", line, cwd, env)

    def ready() -> object:
        return working.ended(flower) or _listening(flower) or flower.says(_SOCKET)

    check.sandbox.until(ready, READY)
    if flower.says(_SOCKET):
        return  # which nobody reaches over the network
    if working.ended(flower) or not (addresses := _listening(flower)):
        output = tail(flower.log)
        if "Address already in use" in output:
            raise CannotTell("flower_port", place, line=line)
        raise NotYet("flower_dies", place, line=line, output=output)
    file = place.file.with_name("flowerconfig.py")
    upper = check.project.all_assigned("ADDRESS", file)
    for host, _ in addresses:
        if not host.startswith(_LOOPBACK):
            at = upper[0] if upper else place
            raise NotYet("flower_upper" if upper else "flower_open", at, host=host)
    # It tells its address a moment after it listens, or not at all if it is told to be quiet.
    check.sandbox.until(lambda: working.ended(flower) or flower.says("Visit me at"), BANNER)
    prefix = re.search(r"Visit me at \w+://[^/\s]+(\S*)", tail(flower.log, 200))
    for host, port in addresses:
        _closed(check, place, host, port, prefix[1].rstrip("/") if prefix else "")
    workers = commands(check, "worker")
    asked = {"-E", "--task-events"} & {word for words, _ in workers for word in words.split()}
    if not check.celery["conf"]["worker_send_task_events"] and not asked:
        check.remark("no_events")


def _listening(flower: Service) -> list[tuple[str, int]]:
    """Addresses and ports that its processes listen on."""
    found = []
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(flower.pid)
        for process in [root, *root.children(recursive=True)]:
            for one in process.net_connections("inet"):
                if one.status == psutil.CONN_LISTEN:
                    found.append((one.laddr.ip, one.laddr.port))
    return found


def _closed(check: Check, place: Place, host: str, port: int, prefix: str) -> None:
    """Every page asks for a password, over HTTP or HTTPS. Raises NotYet."""
    family = f"[{host}]" if ":" in host else host
    asked = False
    for path in _PAGES:
        for scheme in ("http", "https"):
            try:
                with _DIRECT.open(
                    f"{scheme}://{family}:{port}{prefix}{path}", timeout=10
                ) as answer:
                    if "login" not in answer.url:
                        raise NotYet("flower_no_password", place, path=prefix + path)
                asked = True
            except urllib.error.HTTPError as error:
                asked = asked or error.code in (401, 403)
                break
            except (OSError, http.client.HTTPException):
                continue  # the other scheme, perhaps
    if not asked:
        check.remark("flower_unclear", place)
