"""`course notebooks`: a real JupyterLab in a real browser, and every way to end it."""

import contextlib
import fcntl
import http.client
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest
from conftest import clear_environment, command, wait_for
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from terminals import Terminal, end
from test_start import course

from course import ipynb, jupyter
from course.catalogue import ROOT
from course.guard import marked
from course.messages import LANGUAGES, texts

pytestmark = pytest.mark.reuse()

COURSE = str(Path(sys.executable).with_name("course"))
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/lab/tree/(\w+)\.ipynb\?token=([\w-]+)")

# What JupyterLab and its French pack call things.
MENUS = {
    "en": ["File", "Edit", "View", "Run", "Kernel", "Tabs", "Settings", "Help"],
    "fr": [
        *["Fichier", "Édition", "Affichage", "Exécution"],
        *["Noyau", "Onglets", "Paramètres", "Aide"],
    ],
}
RUN_ALL = {"en": "Run All Cells", "fr": "Exécuter toutes les cellules"}

# Remembers what has appeared, even if it went away again.
WATCH = """
window.appeared = new Set();
new MutationObserver(() => {
    for (const one of document.querySelectorAll(".jp-Dialog, .Toastify__toast"))
        window.appeared.add(one.textContent);
}).observe(document, {childList: true, subtree: true});
"""
PROMPTS = """prompts = [...document.querySelectorAll(".jp-Cell .jp-InputPrompt")]
    .map(prompt => prompt.textContent)"""

# It starts all that there is to start, and has a worker busy for longer than any test.
SHORT = [
    "from course.notebook import begin\nlesson = begin('04')",
    "from myapp.tasks import add\nassert add.delay(4, 6, seconds=0).get(timeout=10) == 10",
    "import time\nadd.delay(4, 6, seconds=600)\nwhile len(lesson.runs()) < 2: time.sleep(0.05)",
]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without a past, closed after the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    context.add_init_script(WATCH)
    yield context
    context.close()


class Lab:
    """JupyterLab in a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        wait_for(lambda: terminal.shows("Ctrl-C") or terminal.process.poll() is not None, 120)
        found = ADDRESS.search(terminal.screen)
        assert found, terminal.screen
        self.terminal = terminal
        self.address = found[0]
        self.port, self.name, self.token = int(found[1]), found[2], found[3]

    def jupyter(self) -> psutil.Process:
        """The server's process."""
        [server] = [p for p in self.processes() if "jupyterlab" in command(p)]
        return server

    def kernels(self) -> list[psutil.Process]:
        return [p for p in self.processes() if "ipykernel_launcher" in command(p)]

    def processes(self) -> list[psutil.Process]:
        """What `course notebooks` has started, but for what a kernel has."""
        return marked(self.terminal.state / "jupyter")

    def started_by_kernels(self) -> list[psutil.Process]:
        locks = self.terminal.state.glob("notebooks/*/lock")
        return [process for lock in locks for process in marked(lock.parent)]

    def address_of(self, name: str) -> str:
        """Where to open a notebook, with no other beside it that was open before."""
        return self.address.replace(f"/tree/{self.name}", f"/workspaces/{uuid4()}/tree/{name}")

    def a_port_was_taken(self) -> bool:
        """Whether a kernel could not bind a port that was free when Jupyter chose it."""
        log = self.terminal.state / "jupyter" / "jupyter.log"
        return "Address already in use (addr='tcp:" in log.read_text()

    def shut_down(self, address: str = "") -> None:
        """End the kernel of the notebook that is open at an address, or all of them."""
        _, sessions = self.ask("GET", "/api/sessions", token=self.token)
        for session in json.loads(sessions):
            if not address or f"/tree/{session['path']}?" in address:
                path = f"/api/kernels/{session['kernel']['id']}"
                assert self.ask("DELETE", path, token=self.token)[0] == 204

    def shut_kernels_down(self) -> None:
        """End each kernel, as the menu does; nothing that one has started may be left."""
        self.shut_down()
        wait_for(lambda: not self.kernels() and not self.started_by_kernels())

    def ask(
        self, method: str, path: str, host: str | None = None, token: str = ""
    ) -> tuple[int, str]:
        """Ask the server; returns the status and the text of what it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Host": host or f"127.0.0.1:{self.port}"}
        if token:
            headers["Authorization"] = f"token {token}"
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def status(self, host: str | None = None, token: str = "") -> int:
        """The status of what it answers to somebody who wants to know what files there are."""
        return self.ask("GET", "/api/contents", host, token)[0]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """No other test chooses a port for JupyterLab meanwhile: both could choose the same."""
    cache = ROOT / ".course" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "jupyter.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start(state: Path, terminals: list[Terminal], name: str = "02", language: str = "en") -> Lab:
    """Start `course notebooks` and wait until it is ready. To be called `alone`."""
    # The command is the terminal's own process: its exit status is the terminal's.
    terminal = Terminal(f"exec {COURSE} notebooks {name} --lang {language}", state)
    terminals.append(terminal)
    return Lab(terminal)


def open_notebook(context: BrowserContext, lab: Lab, address: str) -> Page:
    """Open a notebook and wait until its kernel is ready."""
    page = context.new_page()
    page.goto(address)
    bar = page.locator("#jp-main-statusbar")
    ready = re.compile(r"Python 3 \(ipykernel\) \| (Idle|Inactif)")
    lost = page.get_by_text(re.compile(r"\(ipykernel\) \| (Unknown|Inconnu)"))
    expect(bar.get_by_text(ready).or_(lost)).to_be_visible(timeout=120_000)
    if lost.is_visible() and lab.a_port_was_taken():
        # Jupyter chooses a kernel's ports before it binds them, and other tests are at work. Such
        # a kernel never answers, and does not end by itself.
        lab.shut_down(address)
        page.reload()
    expect(bar).to_contain_text(ready, timeout=120_000)
    return page


def choose(page: Page, menu: str, entry: str) -> None:
    page.locator(".lm-MenuBar").get_by_text(menu, exact=True).click()
    page.locator(".lm-Menu").get_by_text(entry, exact=True).click()


def wait_until_it_runs(page: Page) -> None:
    page.wait_for_function(f"{PROMPTS}, prompts.includes('[*]:')")


def wait_until_it_has_run(page: Page, count: int) -> None:
    """Wait until a run that has begun, of `count` cells, has ended."""
    ended = f"{PROMPTS}, prompts.length == {count} && !prompts.includes('[*]:')"
    page.wait_for_function(ended, timeout=400_000)


def save(page: Page) -> None:
    # JupyterLab saves how its window is laid out, too.
    with page.expect_response(
        lambda response: response.request.method == "PUT" and "/api/contents/" in response.url
    ) as saved:
        page.keyboard.press("Control+s")
    assert saved.value.ok


def not_run_well(path: Path) -> list[Any]:
    """The code cells that have not run, and the errors of those that have."""
    code = [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]
    assert code
    skipped = [cell["source"] for cell in code if cell["execution_count"] is None]
    outputs = [output for cell in code for output in cell["outputs"]]
    return skipped + [output for output in outputs if output["output_type"] == "error"]


def load(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Lab]]:
    """For each language one JupyterLab, which several tests use; they end but their kernels."""
    running: dict[str, Lab] = {}
    terminals: list[Terminal] = []

    def lab(language: str) -> Lab:
        if language not in running:
            state = tmp_path_factory.mktemp(language) / "state"
            with pytest.MonkeyPatch.context() as monkeypatch, alone():
                clear_environment(monkeypatch)
                running[language] = start(state, terminals, language=language)
        return running[language]

    yield lab
    end(terminals)


class Session:
    """A reader who has run a short notebook, whose kernel, broker and worker are still there."""

    def __init__(self, lab: Lab, context: BrowserContext) -> None:
        self.lab = lab
        self.path = lab.terminal.state / "mine" / "en" / "short.ipynb"
        code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        sources = [code | {"id": f"c{number}", "source": text} for number, text in enumerate(SHORT)]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}}
        self.path.write_text(json.dumps(notebook | {"cells": sources}))
        self.page = open_notebook(context, lab, lab.address_of("short"))
        choose(self.page, "Run", "Run All Cells")
        wait_until_it_runs(self.page)
        wait_until_it_has_run(self.page, len(SHORT))
        save(self.page)
        assert not_run_well(self.path) == []
        [self.kernel] = lab.kernels()
        self.started = lab.started_by_kernels()
        words = {word for process in self.started for word in command(process)}
        assert {"--appendonly", "worker"} <= words


@pytest.fixture
def session(labs: Callable[[str], Lab], context: BrowserContext) -> Iterator[Session]:
    session = Session(labs("en"), context)
    yield session
    session.lab.shut_kernels_down()


@pytest.fixture
def session_alone(state: Path, terminals: list[Terminal], context: BrowserContext) -> Session:
    """One whose JupyterLab the test may end."""
    with alone():
        lab = start(state, terminals)
    return Session(lab, context)


# --- A notebook in the browser


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notebooks_run_top_to_bottom_side_by_side(
    language: str, labs: Callable[[str], Lab], context: BrowserContext
) -> None:
    lab = labs(language)
    asked: set[str] = set()
    native: list[str] = []
    context.on("request", lambda request: asked.add(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: asked.add(socket.url)))
    context.on("dialog", lambda dialog: (native.append(dialog.message), dialog.dismiss()))
    pages = {name: open_notebook(context, lab, lab.address_of(name)) for name in ipynb.written()}
    for page in pages.values():
        assert page.locator(".lm-MenuBar-itemLabel").all_inner_texts() == MENUS[language]
        choose(page, MENUS[language][3], RUN_ALL[language])
        wait_until_it_runs(page)
    assert len(lab.kernels()) == len(pages)

    for name, page in pages.items():
        path = lab.terminal.state / "mine" / language / f"{name}.ipynb"
        wait_until_it_has_run(page, len(load(path)["cells"]))
        save(page)
        assert not_run_well(path) == [], name
        assert page.evaluate("[...appeared]") == [], name

    assert native == []
    addresses = [urlsplit(url) for url in asked]
    assert {"http", "ws"} <= {address.scheme for address in addresses}
    outside = [one for one in addresses if one.scheme not in ("data", "blob")]
    assert {address.hostname for address in outside} == {"127.0.0.1"}
    lab.shut_kernels_down()


def test_the_address_that_is_shown_leads_to_the_notebook_that_was_asked_for(
    state: Path, terminals: list[Terminal], context: BrowserContext
) -> None:
    with alone():
        lab = start(state, terminals, "07", "fr")
    page = open_notebook(context, lab, lab.address)
    expect(page.locator(".jp-Notebook h1")).to_contain_text("7. Flower")


def test_restart_and_run_all_works_again_and_again(session: Session) -> None:
    for _ in range(2):
        [kernel] = session.lab.kernels()
        choose(session.page, "Kernel", "Restart Kernel and Run All Cells…")
        dialog = session.page.locator(".jp-Dialog")
        dialog.get_by_text("Restart", exact=True).click()
        dialog.wait_for(state="detached")
        wait_until_it_runs(session.page)
        wait_until_it_has_run(session.page, len(SHORT))
        assert not kernel.is_running()
        save(session.page)
        assert not_run_well(session.path) == []


def test_a_kernel_that_is_shut_down_takes_along_what_it_started(session: Session) -> None:
    server = session.lab.jupyter()
    choose(session.page, "Kernel", "Shut Down Kernel")
    wait_for(lambda: not session.lab.kernels())
    wait_for(lambda: not session.lab.started_by_kernels())
    assert session.lab.jupyter() == server
    assert session.lab.status(token=session.lab.token) == 200


def test_a_kernel_that_is_killed_takes_along_what_it_started(session: Session) -> None:
    server = session.lab.jupyter()
    assert session.kernel in server.children()
    session.kernel.kill()
    wait_for(lambda: not any(process.is_running() for process in session.started))
    assert session.lab.jupyter() == server
    assert session.lab.status(token=session.lab.token) == 200


# --- Nobody else gets in


def test_whatever_listens_is_reached_from_this_machine_alone(session: Session) -> None:
    listening = {
        connection.laddr.ip: process.cmdline()
        for process in session.lab.terminal.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening.keys() == {"127.0.0.1"}, listening


def test_the_token_is_in_no_command_line(session: Session) -> None:
    lines = [" ".join(command(process)) for process in psutil.process_iter()]
    assert any(f"--port={session.lab.port}" in line for line in lines)
    assert [line for line in lines if session.lab.token in line] == []


def test_nobody_is_answered_without_the_token_or_under_another_name(
    labs: Callable[[str], Lab],
) -> None:
    lab = labs("en")
    assert lab.status(token=lab.token) == 200
    assert lab.status() == 403
    assert lab.status(token="guessed") == 403
    # As a page elsewhere would whose name now leads to 127.0.0.1.
    assert lab.status(token=lab.token, host="elsewhere.example") == 403


# --- Every way to end


def ctrl_c(terminal: Terminal) -> None:
    terminal.press_ctrl_c()


def ctrl_c_twice(terminal: Terminal) -> None:
    terminal.press_ctrl_c()
    wait_for(lambda: terminal.shows("Ending."))
    terminal.press_ctrl_c()


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(ctrl_c, id="ctrl-c"),
        pytest.param(ctrl_c_twice, id="ctrl-c twice"),
        pytest.param(lambda terminal: terminal.process.terminate(), id="TERM"),
        pytest.param(lambda terminal: terminal.close(), id="closed terminal"),
    ],
)
def test_once_it_has_ended_nothing_is_left(
    way: Callable[[Terminal], None], session_alone: Session
) -> None:
    terminal = session_alone.lab.terminal
    way(terminal)
    assert terminal.process.wait(timeout=60) == 0
    assert terminal.processes() == []


def test_no_process_outlives_it_when_it_is_killed(session_alone: Session) -> None:
    terminal = session_alone.lab.terminal
    terminal.process.kill()
    wait_for(lambda: not terminal.processes(), timeout=45)


# --- The reader's copies


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook of the course that a test may change."""
    monkeypatch.setattr(ipynb, "FOLDER", tmp_path / "notebooks")
    path = tmp_path / "notebooks" / "en" / "02_celery_instance.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("first")
    return path


@pytest.fixture
def copy(tmp_path: Path, original: Path) -> Path:
    """The reader's copy of it."""
    folder = tmp_path / "mine" / "en"
    assert jupyter.renew_copies(folder, "en") == []
    copy = folder / original.name
    assert copy.read_text() == "first"
    return copy


def contents(copy: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in copy.parent.glob("*.ipynb")}


def test_an_untouched_copy_is_replaced(original: Path, copy: Path) -> None:
    original.write_text("second")
    assert jupyter.renew_copies(copy.parent, "en") == []
    assert contents(copy) == {copy.name: "second"}


def test_an_edited_copy_of_an_unchanged_original_is_left_alone(original: Path, copy: Path) -> None:
    copy.write_text("edited")
    assert jupyter.renew_copies(copy.parent, "en") == []
    assert contents(copy) == {copy.name: "edited"}


def test_an_edited_copy_of_a_changed_original_is_kept_aside(original: Path, copy: Path) -> None:
    copy.write_text("edited")
    original.write_text("second")
    assert jupyter.renew_copies(copy.parent, "en") == ["02_celery_instance-old.ipynb"]
    assert contents(copy) == {copy.name: "second", "02_celery_instance-old.ipynb": "edited"}


def test_a_copy_kept_aside_earlier_stays(original: Path, copy: Path) -> None:
    for number in (2, 3):
        copy.write_text(f"edited {number}")
        original.write_text(f"version {number}")
        assert len(jupyter.renew_copies(copy.parent, "en")) == 1
    assert sorted(contents(copy).values()) == ["edited 2", "edited 3", "version 3"]


def test_a_copy_that_the_reader_has_removed_comes_back(original: Path, copy: Path) -> None:
    copy.unlink()
    assert jupyter.renew_copies(copy.parent, "en") == []
    assert contents(copy) == {copy.name: "first"}


@pytest.mark.parametrize("original_now", ["first", "second"])
def test_a_record_cut_short_loses_nothing(original_now: str, original: Path, copy: Path) -> None:
    record = copy.parent / ".copied.json"
    record.write_text(record.read_text()[:20])
    copy.write_text("edited")
    original.write_text(original_now)
    jupyter.renew_copies(copy.parent, "en")
    assert sorted(contents(copy).values()) == ["edited", original_now]
    assert json.loads(record.read_text())


# --- What can be wrong


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "lessons/01_install has no notebook"),
        ("fr", "lessons/01_install n'a pas de notebook"),
    ],
)
def test_a_lesson_without_a_notebook_says_so(language: str, sentence: str) -> None:
    ended = course("notebooks", "01", "--lang", language)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_busy_port_gives_way_to_another(labs: Callable[[str], Lab]) -> None:
    running = {language: labs(language) for language in LANGUAGES}
    moved = {language: lab.port for language, lab in running.items() if lab.port != 8888}
    assert moved  # two run at the same time
    for language, port in moved.items():
        told = texts(language)["port_busy"].format(busy=8888, port=port)
        assert told in running[language].terminal.screen
    assert all(lab.status(token=lab.token) == 200 for lab in running.values())


# --- The browser that is opened


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    opened: list[str] = []
    monkeypatch.setattr(jupyter, "COPIES", tmp_path)
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("sys.platform", "linux")
    return opened


@pytest.mark.parametrize("display", ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"])
def test_the_browser_is_opened_by_a_file_that_the_user_alone_may_read(
    display: str,
    opened: list[str],
    tmp_path: Path,
    context: BrowserContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(display, ":0")
    file = tmp_path / "open.html"
    file.write_text("an older one")
    file.chmod(0o644)
    address = "http://127.0.0.1:1/lab/tree/02.ipynb?token=a-secret&b=<c>"
    jupyter._open_browser(address)
    assert opened == [file.as_uri()]
    assert file.stat().st_mode & 0o777 == 0o600

    def answer(route: Route) -> None:
        route.fulfill(body="the notebook")

    context.route("http://127.0.0.1:1/**", answer)
    page = context.new_page()
    page.goto(opened[0])
    expect(page.get_by_text("the notebook")).to_be_visible()
    assert page.evaluate("new URL(location).searchParams.get('token')") == "a-secret"


def test_without_a_display_no_browser_is_opened(opened: list[str], tmp_path: Path) -> None:
    jupyter._open_browser("http://127.0.0.1:1/")
    assert opened == []
    assert list(tmp_path.iterdir()) == []
