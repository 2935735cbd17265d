"""Starts a run in namespaces of its own and reads what it reports."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course import catalogue

from . import prepared, tree
from .blocks import Block, PageError, parse

_KEPT = ("PATH", "TMPDIR", "TZ")
_OWN = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
NO_NAMESPACES = (
    "The machine learner needs Linux namespaces of its own (`unshare`), and there are none here: "
)


@dataclass
class Report:
    """What a run has shown. Without failures the page can be followed."""

    failures: list[str] = field(default_factory=list)
    transcript: list[dict[str, Any]] = field(default_factory=list)
    probes: int = 0

    def __str__(self) -> str:
        done = "\n".join(describe(entry) for entry in self.transcript)
        return f"{done}\n" + "\n\n".join(self.failures)


def describe(entry: dict[str, Any]) -> str:
    """A line of the transcript; for a block that failed also what was shown."""
    line = f"{'FAILED' if entry['failed'] else 'ok':6} {entry['seconds']:5.1f} s  {entry['block']}"
    if entry["failed"]:
        line += "".join(f"\n    | {shown}" for shown in entry["shown"].splitlines())
    return line


def page_name(snapshot: catalogue.Snapshot, language: str) -> str:
    """How messages call a page."""
    return f"{snapshot.name} ({language})"


def follow(
    html: Path | str,
    snapshot: catalogue.Snapshot,
    language: str,
    probe: bool = False,
    tell: Callable[[dict[str, Any]], None] = lambda entry: None,
) -> Report:
    """Follow the built page of a lesson from its base snapshot; it must end in its own.

    probe: put the learner itself to the test meanwhile. tell: is called after each block.
    """
    text = html.read_text(encoding="utf-8") if isinstance(html, Path) else html
    try:
        blocks = parse(text, page_name(snapshot, language))
    except PageError as error:
        return Report([str(error)])
    return follow_blocks(blocks, snapshot, language, probe, tell)


def follow_blocks(
    blocks: list[Block],
    snapshot: catalogue.Snapshot,
    language: str,
    probe: bool = False,
    tell: Callable[[dict[str, Any]], None] = lambda entry: None,
) -> Report:
    """The same for blocks that were read already."""
    with tempfile.TemporaryDirectory(prefix="learner-") as name:
        try:
            folder = Path(name).resolve()
            job = _furnish(folder, snapshot, language)
        except prepared.PreparationError as error:
            return Report([str(error)])
        job |= {
            "blocks": [asdict(block) for block in blocks],
            "snapshot": str(snapshot.path),
            "probe": probe,
        }
        (folder / "job.json").write_text(json.dumps(job))
        return _inside(folder, tell)


def _furnish(folder: Path, snapshot: catalogue.Snapshot, language: str) -> dict[str, Any]:
    """Make the learner's home; returns the environment of the terminals."""
    home = folder / "home"
    home.mkdir()
    (home / "course").symlink_to(catalogue.ROOT)
    if snapshot.base:
        project = home / "mysite"
        tree.write(project, {}, tree.snapshot_tree(snapshot.base))
        for path in snapshot.base.learners_files():
            mode = (snapshot.base.path / path).stat().st_mode
            (project / path).chmod(0o755 if mode & 0o100 else 0o644)
        (project / ".venv").symlink_to(prepared.environment())
        shutil.copy(prepared.database(snapshot.base), project)
    # The Python of the course first, as `make broker` needs it; no virtual environment.
    folders = [str(prepared.python_folder()), *os.environ.get("PATH", os.defpath).split(":")]
    here = str(Path(sys.executable).parent)
    paths = [path for path in folders if path != here and not _is_environment(Path(path))]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "PATH": ":".join(paths),
        "HOME": str(home),
        "USER": "learner",
        "LOGNAME": "learner",
        "SHELL": "/bin/bash",
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        # The course speaks the page's language; bash, make and git have no say in it.
        "LANGUAGE": language,
        "LC_MESSAGES": "C",
        "COURSE_STATE": str(folder / "state"),
        # No network inside. An empty configuration: the machine's own may name addresses.
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(prepared.wheels()),
        "PIP_NO_COMPILE": "0",  # pip's way to say that it is not to compile
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHON_BASIC_REPL": "1",
        "VIRTUAL_ENV_DISABLE_PROMPT": "1",
    }
    return {"environment": environment}


def _is_environment(folder: Path) -> bool:
    return (folder.parent / "pyvenv.cfg").exists() or folder.name == "shims"


def _inside(folder: Path, tell: Callable[[dict[str, Any]], None]) -> Report:
    report = Report()
    command = ["unshare", *_OWN, sys.executable, "-m", "tests.learner.inside", str(folder)]
    with (folder / "errors").open("w+") as errors:
        try:
            process = subprocess.Popen(
                command,
                cwd=catalogue.ROOT,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        except FileNotFoundError:
            return Report([f"{NO_NAMESPACES}no program `unshare`"])
        assert process.stdin and process.stdout
        try:
            for line in process.stdout:
                entry = json.loads(line)
                report.transcript.append(entry)
                tell(entry)
        finally:
            # Everything inside ends when nobody holds this end any more, and so also when
            # we are killed.
            process.stdin.close()
            process.stdout.close()
            process.wait()
        errors.seek(0)
        said = errors.read().strip()
    result = folder / "report.json"
    if result.exists():
        for key, value in json.loads(result.read_text()).items():
            setattr(report, key, value)
    elif (folder / "begun").exists():
        report.failures.append(f"the run broke off:\n{said}")
    else:
        report.failures.append(NO_NAMESPACES + said)
    return report
