"""Opens Chromium, for what is drawn or photographed in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from course import doctor
from course.messages import say

# Nothing of its own goes over the network. Our pages alone are opened, so it needs no sandbox,
# which is refused to root.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS += ["--no-sandbox", "--no-first-run"]


class NoBrowser(Exception):
    """There is no Chromium. The message is for the reader."""


@contextmanager
def opened() -> Iterator[Browser]:
    """A Chromium without a window, closed afterwards. Raises NoBrowser."""
    executable = doctor.chromium()
    if not executable:
        raise NoBrowser(say("no_chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
