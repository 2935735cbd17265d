"""The learner's own routes, the forms in their pages, and what can be sent to them."""

import inspect
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from course_probe.errors import within

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_VISIBLE = ("", "text", "number", "textarea", "search", "tel")


@dataclass
class Route:
    """A path with its parameters still in it, and the view behind it."""

    pattern: str
    file: str
    line: int
    view: str

    def parameters(self) -> list[tuple[str, str]]:
        """(converter, name) of each."""
        return [(kind or "str", name) for kind, name in _PARAMETER.findall(self.pattern)]

    def path(self, *values: object) -> str:
        """The path with its parameters filled in, in their order."""
        remaining = iter(values)
        return "/" + _PARAMETER.sub(lambda match: str(next(remaining)), self.pattern)


def own_routes(folder: Path) -> list[Route]:
    """Every route to a view in `folder`."""
    from django.urls import get_resolver

    return list(_walk(get_resolver(), "", folder))


def _walk(resolver: Any, prefix: str, folder: Path) -> Any:
    from django.contrib.admindocs.views import simplify_regex
    from django.urls.resolvers import RegexPattern

    for one in resolver.url_patterns:
        route = str(one.pattern)
        if isinstance(one.pattern, RegexPattern):
            route = simplify_regex(route).lstrip("/")
        if hasattr(one, "url_patterns"):
            yield from _walk(one, prefix + route, folder)
            continue
        view = getattr(one.callback, "view_class", None) or inspect.unwrap(one.callback)
        try:
            file = within(inspect.getsourcefile(view) or "", folder)
            line = inspect.getsourcelines(view)[1]
        except (TypeError, OSError):
            continue
        if file:
            yield Route(prefix + route, file, line, view.__name__)


@dataclass
class Form:
    """A form of a page: where it goes, what it sends when it is filled in.

    method: "" where the page says none; a script may send it then.
    """

    action: str
    page: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    visible: list[str] = field(default_factory=list)

    def filled(self, *values: object) -> dict[str, str]:
        """What is sent when the first fields that can be seen get these values."""
        return self.fields | dict(zip(self.visible, map(str, values), strict=False))


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.forms: list[Form] = []
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            action = urljoin(self.page, given.get("action") or self.page)
            self._form = Form(action, self.page, given.get("method", "").lower())
            self.forms.append(self._form)
        elif self._form is not None and given.get("name"):
            name, kind = given["name"], given.get("type", "").lower()
            if tag == "select" or (tag == "input" and kind not in ("checkbox", "radio", "file")):
                self._form.fields[name] = given.get("value", "")
            if (tag == "input" and kind in _VISIBLE) or tag == "textarea":
                self._form.fields[name] = given.get("value", "") or "1"
                self._form.visible.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def forms(html: str, page: str) -> list[Form]:
    """The forms in a page."""
    parser = _Forms(page)
    parser.feed(html)
    return parser.forms
