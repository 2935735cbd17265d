"""Lesson 1: an interpreter with the packages, a Django project that starts."""

import ast
import tomllib
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from course import catalogue
from course.check import causes
from course.check.check import Check
from course.check.faults import CannotTell, NotYet, Place
from course.check.project import Project

# Imported under the name they are installed under; redis comes with celery[redis].
_WANTED = ("django", "celery", "redis")


def reach(check: Check) -> None:
    """Versions first: an error of a wrong one would mislead."""
    _python(check)
    _packages(check, check.sandbox.step("project.packages", packages=[*_WANTED, "flower"]))
    sandbox = check.sandbox
    steps = [lambda: sandbox.step("project.manage")]
    if names := names_for_celery(check.project):
        # Needed from the second stage on; side by side they take the time of one.
        steps.append(lambda: sandbox.step("project.celery", names=names))
    seen = sandbox.together(*steps)
    check.manage = seen[0]
    check.celery = seen[1] if names else {}
    _manage(check)


def names_for_celery(project: Project) -> list[str]:
    """What a learner may write after `celery -A`, likeliest first; [] without an application."""
    instances = project.applications()
    if not instances:
        return []
    names = [settings_module(project).partition(".")[0]]
    names += [project.module(place.file) for place in instances]
    return [name for name in dict.fromkeys(names) if name]


def settings_module(project: Project) -> str:
    """The settings module that manage.py names; "" if it cannot be seen."""
    tree = project.sources.get(project.relative(project.base / "manage.py"))
    strings = [
        node.value
        for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return next((text for text in strings if "settings" in text and " " not in text), "")


def _python(check: Check) -> None:
    python = check.sandbox.python
    version = check.sandbox.version()
    if not version and check.chosen:
        raise CannotTell("python_missing", path=python)
    if not version:
        raise NotYet("environment_broken", path=python.parent.parent)
    about = tomllib.loads((catalogue.ROOT / "pyproject.toml").read_text())["project"]
    if not _enough(version, SpecifierSet(about["requires-python"])):
        raise NotYet("python_old", python=python, version=version, wanted="3.11")


def _packages(check: Check, seen: dict[str, Any]) -> None:
    if "versions" not in seen:
        raise causes.fault(check.project, seen)
    check.sandbox.compiled = seen["compiled"]
    python = check.sandbox.python
    required = {**_required("lessons/01_install"), **_required("lessons/07_flower")}
    for name in _WANTED:
        found = seen["versions"][name]
        if found is None:
            raise NotYet("package_missing", name=name, python=python)
        if name in required:
            _version(check, name, found, required[name])
    if seen["versions"]["flower"]:
        _version(check, "flower", seen["versions"]["flower"], required["flower"])


def _version(check: Check, name: str, found: str, wanted: SpecifierSet) -> None:
    if not _enough(found, wanted):
        raise NotYet(
            "package_old", name=name, version=found, wanted=wanted, python=check.sandbox.python
        )
    if found not in wanted:
        check.remark("package_new", name=name, version=found, wanted=wanted)


def _enough(found: str, wanted: SpecifierSet) -> bool:
    lowest = [one for one in wanted if one.operator in (">=", "==", "~=")]
    return all(Version(found) >= Version(one.version) for one in lowest)


def _required(name: str) -> dict[str, SpecifierSet]:
    """What a lesson's requirements.txt asks for."""
    lines = (catalogue.find(name).path / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line.strip()]
    return {one.name.lower(): one.specifier for one in requirements}


def _manage(check: Check) -> None:
    seen = check.manage
    if "error" in seen or "hangs" in seen or "ended" in seen:
        raise causes.fault(check.project, seen)
    if not seen["ready"]:
        raise NotYet("not_django", Place(check.project.relative(check.project.base / "manage.py")))
    check.sandbox.settings = seen["settings"]
