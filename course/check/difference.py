"""What still separates a project from a stage, as a patch from one to the other."""

import difflib
import re
from pathlib import Path, PurePosixPath

from course.catalogue import Snapshot
from course.check.faults import CannotTell, NotYet
from course.check.project import Project, open_project
from course.check.stages.install import settings_module
from course.messages import say

_SECRET = re.compile(r"^SECRET_KEY = .*$", re.MULTILINE)


def difference(folder: Path, stage: Snapshot) -> str:
    """The stage's files, under the learner's names, against the learner's.

    Only the files that the stage changes. "": there is no difference.
    """
    try:
        project = open_project(folder)
        package = settings_module(project).partition(".")[0] or "myproject"
        app = _app(project, package)
    except NotYet:  # nothing there yet: everything is new
        project, package, app = Project(folder, folder), "myproject", "myapp"
    except CannotTell:
        return ""
    patches: list[str] = []
    for path in _changed(stage):
        theirs = _named(str(path), package, app)
        file = project.base / theirs if path.suffix == ".py" else project.folder / theirs
        if not file.is_file():
            file = project.base / theirs
        wanted = _named((stage.path / path).read_text(encoding="utf-8"), package, app)
        there = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        if secret := _SECRET.search(there):
            wanted = _SECRET.sub(secret[0].replace("\\", r"\\"), wanted)
        patches += difflib.unified_diff(
            there.splitlines(),
            wanted.splitlines(),
            say("check_yours", path=theirs) if file.is_file() else "/dev/null",
            say("check_theirs", path=path, name=stage.path.name),
            lineterm="",
        )
    return "\n".join(patches)


def _changed(stage: Snapshot) -> list[PurePosixPath]:
    base = stage.base
    if base is None:
        return stage.learners_files()
    return [
        path
        for path in stage.learners_files()
        if not (base.path / path).exists()
        or (base.path / path).read_bytes() != (stage.path / path).read_bytes()
    ]


def _named(text: str, package: str, app: str) -> str:
    names = {"myproject": package, "myapp": app}
    return re.sub(r"\b(myproject|myapp)\b", lambda found: names[found[0]], text)


def _app(project: Project, package: str) -> str:
    """The folder beside the project's package that is an app: the one with most of its files."""
    marks = {"tasks.py", "views.py", "models.py", "apps.py", "admin.py"}
    found: dict[str, int] = {}
    for path in project.sources:
        inner = PurePosixPath((project.folder / path).relative_to(project.folder))
        folder = inner.parent.name
        if inner.name in marks and folder and folder != package:
            found[folder] = found.get(folder, 0) + 1
    return max(found, key=lambda name: found[name]) if found else "myapp"
