"""`course start` and `course broker` as a whole: a terminal, a browser, and every way to end."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import command, replace, start_web, start_worker, wait_for
from playwright.sync_api import Browser, Page, expect
from terminals import Terminal

from course.catalogue import ROOT
from course.ports import free_port
from course.stack import Stack

pytestmark = pytest.mark.reuse()

COURSE = str(Path(sys.executable).with_name("course"))


def course(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `course` to its end."""
    return subprocess.run(
        [COURSE, *words], env=os.environ | env, capture_output=True, text=True, cwd=ROOT
    )


def checkout() -> set[str]:
    """Every file of the snapshots, and what lies at the top of the checkout."""
    top = {path.name for path in ROOT.iterdir()}
    return top | {
        str(path) for folder in ("lessons", "recipes") for path in (ROOT / folder).rglob("*")
    }


def listener(port: int) -> socket.socket | None:
    """A listening socket; None if the port is taken."""
    with contextlib.suppress(OSError):
        return socket.create_server(("127.0.0.1", port))


def add(page: Page, x: int, y: int) -> None:
    page.get_by_label("First number").fill(str(x))
    page.get_by_label("Second number").fill(str(y))
    page.get_by_role("button", name="Add").click()


def test_from_make_start_to_ten_on_the_page_and_in_flower(
    server: str, browser: Browser, state: Path, terminals: list[Terminal]
) -> None:
    before = checkout()
    busy = wait_for(lambda: listener(8000), timeout=120)  # a test beside this one may have it
    terminal = Terminal("make start", state)
    terminals.append(terminal)
    wait_for(lambda: terminal.shows("Ready."), timeout=90)
    wait_for(lambda: terminal.shows("password"))
    busy.close()
    assert "Port 8000 is busy" in terminal.screen
    web = re.search(r"web +(http://127.0.0.1:\d+/)", terminal.screen)[1]
    site = re.search(r"site +(http://127.0.0.1:\d+/)", terminal.screen)[1]
    flower, password = re.search(
        r"flower +(http://127.0.0.1:\d+/) +\(user admin, password (\S+)\)", terminal.screen
    ).groups()
    assert not web.endswith(":8000/")

    context = browser.new_context()
    asked: set[str] = set()
    context.on("request", lambda request: asked.add(request.url))
    page = context.new_page()
    page.goto(web)
    add(page, 4, 6)
    expect(page.get_by_role("status")).to_contain_text("STARTED")

    # Both processes of the worker are busy; then the broker dies while a task waits.
    waiting = context.new_page()
    for _ in range(2):
        waiting.goto(web)
        add(waiting, 40, 2)
        expect(waiting.get_by_role("status")).to_contain_text(re.compile("PENDING|STARTED"))
    broker = next(p for p in terminal.processes() if "--appendonly" in command(p))
    broker.send_signal(signal.SIGKILL)

    expect(page.get_by_role("status")).to_contain_text("SUCCESS. The result is 10.", timeout=30_000)
    expect(waiting.get_by_role("status")).to_contain_text("The result is 42.", timeout=60_000)
    assert all(url.startswith(web) for url in asked)
    assert terminal.shows("broker has ended (SIGKILL)")

    assert context.request.get(flower).status == 401
    # It is built now that it is asked for.
    assert context.request.get(f"{site}fr/", timeout=120_000).ok
    known = browser.new_context(http_credentials={"username": "admin", "password": password})
    tasks = known.new_page()
    tasks.goto(f"{flower}tasks")
    expect(tasks.locator("#tasks-table")).to_contain_text("myapp.tasks.add")
    expect(tasks.locator("#tasks-table")).to_contain_text("SUCCESS")
    context.close()
    known.close()

    terminal.press_ctrl_c()
    wait_for(lambda: terminal.shows("Ending."))
    terminal.process.wait(timeout=60)
    assert terminal.processes() == []
    assert checkout() == before


def test_the_page_tells_a_failure_and_an_unreachable_broker(
    browser: Browser, stack: Stack, project: Path
) -> None:
    replace(project / "myapp/tasks.py", "return x + y", "raise ValueError('a secret')")
    replace(project / "myapp/tasks.py", "seconds=10", "seconds=0")
    stack.start_broker()
    visitor = start_web(stack, project)
    start_worker(stack, project)
    page = browser.new_page()
    page.goto(visitor.address)
    add(page, 4, 6)
    expect(page.get_by_role("status")).to_contain_text("FAILURE (ValueError).")
    stack.end("broker")
    add(page, 7, 6)
    expect(page.get_by_role("status")).to_contain_text("may have been queued all the same")
    page.close()


@pytest.mark.parametrize("way", ["closed terminal", "killed parent", "kill -9", "ctrl-c twice"])
def test_no_process_outlives(way: str, state: Path, terminals: list[Terminal]) -> None:
    # As make would be, a shell is the parent.
    terminal = Terminal(f"{COURSE} start; true", state)
    terminals.append(terminal)
    wait_for(lambda: {"broker", "web", "worker", "flower"} <= terminal.services(), timeout=90)
    started = [process.pid for process in terminal.processes()]
    assert len(started) >= 4
    shell = psutil.Process(terminal.process.pid)

    if way == "closed terminal":
        terminal.close()
    elif way == "killed parent":
        shell.kill()
    elif way == "kill -9":
        shell.children()[0].kill()
    else:
        terminal.press_ctrl_c()
        wait_for(lambda: terminal.shows("Ending."))
        terminal.press_ctrl_c()

    def gone() -> bool:
        if way != "closed terminal":
            terminal.shows("")
        return not terminal.processes()

    wait_for(gone, timeout=45)


@pytest.mark.parametrize(
    ("subcommand", "folder"), [("start", "lessons/07_flower"), ("notebooks", "jupyter")]
)
def test_a_second_start_says_that_it_is_running(subcommand: str, folder: str, state: Path) -> None:
    with Stack(state / folder):
        ended = course(subcommand, COURSE_STATE=str(state))
    assert ended.returncode == 2
    assert "It is running already" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_lesson_with_nothing_to_start_says_so(state: Path) -> None:
    ended = course("start", "03", COURSE_STATE=str(state))
    assert ended.returncode == 2
    assert "lessons/03_settings has no Procfile" in ended.stderr


def test_an_unknown_lesson_gets_the_list_of_those_there_are() -> None:
    ended = course("start", "8", "--lang", "fr")
    assert ended.returncode == 2
    assert "Aucune leçon ni recette ne s'appelle «\u00a08\u00a0»" in ended.stderr
    assert "07_flower" in ended.stderr


def test_the_broker_that_the_environment_names_is_used(
    stack: Stack, state: Path, terminals: list[Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.start_broker()
    monkeypatch.setenv("CELERY_BROKER_URL", stack.broker_url)
    terminal = Terminal(f"{COURSE} start", state)
    terminals.append(terminal)
    wait_for(lambda: terminal.shows("Using the broker that CELERY_BROKER_URL names."))
    wait_for(lambda: terminal.shows("Connected to"), timeout=60)
    assert "broker" not in terminal.services()
    terminal.press_ctrl_c()
    terminal.process.wait(timeout=60)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("redis://127.0.0.1:1/0", "No Redis or Valkey server answers at CELERY_BROKER_URL"),
        ("amqp://guest@127.0.0.1//", "is not the address of a Redis"),
    ],
)
def test_a_broker_of_no_use_is_named(address: str, sentence: str, state: Path) -> None:
    ended = course("start", CELERY_BROKER_URL=address, COURSE_STATE=str(state))
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("subcommand", ["start", "notebooks"])
def test_a_full_disk_gets_a_sentence(subcommand: str, tmp_path: Path) -> None:
    script = f"mount -t tmpfs -o size=16k none {tmp_path} && exec {COURSE} {subcommand}"
    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        env=os.environ | {"COURSE_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ended.returncode == 2
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("kind", "sentence"), [("redis", "already answers on port"), ("other", "taken by another")]
)
def test_a_busy_broker_port_is_told_apart(
    kind: str, sentence: str, stack: Stack, state: Path
) -> None:
    port = free_port()
    if kind == "redis":
        stack.start_broker(port)
        ended = course("broker", "--port", str(port), COURSE_STATE=str(state))
    else:
        with socket.create_server(("127.0.0.1", port)):
            ended = course("broker", "--port", str(port), COURSE_STATE=str(state))
    assert ended.returncode == 2
    assert sentence in ended.stderr


def test_the_broker_alone_answers_until_ctrl_c(
    server: str, state: Path, terminals: list[Terminal]
) -> None:
    port = free_port()
    terminal = Terminal(f"{COURSE} broker --port {port}", state)
    terminals.append(terminal)
    wait_for(lambda: terminal.shows(f"The broker answers at redis://127.0.0.1:{port}/0"))
    asked = time.monotonic()
    terminal.press_ctrl_c()
    terminal.process.wait(timeout=20)
    assert time.monotonic() - asked < 20
    assert terminal.processes() == []
