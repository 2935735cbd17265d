"""From what ended a step of the learner's code to its likely cause, or an honest report."""

import difflib
import re
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from course.check.faults import NOTHING, CannotTell, Fault, NotYet, Place
from course.check.project import Project

# Modules of the standard library and of the packages that a file beside manage.py can hide.
_HIDDEN = {"celery", "redis", "kombu", "django", "flower", "billiard", "amqp", "vine", "honcho"}
_HIDDEN |= sys.stdlib_module_names
_NO_TEXT = ("codec can't decode", "null bytes", "encoding problem", "unknown encoding")


def fault(project: Project, seen: dict[str, Any]) -> Fault:
    """What a step that did not end well tells: `error`, `hangs` or `ended` is in `seen`."""
    if "error" in seen:
        return of_error(project, seen["error"], seen.get("output", ""))
    if "hangs" in seen:
        found = place(seen["hangs"])
        return NotYet("hangs", found) if found else NotYet("hangs_elsewhere")
    return NotYet("ended", status=seen["ended"], output=seen["output"])


def place(text: str) -> Place | None:
    """The place that `str(place)` gave."""
    file, _, line = text.rpartition(":")
    return Place(PurePosixPath(file), int(line)) if line.isdecimal() else None


def at(seen: dict[str, Any]) -> Place | None:
    """The line of the learner's that started a task, or waited for one."""
    line = seen["at"]
    return Place(PurePosixPath(line["file"]), line["line"]) if line else None


def where(error: dict[str, Any]) -> Place | None:
    """The innermost line of the learner's in an error."""
    frames = error["frames"]
    return Place(PurePosixPath(frames[-1]["file"]), frames[-1]["line"]) if frames else None


def of_error(project: Project, error: dict[str, Any], output: str = "") -> Fault:
    """The likely cause of an exception; where none is known, what it says and where it arose."""
    first = _first(error)
    for judge in (_outside, _syntax, _hidden, _circular, _module, _name, _too_early):
        for candidate in (error, first):
            if found := judge(project, candidate):
                return found
    if error["type"] == "SystemExit":
        return NotYet("exits", output=output, status=error.get("code"))
    return unknown(error)


def unknown(error: dict[str, Any]) -> Fault:
    """An error as it is, without a guess; one of the course's own is not the learner's."""
    first = _first(error)
    if error["ours"]:
        return CannotTell("course", what=f"{error['type']}: {error['message']}")
    return NotYet(
        "error",
        where(error) or where(first),
        type=error["type"],
        message=error["message"].strip() or NOTHING,
    )


def _first(error: dict[str, Any]) -> dict[str, Any]:
    """What an error came from: its cause's cause …"""
    while "cause" in error:
        error = error["cause"]
    return error


def _outside(project: Project, error: dict[str, Any]) -> Fault | None:
    """A file beside the folder: it was not copied."""
    beside = re.search(rf"'{re.escape(str(project.folder.parent))}/([^']+)'", error["message"])
    if error["type"] != "FileNotFoundError" or not beside:
        return None
    if beside[1].startswith(f"{project.folder.name}/"):
        return None
    return CannotTell("outside", where(error), name=beside[1])


def _syntax(project: Project, error: dict[str, Any]) -> Fault | None:
    syntax = error.get("syntax")
    if not syntax or not syntax["file"]:
        return None
    at = Place(PurePosixPath(syntax["file"]), syntax["line"])
    # An escape such as "\\U" in a text is a slip, not another encoding.
    if "unicodeescape" not in error["message"] and any(t in error["message"] for t in _NO_TEXT):
        return NotYet("encoding", at, what=syntax["what"])
    return NotYet(
        "syntax", at, type=error["type"], what=syntax["what"], text=syntax["text"] or NOTHING
    )


def _hidden(project: Project, error: dict[str, Any]) -> Fault | None:
    """A file of the learner's that bears the name of a package and is found before it."""
    if "ImportError" not in error["bases"] and "AttributeError" not in error["bases"]:
        return None
    files = [*project.base.glob("*.py"), *project.base.glob("*/__init__.py")]
    for file in sorted(files):
        name = file.parent.name if file.name == "__init__.py" else file.stem
        if name in _HIDDEN and re.search(rf"\b{name}\b", error["message"]):
            return NotYet("hidden", Place(project.relative(file)), name=name)
    return None


def _circular(project: Project, error: dict[str, Any]) -> Fault | None:
    if "partially initialized module" not in error["message"]:
        return None
    files = list(dict.fromkeys(frame["file"] for frame in error["frames"]))
    round_trip = " → ".join(files[-3:])
    return NotYet("circular", where(error), chain=round_trip, message=error["message"])


def _slip(path: Path) -> bool:
    """Whether a file was meant to end in .py: celery.py.txt, celery.txt, celery.PY."""
    return path.suffix in (".txt", ".PY") or ".py." in path.name


def _module(project: Project, error: dict[str, Any]) -> Fault | None:
    if error["type"] != "ModuleNotFoundError" or not error["name"]:
        return None
    name = error["name"]
    own = project.modules()
    parent, _, last = name.rpartition(".")
    siblings = [module for module in own if module.rpartition(".")[0] == parent]
    folder = project.base.joinpath(*parent.split(".")) if parent else project.base
    if other := next((path.name for path in sorted(folder.glob(f"{last}.*")) if _slip(path)), None):
        return NotYet("module_suffix", where(error), name=name, found=other)
    if parent in own or any(module.startswith(f"{parent}.") for module in own if parent):
        there = ", ".join(sorted(m.rpartition(".")[2] for m in siblings)) or NOTHING
        return NotYet("module_own", where(error), name=name, package=parent, there=there)
    top = name.partition(".")[0]
    close = difflib.get_close_matches(top, [m for m in own if "." not in m], 1, 0.75)
    if close:
        return NotYet("module_close", where(error), name=name, close=close[0])
    anywhere = [module for module in own if module.endswith(f".{name}")]
    if anywhere:
        return NotYet("module_elsewhere", where(error), name=name, found=anywhere[0])
    return NotYet("module_missing", where(error), name=name)


def _name(project: Project, error: dict[str, Any]) -> Fault | None:
    """`cannot import name`: from one of the learner's own modules, or from a package's."""
    match = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", error["message"])
    if error["type"] != "ImportError" or not match:
        return None
    name, module = match.groups()
    return NotYet("name_missing", where(error), name=name, module=module)


def _too_early(project: Project, error: dict[str, Any]) -> Fault | None:
    """Models, or settings, asked for while Django has not been set up."""
    if error["type"] != "AppRegistryNotReady" or "translation" in error["message"]:
        return None
    return NotYet("too_early", where(error), message=error["message"])
