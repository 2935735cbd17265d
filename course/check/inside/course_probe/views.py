"""The learner's pages, visited as a browser would: first looked at, then a form is sent."""

import json
import os
import re
import secrets
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_probe.errors import described
from course_probe.routes import Form, Route, forms, own_routes
from course_probe.watching import Enough, Watch

Request = dict[str, Any]
Seen = dict[str, Any]

RESULT = 48151623
_MOST = 300_000  # bytes of a page that are looked at


def prepare(request: Request, seen: Seen) -> None:
    """Bring our database up to date; `unmade`: apps whose models have no migration."""
    import django

    django.setup()
    from django.apps import apps
    from django.core.management import call_command
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState

    seen["engine"] = os.environ.get("COURSE_ENGINE", "sqlite3")
    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    own = {config.label for config in apps.get_app_configs() if config.name in request["own_apps"]}
    unmade = set(detector.changes(graph=loader.graph)) & own
    unmade |= {label for label in loader.unmigrated_apps & own if [*_tables(apps, label)]}
    seen["unmade"] = sorted(unmade)
    seen["phase"] = "migrate"
    call_command("migrate", verbosity=0, interactive=False)
    seen["phase"] = "views"


def _tables(apps: Any, label: str) -> Iterator[Any]:
    return (model for model in apps.get_app_config(label).get_models() if model._meta.managed)


def visit(request: Request, seen: Seen) -> None:
    """Look at every page, send the form that starts a task, look at the task's state."""
    prepare(request, seen)
    if seen["unmade"]:
        return
    visitor = Visitor(Path(request["folder"]))
    routes = own_routes(visitor.folder)
    seen["routes"] = [vars(route) for route in routes]
    seen["looked"] = []
    found: list[Form] = []
    for path in [path for route in routes for path in _without_id(route)]:
        looked = visitor.look(path)
        seen["looked"].append(looked)
        found += [form for form in forms(looked["body"], path) if form.method in ("post", "")]
        if looked["queued"] or looked["direct"] or looked["waited"]:
            return
    seen["sent"] = []
    for way in visitor.ways(routes, found, request["fields"]):
        sent = visitor.send(way)
        seen["sent"].append(sent)
        if sent["queued"] or sent["direct"] or sent["waited"] or sent.get("encode"):
            break
        if sent["refused"]:  # so would a visitor's be
            return
    else:
        return
    if not sent["queued"]:
        return
    seen["post"] = sent
    seen["waiting"] = _waiting()
    seen["without_token"] = visitor.send(way, token=False)
    nonsense = (("two", ""), ("", "")) if way["names"] else ()
    seen["bad"] = [visitor.send(way, values) for values in nonsense]
    ids = [one["id"] for one in sent["queued"]]
    shown = [task_id for task_id in ids if task_id in sent["body"]]
    seen["task_id"], seen["shown"] = [*shown, *ids][0], bool(shown)
    visitor.follow(routes, sent, seen)


def again(request: Request, seen: Seen) -> None:
    """Send the same once more, in another process and with the broker that the environment
    names."""
    import django

    django.setup()
    visitor = Visitor(Path(request["folder"]))
    visitor.client.cookies.load(request["cookies"])
    seen["post"] = visitor.send(request["way"], fresh=False)


def _waiting() -> int:
    """How many messages wait in the broker's queues."""
    import redis

    client: Any = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])
    lists = [key for key in client.keys("*") if client.type(key) == b"list"]
    return sum(client.llen(key) for key in lists)


def _without_id(route: Route) -> list[str]:
    """Paths to look at: as they are, or with numbers in them."""
    kinds = [kind for kind, _ in route.parameters()]
    if not kinds:
        return [route.path()]
    if all(kind in ("int", "float") for kind in kinds):
        return [route.path(*(2 + index for index in range(len(kinds))))]
    return []


class Visitor:
    """A visitor with a browser's cookies. Tasks that are started meanwhile are seen."""

    def __init__(self, folder: Path) -> None:
        from django.test import Client

        self.folder = folder
        self.watch = Watch(folder)
        self.client = Client(enforce_csrf_checks=True)

    def look(self, path: str) -> dict[str, Any]:
        """GET a path; where a login is asked for, log in and look again."""
        looked = self._do(path, lambda: self.client.get(path))
        if looked["status"] in (301, 302) and self._log_in(looked["location"]):
            login = self.client.get(looked["location"]).status_code
            looked = self._do(path, lambda: self.client.get(path)) | {"login": login}
        return looked

    def _log_in(self, location: str) -> bool:
        from django.conf import settings
        from django.contrib.auth import get_user_model
        from django.shortcuts import resolve_url

        try:
            if not location.startswith(resolve_url(settings.LOGIN_URL)):
                return False
            users = get_user_model()
            user = users._default_manager.first()
            if user is None:
                user = users(is_staff=True, is_superuser=True, is_active=True)
                setattr(user, users.USERNAME_FIELD, "visitor@example.com")
                user.save()
            self.client.force_login(user)
        except Exception:  # a login of their own kind: we stay outside
            return False
        return True

    def _do(self, path: str, request: Any) -> dict[str, Any]:
        self.watch.clear()
        done: dict[str, Any] = {"path": path, "status": 0, "body": "", "location": ""}
        started = time.monotonic()
        try:
            response = request()
            done["status"] = response.status_code
            done["location"] = response.headers.get("Location", "")
            if not response.streaming:
                done["body"] = response.content[:_MOST].decode(errors="replace")
        except Enough:
            pass
        except Exception as error:
            done["error"] = described(error, self.folder)
            done["encode"] = "EncodeError" in done["error"]["bases"]
        done["seconds"] = time.monotonic() - started
        done |= {kind: list(happened) for kind, happened in self.watch.seen().items()}
        return done

    def ways(
        self, routes: list[Route], found: list[Form], names: list[list[str]]
    ) -> Iterator[dict[str, Any]]:
        """What can be sent, likeliest first: the pages' forms, then the routes themselves.

        names: what the tasks call their two numbers.
        """
        for form in sorted(found, key=lambda form: abs(len(form.visible) - 2)):
            if len(form.visible) >= 2:
                yield {
                    "path": form.action,
                    "fields": form.fields,
                    "names": form.visible,
                    "page": form.page,
                    "json": False,
                }
        for route in routes:
            kinds = [kind for kind, _ in route.parameters()]
            numbers = [kind for kind in kinds if kind in ("int", "float")]
            if len(numbers) == len(kinds) == 2:
                yield {"path": route.path(2, 3), "fields": {}, "names": [], "json": False}
            if kinds:
                continue
            for pair in names:
                for as_json in (False, True):
                    yield {"path": route.path(), "fields": {}, "names": pair, "json": as_json}
            yield {"path": route.path(), "fields": {}, "names": [], "json": False}

    def send(
        self,
        way: dict[str, Any],
        values: tuple[Any, Any] = (2, 3),
        token: bool = True,
        fresh: bool = True,
    ) -> dict[str, Any]:
        """POST; a redirect is followed, as a browser does."""
        if fresh and way.get("page"):
            # A form is sent from its page: the token in it is the one just given out.
            page = self.look(way["page"])
            same = [form for form in forms(page["body"], way["page"]) if form.action == way["path"]]
            way["fields"] = same[0].fields if same else way["fields"]
            way["csrf_in_page"] = "csrf" in page["body"].lower()
        given = dict(zip(way["names"], values, strict=False))
        data: Any = way["fields"] | {name: str(value) for name, value in given.items()}
        headers: dict[str, str] = {}
        if not token:
            data = {name: v for name, v in data.items() if name != "csrfmiddlewaretoken"}
        elif "csrfmiddlewaretoken" not in data and (not way.get("page") or way["csrf_in_page"]):
            headers["X-CSRFToken"] = self._token()
        kind: dict[str, Any] = {}
        if way["json"]:
            data, kind = json.dumps(given), {"content_type": "application/json"}
        sent = self._do(
            way["path"], lambda: self.client.post(way["path"], data, headers=headers, **kind)
        )
        sent["way"] = way
        without = bool(way.get("page")) and not way["csrf_in_page"]
        sent["refused"] = sent["status"] == 403 and without
        if sent["status"] in (301, 302, 303, 307, 308) and sent["location"].startswith("/"):
            queued = sent["queued"]
            after = self._do(sent["location"], lambda: self.client.get(sent["location"]))
            sent["body"] = f"{sent['location']}\n{after['body']}"
            sent["queued"] = queued + after["queued"]
            for key in ("direct", "waited"):
                sent[key] += after[key]
            if "error" in after:
                sent["error"] = after["error"]
        sent["cookies"] = self.client.cookies.output(header="", sep=";")
        return sent

    def _token(self) -> str:
        """The token of the cookie; a visitor without one brings a new pair."""
        from django.conf import settings

        name = settings.CSRF_COOKIE_NAME
        if name not in self.client.cookies:
            self.client.cookies[name] = secrets.token_hex(16)
        return str(self.client.cookies[name].value)

    def follow(self, routes: list[Route], sent: dict[str, Any], seen: Seen) -> None:
        """Where the state of the task can be seen: `status_path`; and what an id that nobody
        issued gets there: `unknown`."""
        from celery import current_app

        task_id = seen["task_id"]
        current_app.backend.store_result(task_id, RESULT, "SUCCESS")
        links = re.findall(rf"/[^\s\"'<>\\]*{task_id}[^\s\"'<>\\]*", sent["body"])
        links = [re.sub(r"^//[^/]+", "", link) for link in links]
        paths = [*links]
        for route in routes:
            kinds = [kind for kind, _ in route.parameters()]
            if len(kinds) == 1 and kinds[0] not in ("int", "float"):
                paths.append(route.path(task_id))
            elif not kinds:
                paths += [f"{route.path()}?{name}={task_id}" for name in ("task_id", "id", "task")]
        seen["followed"] = []
        for path in dict.fromkeys(paths):
            looked = self.look(path)
            linked = path in links
            seen["followed"].append({**looked, "body": looked["body"][:2000], "linked": linked})
            if looked["status"] != 200:
                continue
            nobodys = [str(uuid.uuid4()) for _ in range(2)]
            others = [self.look(path.replace(task_id, other)) for other in nobodys]
            bodies = [
                _without(one["body"], task_id, *nobodys, one["path"]) for one in [looked, *others]
            ]
            tells = any(word in bodies[0] and word not in bodies[1] for word in _TOLD)
            # A page that is the same for every id shows nothing about this one.
            if tells or (bodies[1] == bodies[2] != bodies[0]):
                seen["status_path"] = path
                # A word that is there all the same belongs to the page, not to the state.
                pending = "PENDING" in bodies[1].upper() and "PENDING" not in bodies[0].upper()
                seen["unknown"] = {**others[0], "pending": pending}
                return


_TOLD = ("SUCCESS", str(RESULT))


def _without(body: str, *ids: str) -> str:
    """A page without what differs at each visit: ids, tokens."""
    for task_id in ids:
        body = body.replace(task_id, "")
    return re.sub(r"\w{32,}", "", body)
