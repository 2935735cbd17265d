"""Lesson 5: a page that starts the task on POST, answers at once, and fails quickly."""

import ast
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from course.check import causes, working
from course.check.check import Check
from course.check.faults import NOTHING, CannotTell, NotYet, Place
from course.check.project import last_name
from course.check.stages.tasks import not_queued
from course.ports import free_port

QUICK = 5.0  # seconds that a visitor may wait, at the very most
PATIENCE = 15  # seconds after which a slow answer is not waited for, Django's start among them

# What Celery, Kombu and redis-py raise when a server cannot be reached.
_OF_BROKER = {"OperationalError", "RuntimeError", "RedisError", "OSError"}


def reach(check: Check) -> None:
    """Look at the pages without a worker, send the form, then take the broker away."""
    seen = _visit(check)
    _looking(check, seen)
    _sending(check, seen)
    post = seen["post"]
    _guarded(check, seen)
    _answered(check, seen, post)
    _without_broker(check, post["way"], post["cookies"])


def _visit(check: Check) -> dict[str, Any]:
    pairs = [task["required"] for task in check.celery["tasks"] if len(task["required"]) == 2]
    seen = check.sandbox.step(
        "views.visit",
        check.sandbox.inwards(working.VIEWS),
        60,
        own_apps=check.manage["own_apps"],
        fields=[check.task["required"], *pairs],
    )
    check.visit = seen
    if "error" in seen and seen.get("phase") == "migrate":
        if "sqlite3" not in seen["engine"]:
            raise CannotTell("other_database", engine=seen["engine"])
        error, message = seen["error"], seen["error"]["message"]
        raise NotYet("migrate_fails", causes.where(error), type=error["type"], message=message)
    if "error" in seen or "hangs" in seen or "ended" in seen:
        raise causes.fault(check.project, seen)
    if seen["unmade"]:
        models = check.project.file(_models_of(check, seen["unmade"][0]))
        raise NotYet("no_migration", Place(models) if models else None, app=seen["unmade"][0])
    return seen


def _models_of(check: Check, label: str) -> str:
    apps = [name for name in check.manage["own_apps"] if name.rpartition(".")[2] == label]
    return f"{apps[0] if apps else label}.models"


def _looking(check: Check, seen: dict[str, Any]) -> None:
    """Looking at a page starts nothing; the page of the form, if there is one, works."""
    by_form = "post" in seen and seen["post"]["way"].get("page")
    for looked in seen["looked"]:
        not_queued(looked)
        if looked.get("login") == 404:
            raise NotYet("login_missing", path=looked["path"])
        for one in looked["waited"]:
            raise NotYet("waits", causes.at(one))
        for one in looked["queued"]:
            raise NotYet("get_starts", causes.at(one), path=looked["path"])
        if "error" in looked and not by_form:
            if looked["error"]["type"] == "NoReverseMatch":
                _unrouted(check, seen["routes"])
                message = looked["error"]["message"]
                raise NotYet("no_reverse", causes.where(looked["error"]), message=message)
            raise causes.of_error(check.project, looked["error"])


def _sending(check: Check, seen: dict[str, Any]) -> None:
    """Sending the form puts a message into the queue."""
    for sent in seen["sent"]:
        not_queued(sent)
        for one in sent["waited"]:
            raise NotYet("waits", causes.at(one))
    if "post" in seen:
        return
    for sent in seen["sent"]:
        if sent["refused"]:
            raise NotYet("csrf_missing", path=sent["way"]["page"])
        if "error" in sent:
            raise causes.of_error(check.project, sent["error"])
    if not seen["routes"]:
        _unrouted(check)
    _unrouted(check, seen["routes"])
    tried = ", ".join(dict.fromkeys(f"{one['path']} ({one['status']})" for one in seen["sent"]))
    raise NotYet("nothing_sent", tried=tried or NOTHING)


def _unrouted(check: Check, routes: list[dict[str, Any]] | None = None) -> None:
    """A view that starts a task stands ready, and no address leads to it."""
    routed = {(route["file"], route["view"]) for route in routes or []}
    for path, tree in check.project.sources.items():
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            if (str(path), node.name) in routed or not _takes_request(node):
                continue
            calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
            if any(last_name(one.func) in ("delay", "apply_async") for one in calls):
                raise NotYet("unrouted", Place(path, node.lineno), name=node.name)
    if not routes:
        raise NotYet("no_view")


def _takes_request(node: Any) -> bool:
    functions = [one for one in ast.walk(node) if isinstance(one, ast.FunctionDef)]
    return any("request" in [one.arg for one in function.args.args] for function in functions)


def _guarded(check: Check, seen: dict[str, Any]) -> None:
    """Neither another site's form nor nonsense starts a task."""
    bare = seen["without_token"]
    if bare["queued"]:
        place = check.project.named("csrf_exempt")
        middleware = check.manage["django_settings"].get("MIDDLEWARE") or []
        in_use = any("CsrfViewMiddleware" in str(one) for one in middleware)
        if not in_use:
            place = check.project.assigned("MIDDLEWARE")
        raise NotYet("csrf_off", place, path=bare["path"])
    for bad in seen["bad"]:
        if "error" in bad or bad["status"] >= 500:
            error = bad.get("error")
            raise NotYet(
                "bad_input_breaks",
                causes.where(error) if error else None,
                what=f"{error['type']}: {error['message']}" if error else str(bad["status"]),
            )
        if bad["queued"]:
            raise NotYet("bad_input_queued", causes.at(bad["queued"][0]))


def _answered(check: Check, seen: dict[str, Any], post: dict[str, Any]) -> None:
    if "error" in post:
        raise causes.of_error(check.project, post["error"])
    if not seen["waiting"]:
        raise NotYet("nothing_waiting", causes.at(post["queued"][0]))
    names = [one["task"] for one in post["queued"]]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise NotYet("queued_twice", causes.at(post["queued"][number]), name=name)
    _numbers(check, post["queued"][0])
    if not seen["shown"]:
        raise NotYet("id_missing", causes.at(post["queued"][0]), status=post["status"])
    if post["status"] == 200:
        check.remark("status_200", causes.at(post["queued"][0]))


def _numbers(check: Check, queued: dict[str, Any]) -> None:
    """What was typed reaches the task as numbers: '2' + '3' is '23'."""
    given = [*queued["args"], *queued["kwargs"].values()]
    if not any(isinstance(one, str) and one in ("2", "3") for one in given):
        return
    message = {
        "task": queued["task"],
        "args": queued["args"],
        "kwargs": queued["kwargs"] | {name: 0 for name in check.task["numbers"]},
        "timeout": working.RESULT,
    }
    sent = working.send(check, [message], 5)[0]
    if sent.get("value") != 5:
        raise NotYet("text_arguments", causes.at(queued), given=", ".join(map(repr, given)))


def _without_broker(check: Check, way: dict[str, Any], cookies: str) -> None:
    """The same with a broker that refuses, and with one that never answers."""
    with _silent() as silent:
        addresses = {"refused": free_port(), "silent": silent}
        inwards = check.sandbox.inwards(working.VIEWS)

        def again(port: int) -> dict[str, Any]:
            address = f"redis://127.0.0.1:{port}/0"
            env = {n: address if n.startswith("CELERY_") else v for n, v in inwards.items()}
            return check.sandbox.step("views.again", env, PATIENCE, way=way, cookies=cookies)

        answers = check.sandbox.together(
            *[lambda port=port: again(port) for port in addresses.values()]
        )
    for kind, seen in zip(addresses, answers, strict=True):
        if "hangs" in seen:
            raise NotYet(f"slow_{kind}", causes.place(seen["hangs"]), seconds=int(PATIENCE - QUICK))
        if "post" not in seen:
            raise causes.fault(check.project, seen)
        post = seen["post"]
        if error := post.get("error"):
            if not _OF_BROKER & set(error["bases"]):
                raise causes.of_error(check.project, error)
            at = causes.where(error)
            raise NotYet("broker_error", at, type=error["type"], message=error["message"])
        if post["status"] == 500:
            raise NotYet("broker_error", None, type="500", message=post["body"][:200])
        if post["seconds"] > QUICK:
            raise NotYet(f"slow_{kind}", None, seconds=int(post["seconds"]))


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]
