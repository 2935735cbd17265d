"""`course check --watch` in a terminal: saves, keys, what is remembered."""

import json
import os
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checking import learners, left_over, traces
from conftest import wait_for
from terminals import Terminal

from course.catalogue import ROOT, find
from course.check.watch import Watch as Watching

COURSE = ROOT / ".venv" / "bin" / "course"

Watch = Callable[..., Terminal]


@pytest.fixture
def mysite(tmp_path: Path) -> Path:
    """A project that has reached lesson 2, but for the import."""
    folder = learners("02", tmp_path / "mysite")
    (folder / "myproject/__init__.py").write_text("")
    return folder


@pytest.fixture
def watch(
    mysite: Path, state: Path, terminals: list[Terminal], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watch]:
    """Start `check --watch` on the project in a terminal."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "xdg"))

    def start(options: str = "") -> Terminal:
        line = f"{COURSE} check --watch --project {mysite} {options}; echo status $?"
        terminals.append(Terminal(f"trap : INT; {line}", state))
        return terminals[-1]

    yield start
    assert left_over(state) == []


def shown(terminal: Terminal, text: str) -> None:
    """Wait until a text is on the screen, then forget it and what came before."""
    wait_for(lambda: terminal.shows(text), timeout=60)
    terminal.screen = terminal.screen.partition(text)[2]


def press(terminal: Terminal, key: str) -> None:
    os.write(terminal.master, key.encode())


def mend(mysite: Path) -> None:
    right = find("02").path / "myproject/__init__.py"
    (mysite / "myproject/__init__.py").write_text(right.read_text())


def test_a_save_brings_a_verdict_and_the_next_stage(mysite: Path, watch: Watch, state: Path):
    terminal = watch("02")
    wait_for(lambda: terminal.shows("q quit"), timeout=60)
    # What a terminal opens when it is clicked on.
    section = "http://127.0.0.1:8080/en/lessons/02_celery_instance/#import-app"
    assert f"\x1b]8;;{section}\x1b\\Import it" in terminal.screen
    assert f"\x1b]8;;file://{mysite}/myproject/__init__.py\x1b\\" in terminal.screen
    shown(terminal, "Lesson 2, The Celery instance: not yet.")
    mend(mysite)
    shown(terminal, "Lesson 2, The Celery instance: reached.")
    shown(terminal, "Lesson 3, Settings: not yet.")
    wait_for(lambda: terminal.shows("q quit"))
    before = traces(mysite)
    press(terminal, "q")
    shown(terminal, "status 0")
    assert traces(mysite) == before
    progress = json.loads((state / "xdg/celery-django-course/progress.json").read_text())
    assert progress == {str(mysite): "lessons/02_celery_instance"}


def test_keys_give_remedy_difference_and_list(watch: Watch):
    terminal = watch("02")
    shown(terminal, "q quit")
    press(terminal, "h")
    shown(terminal, "from .celery import app as celery_app")
    press(terminal, "d")
    shown(terminal, "+__all__ = ('celery_app',)")
    press(terminal, "l")
    wait_for(lambda: terminal.shows("Lesson 7, Flower"))
    assert "✓ Lesson 1, Install" in terminal.screen
    assert "✓ Lesson 2" not in terminal.screen
    press(terminal, "q")
    shown(terminal, "status 0")


def test_keys_and_verdict_are_in_the_readers_language(watch: Watch):
    terminal = watch("02 --lang fr")
    shown(terminal, "q quitter")
    press(terminal, "i")
    shown(terminal, "Remède")
    press(terminal, "q")
    shown(terminal, "status 0")


def test_it_begins_after_the_stage_that_was_reached_last_time(
    mysite: Path, watch: Watch, state: Path
):
    mend(mysite)
    remembered = state / "xdg/celery-django-course/progress.json"
    remembered.parent.mkdir(parents=True)
    remembered.write_text(json.dumps({str(mysite): "lessons/02_celery_instance"}))
    terminal = watch()
    wait_for(lambda: terminal.shows("Lesson 3, Settings: not yet."), timeout=60)
    assert "Reached so far" not in terminal.screen
    wait_for(lambda: terminal.shows("q quit"))
    press(terminal, "q")
    shown(terminal, "status 0")


def test_a_save_while_it_checks_starts_it_again(mysite: Path, watch: Watch, state: Path):
    terminal = watch("02")
    wait_for(lambda: any((state / "check").glob("run-*/*.asked")))
    mend(mysite)
    wait_for(lambda: terminal.shows("reached."), timeout=60)
    assert "not yet" not in terminal.screen.partition("reached.")[0]
    press(terminal, "q")
    shown(terminal, "status 0")


def test_what_is_no_part_of_the_project_starts_nothing(mysite: Path):
    watching = Watching(mysite, find("02"), None)
    before = watching.signature()
    (mysite / "db.sqlite3").write_text("")
    (mysite / "__pycache__").mkdir()
    (mysite / "__pycache__" / "x.pyc").write_text("")
    (mysite / ".git").mkdir()
    (mysite / ".git" / "index").write_text("")
    assert watching.signature() == before
    mend(mysite)
    assert watching.signature() != before


def test_ctrl_c_ends_it_and_the_terminal_is_as_it_was(watch: Watch):
    terminal = watch("02")
    shown(terminal, "q quit")
    assert not termios.tcgetattr(terminal.master)[3] & termios.ECHO
    terminal.press_ctrl_c()
    shown(terminal, "status 0")
    assert termios.tcgetattr(terminal.master)[3] & termios.ECHO


def test_a_folder_that_does_not_exist_is_not_watched(watch: Watch, mysite: Path):
    terminal = watch("02")
    shown(terminal, "q quit")
    press(terminal, "q")
    shown(terminal, "status 0")
    mysite.rename(mysite.with_name("elsewhere"))
    terminal = watch("02")
    shown(terminal, "There is no folder")
    shown(terminal, "status 2")


def test_a_terminal_that_is_closed_ends_it(watch: Watch, state: Path):
    terminal = watch("02")
    shown(terminal, "q quit")
    terminal.close()
    terminal.process.wait(timeout=30)
    wait_for(lambda: left_over(state) == [])
