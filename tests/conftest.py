"""What the tests share: a stack of real processes in a folder of its own, and a browser."""

import http.client
import json
import os
import signal
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from playwright.sync_api import Browser

from course import catalogue, execution, messages
from course.browser import opened
from course.ports import free_port
from course.site import refresh
from course.stack import Service, Stack

pytest_plugins = ["reuse", "terminals", "checking"]

T = TypeVar("T")

SERVERS = ["embedded", "redis-server"]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """English, and nothing of the caller's that would point elsewhere."""
    clear_environment(monkeypatch)
    messages.choose(None)


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables that would change what the tests find; no window opens either."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", *displays):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BROWSER", "true")  # macOS has no variable for the display
    for name in list(os.environ):
        if name.startswith(("CELERY_", "FLOWER_", "COURSE_", "DJANGO_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The broker's program: the embedded one, and the system's redis-server."""
    if request.param != "embedded":
        monkeypatch.setenv("COURSE_REDIS_SERVER", request.param)
    return request.param


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """An empty stack, ended after the test."""
    with Stack(tmp_path / "stack") as stack:
        stack.grace = 5
        yield stack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the finished lesson that a test may change."""
    folder = tmp_path / "project"
    catalogue.copy(catalogue.find("07_flower"), folder)
    return folder


def wait_for(condition: Callable[[], T], timeout: float = 30.0) -> T:
    """Wait until the condition holds and return what it gave."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def replace(path: Path, old: str, new: str) -> None:
    """Edit a file of a copy; the text must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def start_worker(stack: Stack, project: Path, options: str = "", **env: str) -> Service:
    """Start a worker as the Procfile does, and wait until it is ready."""
    worker = stack.start(
        "worker",
        f"celery -A myproject worker --loglevel=info --without-mingle {options}",
        project,
        lambda service: service.says(" ready."),
        env,
    )
    stack.wait("worker")
    return worker


def start_web(stack: Stack, project: Path, **env: str) -> "Visitor":
    """Start the project under gunicorn with an empty database; returns a visitor."""
    migrated = stack.run("python manage.py migrate", project, env)
    assert migrated.returncode == 0, migrated.stdout
    port = free_port()
    command = f"gunicorn myproject.wsgi --bind 127.0.0.1:{port} --threads 20"
    stack.start("web", command, project, lambda service: service.says("Listening at"), env)
    stack.wait("web")
    return Visitor(port)


class Visitor:
    """A visitor of the page, without JavaScript."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        status, _, cookie = self.request("GET", "/")
        assert status == 200
        self.cookie = cookie.split(";")[0]
        self.token = self.cookie.partition("=")[2]

    def request(self, method: str, path: str, **fields: object) -> tuple[int, str, str]:
        """Status, body and cookie of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {}
        if method == "POST":
            fields["csrfmiddlewaretoken"] = self.token
            headers = {
                "Cookie": self.cookie,
                "Content-Type": "application/x-www-form-urlencoded",
            }
        try:
            connection.request(method, path, urllib.parse.urlencode(fields), headers)
            response = connection.getresponse()
            body = response.read().decode()
        finally:
            connection.close()
        return response.status, body, response.headers.get("Set-Cookie", "")

    def add(self, x: object, y: object) -> tuple[int, dict[str, str]]:
        """Post the form; status and decoded answer."""
        status, body, _ = self.request("POST", "/add/", x=x, y=y)
        return status, json.loads(body)

    def task(self, path: str) -> tuple[int, dict[str, object]]:
        """Ask for a task's state; status and decoded answer."""
        status, body, _ = self.request("GET", path)
        return status, json.loads(body)


def command(process: psutil.Process) -> list[str]:
    """The words of its command line; none if it has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kill_tree(pid: int) -> None:
    """`kill -9` a process and all that it started."""
    process = psutil.Process(pid)
    for victim in [process, *process.children(recursive=True)]:
        victim.send_signal(signal.SIGKILL)


@pytest.fixture(scope="session")
def site() -> Path:
    """The pages in both languages, the notebooks run, built with every warning an error.

    What has not changed since an earlier run, or was built by a run beside this one, is used
    again.
    """
    folder = catalogue.ROOT / ".course" / "cache" / "site"
    execution.execute()
    refresh(folder, strict=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser that asks no address but ours."""
    with opened() as browser:
        yield browser
