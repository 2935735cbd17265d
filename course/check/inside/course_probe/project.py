"""The project as manage.py sees it, and as the `celery` command does."""

import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from course_probe.errors import described, within

Request = dict[str, Any]
Seen = dict[str, Any]


def packages(request: Request, seen: Seen) -> None:
    """Versions of the packages asked for; None: not installed."""
    seen["versions"] = {}
    for name in request["packages"]:
        try:
            seen["versions"][name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            seen["versions"][name] = None
    # Without it every start would take twice as long, if nothing may be written beside them.
    django = importlib.util.find_spec("django")
    seen["compiled"] = bool(django and django.cached and os.path.exists(django.cached))


def manage(request: Request, seen: Seen) -> None:
    """`python manage.py check`, and what Django and Celery are after it."""
    sys.argv = ["manage.py", "check"]
    try:
        runpy.run_path("manage.py", run_name="__main__")
    except SystemExit as error:
        if error.code:
            raise
    seen["settings"] = os.environ.get("DJANGO_SETTINGS_MODULE")
    try:
        from django.apps import apps
    except ImportError:
        seen["ready"] = False
        return
    seen["ready"] = apps.ready
    if not apps.ready:
        return
    folder = Path(request["folder"])
    seen["conf"] = {}
    seen["installed"] = [config.name for config in apps.get_app_configs()]
    seen["own_apps"] = [
        config.name for config in apps.get_app_configs() if within(config.path, folder)
    ]
    import redis

    redis.Redis.from_url(request["broker"]).ping()
    seen["django_settings"] = _named_settings()
    from celery import _state

    seen["apps"] = [app.main for app in _state._get_active_apps() if app.main != "default"]
    if seen["apps"]:
        from celery import current_app

        seen["conf"] = _configuration(current_app)


def _named_settings() -> dict[str, Any]:
    from django.conf import settings

    return {
        name: value if _plain(value := getattr(settings, name)) else repr(value)
        for name in dir(settings)
        if name.isupper() and settings.is_overridden(name)
    }


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple | set):
        return all(isinstance(one, str | int | float | bool) for one in value)
    return value is None or isinstance(value, str | int | float | bool)


def celery(request: Request, seen: Seen) -> None:
    """What `celery -A NAME` finds: the first of `names` under which there is an application."""
    from celery.app.base import Celery
    from celery.app.utils import find_app

    folder = Path(request["folder"])
    seen["discovers"] = False
    original = Celery.autodiscover_tasks

    def autodiscover_tasks(self: Any, *args: Any, **options: Any) -> Any:
        seen["discovers"] = True
        return original(self, *args, **options)

    Celery.autodiscover_tasks = autodiscover_tasks
    # As the command has it: no DJANGO_SETTINGS_MODULE, the current folder first.
    seen["tried"] = {}
    app = None
    for name in request["names"]:
        try:
            app = find_app(name)
            seen["name"] = name
            break
        except BaseException as error:
            seen["tried"][name] = described(error, folder)
    if app is None:
        return
    seen["settings"] = os.environ.get("DJANGO_SETTINGS_MODULE")
    seen["settings_found"] = _importable(seen["settings"])
    if not seen["settings_found"]:
        return
    seen["namespace"] = getattr(app, "namespace", None)
    seen["source"] = repr(app._config_source) if app._config_source else None
    seen["conf"] = _configuration(app)
    seen["options"] = _options()
    seen["lists"], seen["texts"] = _kinds(app)
    if seen["lists"] or seen["texts"]:
        return
    app.loader.import_default_modules()
    app.finalize()
    from celery import _state

    seen["apps"] = sorted(
        one.main or "" for one in _state._get_active_apps() if one.main != "default"
    )
    try:
        app.backend  # noqa: B018  # made when it is first asked for
    except Exception as error:
        seen["backend_error"] = str(error)
    own = sorted(name for name in app.tasks if not name.startswith("celery."))
    routed = [app.amqp.router.route({}, name).get("queue") for name in own]
    queues = {app.conf.task_default_queue, *app.amqp.queues}
    queues |= {getattr(queue, "name", queue) for queue in routed if queue}
    seen["queues"] = sorted(queues)
    seen["tasks"] = [_task(app.tasks[name], folder) for name in own]


def _importable(module: str | None) -> bool:
    if not module:
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _configuration(app: Any) -> dict[str, Any]:
    names = ["broker_url", "result_backend", "accept_content", "result_accept_content"]
    names += ["task_serializer", "result_serializer", "task_always_eager"]
    names += ["worker_send_task_events", "include", "imports", "task_retry_on_worker_lost"]
    names += ["broker_transport_options"]
    found = {}
    for name in names:
        value = getattr(app.conf, name, None)
        found[name] = sorted(value) if isinstance(value, set | frozenset) else value
    return found


def _kinds(app: Any) -> tuple[list[str], list[str]]:
    """Settings that should be lists and are texts, and the other way round.

    Celery takes a text for a list of letters. An address of a broker may be a list.
    """
    from celery.app.defaults import NAMESPACES, flatten

    lists, texts = [], []
    for name, option in flatten(NAMESPACES):
        value = app.conf.get(name)
        if option.type in ("list", "tuple", list, tuple) and isinstance(value, str):
            lists.append(name)
        if option.type in ("string", str) and isinstance(value, list | tuple):
            texts.append(name)
    # Of these Celery makes a list by itself.
    lists = [name for name in lists if name not in ("imports", "include")]
    return lists, [name for name in texts if not name.startswith("broker_")]


def _options() -> dict[str, list[str]]:
    """Every setting that Celery knows: `new` names, and `old` ones of Celery 3, which work too."""
    from celery.app.defaults import NAMESPACES, flatten

    known = flatten(NAMESPACES)
    options = {name: option for name, option in known}
    old = {form.format(name) for name, option in options.items() for form in option.old}
    return {"new": sorted(options), "old": sorted({name.lower() for name in old})}


def _task(task: Any, folder: Path) -> dict[str, Any]:
    """A task, and the line of its function."""
    function = inspect.unwrap(task.run)
    code = getattr(function, "__code__", None)
    try:
        signature = list(inspect.signature(task.run).parameters.values())
    except (TypeError, ValueError):
        signature = []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {
        "name": task.name,
        "file": within(code.co_filename, folder) if code else None,
        "line": code.co_firstlineno if code else 0,
        "function": getattr(function, "__name__", task.name),
        "required": [
            one.name for one in signature if one.kind in plain and one.default is one.empty
        ],
        "numbers": {
            one.name: one.default
            for one in signature
            if isinstance(one.default, int | float) and not isinstance(one.default, bool)
        },
        "ignores": bool(task.ignore_result),
        "acks_late": bool(task.acks_late),
        "reject_on_worker_lost": bool(task.reject_on_worker_lost),
    }
