"""Lesson 4: a task of the learner's own, queued from a command, done by a worker."""

import ast
from pathlib import PurePosixPath
from typing import Any

from course.check import causes, working
from course.check.check import Check
from course.check.faults import NOTHING, NotYet, Place
from course.check.project import Project, last_name

_DECORATORS = ("shared_task", "task")


def reach(check: Check) -> None:
    """A worker knows a task that adds two numbers, and its result comes."""
    _one_application(check)
    candidates = _candidates(check)
    if not candidates:
        _none(check)
    _result(check, candidates)
    _commands(check)


def _one_application(check: Check) -> None:
    """A task of another application does not use the project's settings."""
    if len(check.celery["apps"]) < 2:
        return
    package = check.manage["settings"].partition(".")[0]
    for place in check.project.applications():
        module = check.project.module(place.file)
        if module != check.celery["name"] and package not in module.split("."):
            raise NotYet("two_apps", place, names=", ".join(check.celery["apps"]))


def _candidates(check: Check) -> list[dict[str, Any]]:
    """The tasks that take two values, those called something like add first."""
    own = [task for task in check.celery["tasks"] if task["file"]]
    pairs = [task for task in own if len(task["required"]) == 2]
    return sorted(
        pairs, key=lambda task: not any(w in task["name"] for w in ("add", "sum", "plus"))
    )


def _none(check: Check) -> None:
    """No task takes two numbers: is there a function that was meant to be one?"""
    project = check.project
    known = {(task["file"], task["function"]) for task in check.celery["tasks"]}
    installed = check.manage["installed"]
    with_tasks = {task["file"] for task in check.celery["tasks"]}
    plain: list[Place] = []
    for path, tree in project.sources.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or len(_required(node)) < 2:
                continue
            place = Place(path, node.lineno)
            if not any(last_name(one) in _DECORATORS for one in node.decorator_list):
                if "tasks" in (path.stem, path.parent.name) and str(path) not in with_tasks:
                    plain.append(place)
                continue
            if (str(path), node.name) in known:
                continue
            _unknown_task(project, installed, place, node.name)
    if plain:
        raise NotYet("undecorated", plain[0])
    names = ", ".join(task["name"] for task in check.celery["tasks"]) or NOTHING
    raise NotYet("no_task", names=names)


def _required(node: ast.FunctionDef) -> list[str]:
    names = [one.arg for one in [*node.args.posonlyargs, *node.args.args]]
    needed = names[: len(names) - len(node.args.defaults)]
    return [name for name in needed if name != "self"]


def _unknown_task(project: Project, installed: list[str], place: Place, name: str) -> None:
    """A task is written, and a worker does not know it."""
    module = project.module(place.file)
    package = module.rpartition(".")[0]
    if "tasks" in package.split("."):
        tasks = (
            module[: module.index(".tasks.") + len(".tasks")] if ".tasks." in module else package
        )
        raise NotYet("tasks_not_imported", place, name=name, tasks=tasks, module=module)
    if module == "tasks":
        raise NotYet("tasks_homeless", place, name=name)
    if module.rpartition(".")[2] == "tasks":
        if not any(module == f"{app}.tasks" for app in installed):
            raise NotYet("not_installed", place, name=name, app=package)
    else:
        raise NotYet("tasks_misnamed", place, name=name, file=PurePosixPath(place.file).name)


def _result(check: Check, candidates: list[dict[str, Any]]) -> None:
    """Have a worker add 2 and 3. What waits for a number of seconds waits for none."""
    worker = check.sandbox.services["worker"]
    kept = [task for task in candidates if not task["ignores"]]
    if not kept:
        raise NotYet("result_ignored", _line(candidates[0]), name=candidates[0]["name"])
    # What waits for some seconds waits for none; but a number may mean something else.
    ways = [(task, kwargs) for task in kept for kwargs in _ways(task)]
    messages = [
        {"task": task["name"], "args": [2, 3], "kwargs": kwargs, "timeout": working.RESULT}
        for task, kwargs in ways
    ]
    sent = working.send(check, messages, 5)
    for one, (task, kwargs) in zip(sent, ways, strict=False):
        if one.get("value") == 5:
            check.task = task | {"numbers": {name: task["numbers"][name] for name in kwargs}}
            return
    plainest = sent[len(_ways(kept[0])) - 1]  # the first task as it is, no number replaced
    if "value" not in plainest:
        working.refuse(check, plainest, worker)
    values = zip(ways, sent, strict=True)
    answers = dict.fromkeys(f"{task['name']}: {one.get('value')!r}" for (task, _), one in values)
    only = _line(kept[0]) if len(kept) == 1 else None
    raise NotYet("wrong_result", only, answers=", ".join(answers))


def _ways(task: dict[str, Any]) -> list[dict[str, int]]:
    zeros = {name: 0 for name in task["numbers"]}
    return [zeros, {}] if zeros else [{}]


def _line(task: dict[str, Any]) -> Place:
    return Place(PurePosixPath(task["file"]), task["line"])


def _commands(check: Check) -> None:
    """A command that takes two numbers queues the task."""
    seen = check.sandbox.step("sending.commands", check.sandbox.inwards(working.COMMANDS))
    if "error" in seen or "commands" not in seen:
        raise causes.fault(check.project, seen)
    if any(command["queued"] for command in seen["commands"]):
        return
    for command in seen["commands"]:
        not_queued(command)  # other errors are those of commands with another purpose, perhaps
    if not seen["commands"]:
        check.remark("no_command")


def not_queued(seen: dict[str, Any]) -> None:
    """Raises what is wrong with how a task was started."""
    for one in seen["direct"]:
        raise NotYet("called_directly", causes.at(one), name=one["task"].rpartition(".")[2])
    error = seen.get("error")
    if error and "EncodeError" in error["bases"]:
        raise NotYet("model_instance", causes.where(error), message=error["message"])
