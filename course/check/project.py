"""The learner's folder: what is in it, judged without running any of it."""

import ast
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from course.check.faults import CannotTell, NotYet, Place

# No part of a project, and sometimes very large.
_SKIPPED = {".git", ".hg", ".svn", "node_modules", "__pycache__", "site-packages"}
_DATABASES = (".sqlite3", ".sqlite3-journal", ".sqlite3-wal", ".sqlite3-shm")
MOST_FILES = 5_000
MOST_BYTES = 100_000_000


def _skipped(folder: Path) -> bool:
    name = folder.name
    made = name in _SKIPPED or (name.startswith(".") and name.endswith("_cache"))
    return made or (folder / "pyvenv.cfg").exists()


def walk(folder: Path, folders: bool = False) -> Iterator[Path]:
    """The files and links of a project, environments, repositories and databases aside.

    folders: its folders too.

    Raises CannotTell for what cannot be read, and for a folder too large to be a project.
    """
    count = size = 0
    pending = [folder]
    while pending:
        current = pending.pop(0)
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            raise CannotTell("unreadable", path=current, why=error.strerror) from None
        for entry in entries:
            path = Path(entry.path)
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not _skipped(path):
                        pending.append(path)
                        if folders:
                            yield path
                    continue
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # an editor's, gone meanwhile
                continue
            except OSError as error:
                raise CannotTell("unreadable", path=path, why=error.strerror) from None
            kept = stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)
            if not kept or path.name.endswith(_DATABASES):
                continue
            count, size = count + 1, size + info.st_size
            if count > MOST_FILES or size > MOST_BYTES:
                raise CannotTell("too_large", path=folder)
            yield path


def copy(folder: Path, target: Path, follow: bool = True) -> None:
    """Make `target` a copy of the project. Raises CannotTell for a file that cannot be read.

    follow: code that a link brings in from outside the folder becomes part of the copy.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in walk(folder, folders=True):
        to = target / path.relative_to(folder)
        try:
            if path.is_symlink():
                leads = _target(path, folder, target)
                if follow and not leads.is_relative_to(target) and any(leads.glob("*.py")):
                    copy(leads, to, follow=False)
                else:
                    to.symlink_to(leads)
            elif path.is_dir():
                to.mkdir()
            else:
                shutil.copy2(path, to)
                to.chmod(to.stat().st_mode | stat.S_IRUSR | stat.S_IWUSR)
        except FileNotFoundError:  # gone meanwhile
            continue
        except PermissionError as error:
            raise CannotTell("unreadable", path=path, why=error.strerror) from None
    for config in folder.glob("*/pyvenv.cfg"):  # a Procfile may name its programs
        to = target / config.parent.name
        if not to.is_symlink():  # a link to an environment is there already
            to.symlink_to(config.parent)


def _target(link: Path, folder: Path, target: Path) -> Path:
    """Where the copy of a link leads: into the copy, or out of the folder to the same place."""
    try:
        leads = link.resolve()
    except (OSError, RuntimeError):  # to itself
        return link.readlink()
    return target / leads.relative_to(folder) if leads.is_relative_to(folder) else leads


@dataclass(frozen=True)
class Project:
    """A Django project in a folder. `base` is the folder of its manage.py."""

    folder: Path
    base: Path

    @cached_property
    def sources(self) -> dict[PurePosixPath, ast.Module]:
        """The Python files that can be parsed, by path relative to the folder."""
        found = {}
        for path in walk(self.folder):
            if path.suffix == ".py" and path.is_file():
                try:
                    found[self.relative(path)] = ast.parse(path.read_bytes())
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    continue  # running it tells what is wrong with it
        return found

    def relative(self, path: Path) -> PurePosixPath:
        """The path of one of its files in the folder."""
        return PurePosixPath(path.relative_to(self.folder))

    def applications(self) -> list[Place]:
        """Where a Celery application is made: by the class, under whatever name, or a subclass.

        Not in manage.py, which the `celery` command never reads.
        """
        names = {"Celery"}
        for tree in self.sources.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("celery"):
                    names |= {a.asname for a in node.names if a.name == "Celery" and a.asname}
                if isinstance(node, ast.ClassDef) and names & {last_name(b) for b in node.bases}:
                    names.add(node.name)
        places = [place for name in sorted(names) for place in self.calls(name)]
        places = [place for place in places if place.file.name != "manage.py"]
        # The one beside the settings first: others are made elsewhere, by mistake mostly.
        beside = {path.parent for path in self.sources if path.stem == "settings"}
        return sorted(places, key=lambda place: place.file.parent not in beside)

    def module(self, path: PurePosixPath) -> str:
        """The dotted name under which manage.py would import that file."""
        full = self.folder / path
        inner = full.relative_to(self.base) if full.is_relative_to(self.base) else Path(path)
        parts = [*inner.parts[:-1], inner.stem]
        return ".".join(parts[:-1] if inner.stem == "__init__" else parts)

    def file(self, module: str) -> PurePosixPath | None:
        """The file of a module, None if the project has none."""
        stem = self.base.joinpath(*module.split("."))
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return self.relative(path)
        return None

    def modules(self) -> list[str]:
        """The dotted names of all its modules."""
        return sorted({self.module(path) for path in self.sources} - {""})

    def calls(self, name: str) -> list[Place]:
        """Where a function or method of this name is called."""
        return [
            Place(path, node.lineno)
            for path, tree in self.sources.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and last_name(node.func) == name
        ]

    def named(self, name: str) -> Place | None:
        """Where a name is used, imports aside."""
        for path, tree in self.sources.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Name | ast.Attribute) and last_name(node) == name:
                    return Place(path, node.lineno)
        return None

    def assigned(self, name: str, first: PurePosixPath | None = None) -> Place | None:
        """Where a module gives a value to `name`; the file `first` is looked at first."""
        paths = sorted(self.sources, key=lambda path: (path != first, "settings" not in str(path)))
        return next((found[0] for path in paths if (found := self.all_assigned(name, path))), None)

    def all_assigned(self, name: str, path: PurePosixPath | None) -> list[Place]:
        """Where a module gives a value to `name`, outside any condition."""
        found: list[Place] = []
        if path is None or path not in self.sources:
            return found
        for node in self.sources[path].body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            # A value that builds on the one before is no second one.
            builds_on = any(last_name(one) == name for one in ast.walk(node) if one not in targets)
            if builds_on:
                continue
            if any(isinstance(one, ast.Name) and one.id == name for one in targets):
                found.append(Place(path, node.lineno))
        return found


def last_name(node: ast.AST) -> str:
    """`add` for `add`, `tasks.add` and `add()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return last_name(function)
    return ""


def open_project(folder: Path) -> Project:
    """The project in `folder`, its manage.py found wherever it is.

    Raises NotYet where there is none, CannotTell where there are several or nothing can be read.
    """
    try:
        folder = folder.expanduser().resolve(strict=True)
    except FileNotFoundError:
        raise CannotTell("no_folder", path=folder) from None
    except (OSError, RuntimeError) as error:  # "~nobody", a link to itself
        raise CannotTell("unreadable", path=folder, why=error) from None
    if not folder.is_dir():
        raise CannotTell("not_folder", path=folder)
    paths = list(walk(folder))
    if not paths:
        raise NotYet("empty", path=folder)
    found = [path for path in paths if path.name == "manage.py" and path.is_file()]
    if not found:
        raise NotYet("no_manage", path=folder)
    shallowest = min(len(path.parts) for path in found)
    nearest = [path for path in found if len(path.parts) == shallowest]
    if len(nearest) > 1:
        names = ", ".join(str(path.parent.relative_to(folder)) for path in nearest)
        raise CannotTell("several", path=folder, names=names)
    return Project(folder, nearest[0].parent)


def interpreter(project: Project, chosen: Path | None) -> Path:
    """The learner's Python: chosen, else in an environment of the project's, else the one that
    is active, else the course's own.

    Raises CannotTell for a choice that is no program, NotYet for an environment that is broken.
    """
    if chosen:
        try:
            found = shutil.which(chosen.expanduser())
        except RuntimeError:  # "~nobody"
            found = None
        if not found:
            raise CannotTell("python_missing", path=chosen)
        return Path(found).absolute()
    broken = None
    for folder in dict.fromkeys([project.folder, project.base]):
        configs = sorted(folder.glob("*/pyvenv.cfg"), key=lambda path: path.parent.name != ".venv")
        pythons = [config.parent / "bin" / "python" for config in configs]
        usable = [python for python in pythons if os.access(python, os.X_OK)]
        if usable:
            return usable[0]
        # One that was made on Windows has another layout, and is not meant for this machine.
        broken = broken or next((python for python in pythons if os.path.lexists(python)), None)
    if broken:
        raise NotYet("environment_broken", path=broken.parent.parent)
    if active := os.environ.get("VIRTUAL_ENV"):
        python = Path(active) / "bin" / "python"
        if os.access(python, os.X_OK):
            return python
    return Path(sys.executable)
