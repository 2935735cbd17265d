"""Sees how tasks are started: queued, called on the spot, waited for; and from which line."""

from pathlib import Path
from typing import Any

from celery.app.base import Celery
from celery.app.task import Task
from celery.result import ResultBase

from course_probe.errors import caller


class Enough(BaseException):
    """What a caller wanted to know is known; what ran is left here."""


class Watch:
    """From now on: `queued`, `direct`, `waited`, each a list of what happened and where.

    What is called on the spot, or waited for, is not carried out: `Enough` is raised instead.
    """

    def __init__(self, folder: Path) -> None:
        self.queued: list[dict[str, Any]] = []
        self.direct: list[dict[str, Any]] = []
        self.waited: list[dict[str, Any]] = []
        watch = self
        queue = Task.apply_async

        def apply_async(
            self: Any, args: Any = None, kwargs: Any = None, *more: Any, **options: Any
        ) -> Any:
            at = caller(folder)
            result = queue(self, args, kwargs, *more, **options)
            watch.note(self.name, result, args, kwargs, at)
            return result

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            watch.direct.append({"task": self.name, "at": caller(folder)})
            raise Enough

        def waiting(original: Any) -> Any:
            def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
                if self.ready():  # nothing to wait for
                    return original(self, *args, **kwargs)
                watch.waited.append({"at": caller(folder)})
                raise Enough

            return wait

        send = Celery.send_task

        def send_task(
            self: Any, name: str, args: Any = None, kwargs: Any = None, *more: Any, **options: Any
        ) -> Any:
            result = send(self, name, args, kwargs, *more, **options)
            at = caller(folder)
            # Task.apply_async comes by here as well, and says so itself.
            if not options.get("task_type"):
                watch.note(name, result, args, kwargs, at)
            return result

        Celery.send_task = send_task
        Task.apply_async = apply_async
        Task.__call__ = call
        Task.apply = call
        for kind in _with_subclasses(ResultBase):
            for name in ("get", "wait", "join", "join_native"):
                if name in vars(kind):
                    setattr(kind, name, waiting(vars(kind)[name]))

    def note(self, name: str, result: Any, args: Any, kwargs: Any, at: Any) -> None:
        """Remember a task that was queued."""
        self.queued.append(
            {
                "task": name,
                "id": str(getattr(result, "id", "")),
                "args": list(args or ()),
                "kwargs": dict(kwargs or {}),
                "at": at,
            }
        )

    def seen(self) -> dict[str, Any]:
        """All of it, for the answer."""
        return {"queued": self.queued, "direct": self.direct, "waited": self.waited}

    def clear(self) -> None:
        """Forget what was seen."""
        for one in (self.queued, self.direct, self.waited):
            one.clear()


def _with_subclasses(kind: Any) -> list[Any]:
    found = [kind]
    for subclass in kind.__subclasses__():
        found += _with_subclasses(subclass)
    return found
