"""Takes the pages' pictures anew, from the running lessons. Run by `make pictures`.

Each is taken of a copy of its lesson, with a broker and processes of its own. A picture of a
terminal holds what really came back; times are "…" in it, as in the pages, and so is what would
only name this machine.
"""

import base64
import html
import math
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
from pexpect import ExceptionPexpect
from playwright.sync_api import Browser, Error, Page

from course import browser, catalogue
from course.broker import BrokerError
from course.messages import say
from course.ports import free_port
from course.stack import Stack, StackError
from course.start import serves

IMAGES = catalogue.ROOT / "docs" / "images"

# All pictures have as many pixels. The narrower the page in it, the larger its letters.
PIXELS = 900
NARROW = 560
QUALITY = 80
MARGIN = 12  # below the end of a page

USER, PASSWORD = "admin", "picture"

FIVE_TASKS = """
from myapp.tasks import add
done = [add.delay(x, y) for x, y in [(4, 6), (1, 2), (300, 14), (20, 22)]]
print([result.get(timeout=60) for result in done])
add.delay(2, 2, seconds=60)
"""

_TERMINAL = """
  body { background: #fff; font: 15px/1.5 "DejaVu Sans Mono", monospace; margin: 0; padding: 1px; }
  section { border: 1px solid #9aa5ad; border-radius: 8px; margin: 12px 12px 0; overflow: hidden; }
  h1 { background: #e4e9ec; font: bold 14px sans-serif; margin: 0; padding: 8px 12px; }
  pre { color: #24292f; font: inherit; margin: 0; padding: 10px 12px; white-space: pre-wrap; }
  pre { word-break: break-all; }
  b { color: #00695c; }
"""
_FRAME = """html::after { border: 1px solid #9aa5ad; content: ""; inset: 0; pointer-events: none;
  position: fixed; z-index: 9999; }
  /* Flower's table, a little closer: else its last column is out of the picture. */
  .tasks-table { font-size: 14.5px; }
  .tasks-table :is(td, th) { padding-inline: 6px !important; }"""


@dataclass(frozen=True)
class Lesson:
    """A copy of a lesson, and the processes that run in it."""

    project: Path
    stack: Stack
    chromium: Browser

    def run(self, *command: str) -> list[str]:
        """The lines that a command prints. Raises StackError if it fails."""
        done = self.stack.run([*command], self.project)
        if done.returncode:
            raise StackError(done.stdout)
        return done.stdout.splitlines()

    def shell(self, *typed: str) -> list[str]:
        """What stands in a terminal when these lines have been typed into the project's shell."""
        shown = ["$ python manage.py shell", "…"]
        child = pexpect.spawn(
            sys.executable,
            ["manage.py", "shell", "-i", "python"],  # not IPython, which the notebooks bring
            cwd=self.project,
            env=self.stack.environment(TERM="dumb"),
            encoding="utf-8",
            dimensions=(50, 300),
            timeout=60,
        )
        with closing(child):
            child.expect_exact(">>> ")
            for line in typed:
                child.sendline(line)
                child.expect_exact(">>> ")
                shown += f">>> {child.before}".splitlines()
        return shown

    def start_worker(self, name: str = "celery@mysite") -> None:
        """Start a broker and a worker, which would otherwise be called after this machine."""
        self.stack.start_broker()
        command = f"celery -A myproject worker --loglevel=info -c 4 -n {name}"
        self.stack.start("worker", command, self.project, lambda it: it.says(" ready."))
        self.stack.wait("worker")

    def worker_log(self) -> list[str]:
        """What stands in the worker's terminal, in short: its tasks, and what it did."""
        lines = self.stack.services["worker"].log.read_text().splitlines()
        first = lines.index("[tasks]")
        tasks = lines[first : lines.index("", first)]
        told = [line for line in lines if re.search(r" (ready\.|received|succeeded .*)$", line)]
        told = [re.sub(r"^\[[\d-]+ [\d:,]+", "[…", line) for line in told]
        return ["$ celery -A myproject worker --loglevel=info", "…", *tasks, "…", *told]

    def serve(self, name: str, command: str, **env: str) -> str:
        """Start a server; returns the address. `PORT` in the command is its port."""
        port = free_port()
        address = f"http://127.0.0.1:{port}/"
        command = command.replace("PORT", str(port))
        self.stack.start(name, command, self.project, lambda it: serves(address), env)
        self.stack.wait(name)
        return address

    def serve_project(self) -> str:
        """Start the project's web server; returns the address."""
        self.run("python", "manage.py", "migrate")
        return self.serve("web", "python manage.py runserver PORT --noreload")

    @contextmanager
    def page(self, address: str, width: int = NARROW) -> Iterator[Page]:
        """A page of that width, opened in the browser."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": 400},
            color_scheme="light",
            reduced_motion="reduce",
            http_credentials={"username": USER, "password": PASSWORD},
        )
        with closing(context):
            page = context.new_page()
            page.goto(address)
            yield page


def photograph(page: Page, end: str = "body", style: str = _FRAME) -> bytes:
    """A picture of the page, from its top to where the element `end` ends, as WebP."""
    page.add_style_tag(content=style)
    box, size = page.locator(end).bounding_box(), page.viewport_size
    assert box and size
    width, height = size["width"], math.ceil(box["y"] + box["height"]) + MARGIN
    # Playwright's own pictures are no WebP, so Chromium is asked directly.
    chromium = page.context.new_cdp_session(page)
    scaled = {"width": width, "height": height, "deviceScaleFactor": PIXELS / width}
    chromium.send("Emulation.setDeviceMetricsOverride", {**scaled, "mobile": False})
    options = {"format": "webp", "quality": QUALITY}
    return base64.b64decode(chromium.send("Page.captureScreenshot", options)["data"])


def _terminals(lesson: Lesson, **windows: list[str]) -> bytes:
    """A picture of terminals, one below the other: what stands in each, by its title."""
    drawn = []
    for title, lines in windows.items():
        text = html.escape("\n".join(lines), quote=False)
        text = re.sub(r"^(\$|&gt;&gt;&gt;) ", r"<b>\1</b> ", text, flags=re.MULTILINE)
        drawn.append(f"<section><h1>{title}</h1><pre>{text}</pre></section>")
    with lesson.page("about:blank") as page:
        page.set_content(f"<!doctype html>{''.join(drawn)}")
        return photograph(page, style=_TERMINAL)


def _welcome(lesson: Lesson) -> bytes:
    with lesson.page(lesson.serve_project()) as page:
        return photograph(page, end="main")


def _app(lesson: Lesson) -> bytes:
    own = "[name for name in celery_app.tasks if not name.startswith('celery.')]"
    lines = ["import celery", "celery.current_app.main", "from myproject import celery_app", own]
    return _terminals(lesson, Terminal=lesson.shell(*lines))


def _first_task(lesson: Lesson) -> bytes:
    lesson.start_worker()
    lines = ["from myproject.celery import debug_task", "result = debug_task.delay()"]
    shown = lesson.shell(*lines, "result.get(timeout=10)", "result.state")
    return _terminals(lesson, Worker=lesson.worker_log(), Terminal=shown)


def _task(lesson: Lesson) -> bytes:
    lesson.start_worker()
    shown = lesson.run("python", "manage.py", "add", "4", "6")
    shown = ["$ python manage.py add 4 6", *shown]
    return _terminals(lesson, Terminal=shown, Worker=lesson.worker_log())


def _form(lesson: Lesson, until: str = "Queued as task") -> bytes:
    lesson.start_worker()
    with lesson.page(lesson.serve_project()) as page:
        page.get_by_label("First number").fill("4")
        page.get_by_label("Second number").fill("6")
        page.get_by_role("button", name="Add").click()
        page.get_by_text(until).wait_for()
        page.mouse.move(0, 0)  # a button under it looks different
        return photograph(page)


def _result(lesson: Lesson) -> bytes:
    return _form(lesson, until="SUCCESS. The result is 10.")


def _flower(lesson: Lesson, path: str, until: str, width: int) -> bytes:
    """A page of Flower, when it has seen four tasks end and a fifth one start."""
    lesson.start_worker("first@desk")
    command = "celery -A myproject flower --port=PORT"
    address = lesson.serve("flower", command, FLOWER_BASIC_AUTH=f"{USER}:{PASSWORD}")
    with lesson.page(address, width) as page:
        # It shows what it has seen, so it must have seen the worker first.
        page.get_by_role("row", name="first@desk Online").wait_for()
        lesson.run("python", "manage.py", "shell", "-c", FIVE_TASKS)
        page.goto(f"{address}{path}")
        page.get_by_role("row", name=until).wait_for()
        return photograph(page, end=".page-section")


def _flower_tasks(lesson: Lesson) -> bytes:
    return _flower(lesson, "tasks", until="STARTED", width=767)


def _flower_workers(lesson: Lesson) -> bytes:
    return _flower(lesson, "workers", until="first@desk Online 1 5 0 4", width=860)


PICTURES: dict[str, Callable[[Lesson], bytes]] = {
    "01_welcome": _welcome,
    "02_app": _app,
    "03_first_task": _first_task,
    "04_task": _task,
    "05_form": _form,
    "06_result": _result,
    "07_flower_tasks": _flower_tasks,
    "07_flower_workers": _flower_workers,
}


def take(name: str, chromium: Browser) -> bytes:
    """Take a picture. Raises StackError, BrokerError, OSError, playwright's Error."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "mysite")
        catalogue.copy(catalogue.find(name[:2]), project)
        with Stack(Path(folder, "stack")) as stack:
            stack.grace = 3  # nobody waits for what a worker still does
            return PICTURES[name](Lesson(project, stack, chromium))


def main(names: list[str], into: Path = IMAGES) -> int:
    """Take these pictures, or all, into a folder; returns the exit status."""
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        known = ", ".join(PICTURES)
        print(say("picture_unknown", name=unknown[0], known=known), file=sys.stderr)
        return 2
    try:
        with browser.opened() as chromium:
            for name in names or PICTURES:
                picture = take(name, chromium)
                (into / f"{name}.webp").write_bytes(picture)
                print(f"{name}.webp: {len(picture) / 1000:.0f} kB")
    except KeyboardInterrupt:
        return 130
    except (browser.NoBrowser, StackError, BrokerError, OSError, Error, ExceptionPexpect) as error:
        print(say("error", what=error), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
