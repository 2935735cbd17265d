"""Does the steps in the browser: opens an address, fills and presses, reads what is there."""

import re
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import (
    BrowserContext,
    Error,
    Locator,
    Page,
    Request,
    Response,
)

from course.browser import NoBrowser, opened

from .blocks import Visit
from .matching import ANY, line_matches
from .terminal import PATIENCE, Failure

SERVER = 10.0  # seconds that a server that was started may take to answer
FOUND = 5.0  # seconds until a field or a button is there

# A page's own parts, as against what its script asks for: that may be refused on purpose.
_PARTS = ("script", "stylesheet", "image", "font")


class Browser:
    """One Chromium, started at the first step; each step has a page of its own."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._chromium: Chromium | None = None
        self._context: BrowserContext | None = None
        self._complaints: list[str] = []

    def open(self, visit: Visit) -> Page:
        """Open the address of a step. Raises Failure."""
        address = urlsplit(visit.address)
        host = address.netloc.rpartition("@")[2]
        options = {}
        if address.username is not None:
            name, password = unquote(address.username), unquote(address.password or "")
            options["http_credentials"] = {"username": name, "password": password}
        self.close_page()
        self._context = self._started().new_context(locale="en", **options)
        self._context.set_default_timeout(PATIENCE * 1000)
        page = self._context.new_page()
        self._complaints = []
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("console", self._console)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        deadline = time.monotonic() + SERVER
        while True:
            try:
                page.goto(address._replace(netloc=host).geturl())
                return page
            except Error as error:
                # After a refusal, Chromium's own error page may still be on its way.
                again = ("ERR_CONNECTION_REFUSED", "interrupted by another navigation")
                if not any(text in str(error) for text in again) or time.monotonic() > deadline:
                    raise Failure(str(error).splitlines()[0]) from None
                page.wait_for_timeout(200)

    def _console(self, message: object) -> None:
        # A refused request is told here too: `_answered` looks whether it matters.
        text = message.text  # type: ignore[attr-defined]
        if message.type == "error" and not text.startswith("Failed to load"):  # type: ignore[attr-defined]
            self._complaints.append(text)

    def _failed(self, request: Request) -> None:
        if request.resource_type in _PARTS:
            self._complaints.append(f"{request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.request.resource_type in _PARTS and response.status >= 400:
            self._complaints.append(f"{response.url}: status {response.status}")

    def _started(self) -> Chromium:
        if self._chromium is None:
            try:
                self._chromium = self._opened.enter_context(opened())
            except NoBrowser as error:
                raise Failure(str(error)) from None
        return self._chromium

    def complaints(self) -> list[str]:
        """What the open page has complained about in the console."""
        return list(self._complaints)

    def close_page(self) -> None:
        """Leave the page of the last step."""
        if self._context:
            self._context.close()
            self._context = None

    def close(self) -> None:
        """End it, if it was started."""
        self.close_page()
        self._opened.close()
        self._chromium = None


def find(page: Page, label: str, seconds: float = FOUND) -> Locator:
    """The field called `label`, or the button or link of a `[Name]`. Raises Failure."""
    if label.startswith("["):
        what = "button or link"
        roles = [page.get_by_role(r, name=label[1:-1], exact=True) for r in ("button", "link")]
        found = roles[0].or_(roles[1])
    else:
        what = "field"
        # Django's own pages write "Username:"; a page of the course says `Username: ada`.
        found = page.get_by_label(re.compile(rf"^\s*{re.escape(label)}:?\s*$"))
    deadline = time.monotonic() + seconds
    while (count := found.count()) != 1:
        if time.monotonic() > deadline:
            raise Failure(f"{count or 'no'} {what} called {label} on the page")
        page.wait_for_timeout(50)
    return found


def act(page: Page, label: str, value: str) -> None:
    """Fill a field or press a button. Raises Failure."""
    found = find(page, label)
    try:
        # A link may have led to this page a moment ago: its scripts come last.
        page.wait_for_load_state(timeout=PATIENCE * 1000)
        if label.startswith("["):
            found.click(timeout=FOUND * 1000)
        else:
            found.fill(value, timeout=FOUND * 1000)
    except Error as error:
        raise Failure(f"{label}: {str(error).splitlines()[0]}") from None


def visible(page: Page) -> list[str]:
    """The lines of text that can be seen, spaces made one."""
    try:
        text = page.locator("body").inner_text(timeout=2000)
    except Error:  # it is going to another page
        return []
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line]


def missing(texts: Sequence[str], lines: Iterable[str]) -> str | None:
    """The first text that is not there after the ones before it; None if all are."""
    rest = iter(lines)
    for text in texts:
        pattern = " ".join(text.split())
        if pattern != ANY and not any(line_matches(pattern, line) for line in rest):
            return text
    return None


def read(page: Page, texts: Sequence[str], seconds: float = PATIENCE) -> list[str]:
    """Wait until the texts are there, in order; returns what can be seen. Raises Failure."""
    deadline = time.monotonic() + seconds
    while (lacking := missing(texts, lines := visible(page))) is not None:
        if time.monotonic() > deadline:
            there = "\n".join(f"    {line}" for line in lines)
            raise Failure(
                f'"{lacking}" did not appear within {seconds:.0f} s. On the page:\n{there}'
            )
        page.wait_for_timeout(50)
    return lines
