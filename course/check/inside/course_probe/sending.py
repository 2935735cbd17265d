"""Tasks sent to a worker, and what became of them; commands that send some."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from course_probe.errors import described, within

Request = dict[str, Any]
Seen = dict[str, Any]


def _app() -> Any:
    """The application, with every task that it looks for."""
    import django

    django.setup()
    from celery import current_app

    current_app.loader.import_default_modules()
    return current_app


def send(request: Request, seen: Seen) -> None:
    """Send each of `messages` and wait for its result; `until` this value has come.

    A message: task, args, kwargs, timeout in seconds.
    """
    from celery.exceptions import TimeoutError as TookTooLong

    current_app = _app()
    folder = Path(request["folder"])
    seen["sent"] = []
    for message in request["messages"]:
        found: dict[str, Any] = {"task": message["task"]}
        seen["sent"].append(found)
        task = current_app.tasks.get(message["task"])
        try:
            if task is None:
                result = current_app.send_task(message["task"], message["args"], message["kwargs"])
            else:
                result = task.apply_async(message["args"], message["kwargs"])
        except Exception as error:
            found["not_sent"] = described(error, folder)
            continue
        found["id"] = result.id
        try:
            found["value"] = result.get(timeout=message["timeout"], disable_sync_subtasks=False)
        except TookTooLong:
            found["late"] = result.state
        except Exception as error:
            found["failed"] = described(error, folder)
            found["traceback"] = str(result.traceback or "")
        if "value" in found and found["value"] == request["until"]:
            break


def post(request: Request, seen: Seen) -> None:
    """Send one message and wait for nothing."""
    current_app = _app()
    message = request["message"]
    task = current_app.tasks[message["task"]]
    seen["id"] = task.apply_async(message["args"], message["kwargs"]).id


def commands(request: Request, seen: Seen) -> None:
    """Run each of the learner's management commands that takes two numbers."""
    import django

    django.setup()
    from celery import Task
    from django.apps import apps
    from django.core.management import call_command, get_commands, load_command_class

    from course_probe.watching import Enough, Watch

    folder = Path(request["folder"])
    own = {config.name for config in apps.get_app_configs() if within(config.path, folder)}
    watch = Watch(folder)
    seen["commands"] = []
    for name, app in sorted(get_commands().items()):
        if app not in own:
            continue
        found: dict[str, Any] = {"name": name}
        try:
            command = load_command_class(app, name)
            # One that has nothing to do with tasks is left alone.
            there = vars(sys.modules[type(command).__module__]).values()
            if not any(isinstance(value, Task | ModuleType) for value in there):
                continue
            parser = command.create_parser("manage.py", name)
            needed = [
                action
                for action in parser._actions
                if not action.option_strings and action.nargs in (None, 2)
            ]
            if sum(action.nargs or 1 for action in needed) != 2:
                continue
            seen["commands"].append(found)
            watch.clear()
            call_command(name, "2", "3")
        except Enough:
            pass
        except BaseException as error:
            found["error"] = described(error, folder)
        found |= {kind: list(seen_there) for kind, seen_there in watch.seen().items()}
