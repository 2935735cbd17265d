"""`course notebooks`: JupyterLab on the reader's copies of the notebooks, until Ctrl-C."""

import hashlib
import json
import os
import secrets
import shutil
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from course import catalogue, ipynb
from course.messages import language, say
from course.stack import Stack, StackError
from course.start import (
    Terminal,
    refuse,
    serves,
    start_site,
    stoppable,
    until_asked_to_end,
    usual_port,
)

FOLDER = catalogue.STATE / "jupyter"
PORT = 8888
# Outside .course/, which `make clean` removes; inside a state folder that somebody has named.
COPIES = catalogue.STATE / "mine" if "COURSE_STATE" in os.environ else ipynb.FOLDER / "mine"
LOCALES = {"en": "default", "fr": "fr_FR"}


def environment() -> dict[str, str]:
    """Variables under which Jupyter reads and writes our folder, not the user's own."""
    folders = {
        "JUPYTER_CONFIG_DIR": FOLDER / "config",
        "JUPYTER_DATA_DIR": FOLDER / "data",
        "JUPYTER_RUNTIME_DIR": FOLDER / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": FOLDER / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": FOLDER / "workspaces",
        "IPYTHONDIR": FOLDER / "ipython",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    # Our own kernel comes before one that the user has installed under the same name.
    return {**{name: str(path) for name, path in folders.items()}, "JUPYTER_PREFER_ENV_PATH": "1"}


def notebooks(name: str) -> int:
    """Start JupyterLab on the notebook called `name`; returns the exit status.

    It listens on this machine alone and wants a password, which the address holds that is
    shown and opened. The pages are served beside it, for the notebooks' links.

    0: it was asked to end, and has. 2: it could not start; the reason is told.
    """
    terminal = Terminal()
    try:
        stack = Stack(FOLDER, terminal.tell)
        with stoppable(stack), _swept(), stack:
            folder = COPIES / language()
            for kept in renew_copies(folder, language()):
                terminal.tell(say("notebooks_kept", kept=kept))
            address = _start(stack, terminal, folder, name)
            site = start_site(stack, terminal, "127.0.0.1")
            stack.wait("jupyter", "site")
            if not stack.stop.is_set():
                terminal.tell("\n".join([say("notebooks_ready", url=address), *site]), bold=True)
                _open_browser(address)
            until_asked_to_end(stack, terminal, "ending_at_once", follow=False)
    except StackError as error:
        return refuse(str(error))
    return 0


@contextmanager
def _swept() -> Iterator[None]:
    """At the end, wait until what the kernels have started has ended."""
    yield
    from course.notebook.folders import sweep

    sweep()


def _start(stack: Stack, terminal: Terminal, folder: Path, name: str) -> str:
    """Start JupyterLab; returns the address to open."""
    token = secrets.token_urlsafe(24)
    port = usual_port(PORT, terminal)
    variables = environment() | {"JUPYTER_TOKEN": token}  # others can read a command line
    _write_settings()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.extension_manager=readonly"]  # the other kind asks PyPI
    if os.geteuid() == 0:
        command += ["--allow-root"]
    server = f"http://127.0.0.1:{port}/"
    stack.start("jupyter", command, folder, lambda service: serves(f"{server}api"), variables)
    return f"{server}lab/tree/{name}.ipynb?token={token}"


def _write_settings() -> None:
    """The reader's language; no question about news, nor one asked of other machines."""
    settings = {
        "@jupyterlab/translation-extension:plugin": {"locale": LOCALES[language()]},
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
    }
    folder = FOLDER / "config" / "labconfig"
    folder.mkdir(exist_ok=True)
    (folder / "default_setting_overrides.json").write_text(json.dumps(settings))


def renew_copies(folder: Path, of_language: str) -> list[str]:
    """Bring the reader's copies up to date; returns the names that edited ones are kept under.

    A copy that the reader has changed is never overwritten: when its original changes too, it
    is moved aside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / ".copied.json"
    try:
        copied: dict[str, str] = dict(json.loads(record.read_text()))
    except (FileNotFoundError, TypeError, ValueError):  # none yet, or a disk that was full
        copied = {}
    kept = []
    for original in sorted((ipynb.FOLDER / of_language).glob("*.ipynb")):
        name, copy = original.stem, folder / original.name
        current = _hash(original)
        if copy.exists() and copied.get(name) == current:
            continue
        if copy.exists() and _hash(copy) not in (copied.get(name), current):
            aside = next(path for path in _aside(copy) if not path.exists())
            copy.rename(aside)
            kept.append(str(aside.relative_to(folder)))
        shutil.copy(original, copy)
        copied[name] = current
    record.write_text(json.dumps(copied))
    return kept


def _aside(copy: Path) -> "list[Path]":
    return [copy.with_stem(f"{copy.stem}-old{number or ''}") for number in range(1000)]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _open_browser(address: str) -> None:
    """Open the address, by way of a file: others could read it from a command line."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
    if sys.platform != "darwin" and not any(os.environ.get(name) for name in displays):
        return
    # Not in a hidden folder, where a browser that is a snap may not look.
    way = COPIES / "open.html"
    way.unlink(missing_ok=True)
    with open(os.open(way, os.O_CREAT | os.O_WRONLY, 0o600), "w") as page:
        page.write(f'<meta http-equiv="refresh" content="0; url={escape(address)}">\n')
    webbrowser.open(way.as_uri())
