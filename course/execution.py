"""Runs the notebooks, and keeps what came of it until a notebook or its lesson changes."""

import asyncio
import fcntl
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course import catalogue, ipynb, jupyter
from course.messages import LANGUAGES, say, texts

KEPT = catalogue.STATE / "cache" / "notebooks"
# They wait more than they compute, so there are more of them at a time than cores.
AT_A_TIME = 6
# A kernel would warn each time that it listens on the loopback interface, and keep a history.
QUIET = ["--IPKernelApp.log_level=40", "--HistoryManager.enabled=False"]
PATIENCE = 180  # seconds a cell may take
# What an execution depends on, besides the notebook and its lesson.
MACHINERY = ["notebook", "stack.py", "guard.py", "broker.py", "../requirements/notebooks.txt"]


class ExecutionError(Exception):
    """A notebook could not be run. The message says why: the cell and its error, if it is one."""


def possible() -> bool:
    """Whether the packages are there that run notebooks: `make notebooks` installs them."""
    return importlib.util.find_spec("nbclient") is not None


def state(name: str, language: str) -> str:
    """What names the state of all that a notebook's results come from; its prose does not count."""
    cells = ipynb.load(name, language)["cells"]
    code = [[cell["id"], cell["source"]] for cell in cells if cell["cell_type"] == "code"]
    snapshot = catalogue.find(name)
    paths = [snapshot.path / path for path in snapshot.files() if path.parts[0] != "tests"]
    for part in MACHINERY:
        folder = catalogue.ROOT / "course" / part
        paths += sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]
    contents = [path.read_text(encoding="utf-8") for path in paths]
    # Of what the course says, what its notebooks say.
    said = {key: text for key, text in texts(language).items() if f'"{key}"' in "".join(contents)}
    parts = [language, sys.version, code, said, contents]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def executed(name: str, language: str) -> Any | None:
    """The executed notebook; None when it has not been since something changed.

    In it, solutions are code, and have been run.
    """
    try:
        kept = json.loads(_kept(name, language).read_text(encoding="utf-8"))
        return kept["notebook"] if kept["state"] == state(name, language) else None
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return None


def _kept(name: str, language: str) -> Path:
    return KEPT / language / f"{name}.json"


def execute(names: Iterable[str] = (), again: bool = False) -> list[tuple[str, str]]:
    """Execute what has no results yet (again: everything), side by side; returns which.

    One process at a time does so. Raises ExecutionError for the first that fails, once all
    have ended.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [
            (name, language)
            for name in names or reversed(ipynb.written())  # later ones take longer: they go first
            for language in LANGUAGES
            if again or executed(name, language) is None
        ]
        if missing and not possible():
            raise ExecutionError(say("notebooks_not_installed"))
        if missing:
            _execute_all(missing)
        return missing


def _execute_all(missing: list[tuple[str, str]]) -> None:
    from anyio.from_thread import start_blocking_portal

    # In a thread of its own: this one may have a loop already, and nbclient would take Ctrl-C
    # for itself and end one kernel of several. On Ctrl-C, all that runs is cancelled.
    with start_blocking_portal() as portal:
        portal.call(_execute, missing)


async def _execute(missing: list[tuple[str, str]]) -> None:
    limit = asyncio.Semaphore(AT_A_TIME)
    os.environ.update(jupyter.environment())

    async def one(name: str, language: str) -> None:
        async with limit:
            await _execute_one(name, language)

    ends = await asyncio.gather(*(one(*which) for which in missing), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end


async def _execute_one(name: str, language: str) -> None:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    before = state(name, language)
    notebook = nbformat.from_dict(ipynb.load(name, language))
    client = NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        extra_arguments=QUIET,
        coalesce_streams=True,
        # The folder's name tells the language.
        resources={"metadata": {"path": str(ipynb.FOLDER / language)}},
    )
    try:
        await client.async_execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise ExecutionError(f"{language}/{name}: {error}") from None
    path = _kept(name, language)
    path.parent.mkdir(exist_ok=True)
    kept = {"state": before, "notebook": json.loads(nbformat.writes(notebook))}
    path.write_text(json.dumps(kept), encoding="utf-8")
