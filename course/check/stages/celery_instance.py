"""Lesson 2: an application that Django imports and that the `celery` command finds."""

import ast

from course.check import causes
from course.check.check import Check
from course.check.faults import NotYet, Place


def reach(check: Check) -> None:
    """The application: written, imported, found, with the right settings, looking for tasks."""
    project, seen = check.project, check.celery
    instances = project.applications()
    if not instances:
        raise NotYet("no_app")
    instance = instances[0]
    if not check.manage["apps"]:
        _not_imported(check, instance)
    if "name" not in seen:
        _not_found(check, instance)
    if "settings_found" not in seen:
        raise causes.fault(project, seen)
    if not seen["settings"]:
        raise NotYet("settings_unset", instance, right=check.manage["settings"])
    if not seen["settings_found"]:
        raise NotYet(
            "settings_wrong",
            _line_of_settings(check, instance),
            wrong=seen["settings"],
            right=check.manage["settings"],
        )
    if "error" in seen or "hangs" in seen or "ended" in seen:
        raise causes.fault(project, seen)
    theirs, ours = check.manage["conf"], seen["conf"]
    if seen["settings"] != check.manage["settings"] and theirs != ours:
        raise NotYet(
            "settings_differ",
            _line_of_settings(check, instance),
            wrong=seen["settings"],
            right=check.manage["settings"],
        )
    if not seen["discovers"] and not seen["conf"]["include"] and not seen["conf"]["imports"]:
        raise NotYet("no_autodiscover", instance)


def _line_of_settings(check: Check, instance: Place) -> Place:
    lines = [place for place in check.project.calls("setdefault") if place.file == instance.file]
    return lines[0] if lines else instance


def _not_imported(check: Check, instance: Place) -> None:
    project = check.project
    package = check.manage["settings"].partition(".")[0]
    init = project.file(package)
    module = project.module(instance.file)
    if init is None or init.name != "__init__.py":
        raise NotYet("no_import_anywhere", instance, module=module)
    if module.rpartition(".")[0] == package:
        name = module.rpartition(".")[2]
        for node in ast.walk(project.sources.get(init, ast.Module([], []))):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module == name:
                raise NotYet("no_dot", Place(init, node.lineno), name=name)
        raise NotYet("no_import", Place(init), package=package, name=name, file=instance.file)
    raise NotYet("app_elsewhere", instance, file=instance.file, module=module, package=package)


def _not_found(check: Check, instance: Place) -> None:
    """`celery -A` finds nothing: an error of the learner's own on the way tells more."""
    seen = check.celery
    if "tried" not in seen or not seen["tried"]:
        raise causes.fault(check.project, seen)
    name, error = next(iter(seen["tried"].items()))
    found = causes.of_error(check.project, error)
    if error["frames"] or found.found.key == "hidden":
        raise found
    raise NotYet("celery_finds_nothing", instance, name=name, message=error["message"])
