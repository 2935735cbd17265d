"""Lesson 7: Flower, started by the Procfile, for this machine and behind a password."""

import contextlib
import urllib.error
import urllib.request

import psutil

from course.check import working
from course.check.check import Check
from course.check.faults import CannotTell, NotYet
from course.check.sandbox import tail
from course.check.stages.workers import command, environment
from course.ports import free_port
from course.stack import Service

READY = 30.0  # seconds until it answers
_LOOPBACK = ("127.", "::1")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PAGES = ("/", "/workers", "/tasks", "/api/workers", "/api/tasks")


def reach(check: Check) -> None:
    """It listens where nobody else can reach it, and asks everyone for a password."""
    _, line, place = command(check, "flower")
    port = free_port()
    env = environment(check, place, working.PROCFILE) | {"FLOWER_PORT": str(port)}
    cwd = (check.project.folder / place.file).parent
    flower = check.sandbox.start_own("flower", line, cwd, env)
    check.sandbox.until(lambda: working.ended(flower) or _listening(flower), READY)
    if working.ended(flower) or not (addresses := _listening(flower)):
        output = tail(flower.log)
        if "Address already in use" in output:
            raise CannotTell("flower_port", place, line=line)
        raise NotYet("flower_dies", place, line=line, output=output)
    file = place.file.with_name("flowerconfig.py")
    upper = check.project.all_assigned("ADDRESS", file)
    for host, _ in addresses:
        if upper and not host.startswith(_LOOPBACK):
            raise NotYet("flower_upper", upper[0], host=host)
        if not host.startswith(_LOOPBACK):
            raise NotYet("flower_open", place, host=host)
    for host, found in addresses:
        if open_page := _open_page(host, found):
            raise NotYet("flower_no_password", place, path=open_page)
    worker_line = command(check, "worker")[1]
    reports = check.celery["conf"]["worker_send_task_events"]
    if not reports and not {"-E", "--task-events"} & set(worker_line.split()):
        check.remark("no_events")


def _listening(flower: Service) -> list[tuple[str, int]]:
    """Addresses and ports that its processes listen on."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(flower.pid)
        for process in [root, *root.children(recursive=True)]:
            for one in process.net_connections("inet"):
                if one.status == psutil.CONN_LISTEN:
                    found.append((one.laddr.ip, one.laddr.port))
    return found


def _open_page(host: str, port: int) -> str | None:
    """A page that answers without a password."""
    family = f"[{host}]" if ":" in host else host
    for path in _PAGES:
        try:
            with _DIRECT.open(f"http://{family}:{port}{path}", timeout=10) as answer:
                if "login" not in answer.url:
                    return path
        except urllib.error.HTTPError:
            continue
        except (TimeoutError, OSError):
            continue
    return None
