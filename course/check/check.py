"""A project is held against the stages, in order, until one is not reached."""

import os
import re
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course import catalogue
from course.check import stages
from course.check.faults import CannotTell, Fault, Found, NotYet, Stopped
from course.check.project import Project, interpreter, open_project
from course.check.sandbox import Sandbox, opened, told

# What is exported hides mistakes; here it does not count.
MISLEADING = {"CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DJANGO_SETTINGS_MODULE"}


@dataclass
class Check:
    """What the stages share: where it runs, and what was seen so far."""

    sandbox: Sandbox
    last: catalogue.Snapshot  # the stage that is asked for
    chosen: bool = False  # whether the interpreter was named by the caller
    remarks: list[Found] = field(default_factory=list)
    manage: dict[str, Any] = field(default_factory=dict)  # after `manage.py check`
    celery: dict[str, Any] = field(default_factory=dict)  # what `celery -A` finds
    task: dict[str, Any] = field(default_factory=dict)  # the one that adds two numbers
    visit: dict[str, Any] = field(default_factory=dict)  # of the pages

    @property
    def project(self) -> Project:
        """The copy that is judged."""
        return self.sandbox.project

    def remark(self, key: str, place: Any = None, **values: object) -> None:
        """Note what is no mistake but worth a sentence."""
        self.remarks.append(Found(key, values, place))


@dataclass
class Verdict:
    """How far a project is. `fault` stands before the stage `next`; None: all is reached."""

    python: Path | None = None
    reached: list[catalogue.Snapshot] = field(default_factory=list)
    next: catalogue.Snapshot | None = None
    fault: Fault | None = None
    remarks: list[Found] = field(default_factory=list)

    @property
    def status(self) -> int:
        """0: reached; 1: not yet; 2: it could not be told."""
        if self.fault is None:
            return 0
        return 1 if isinstance(self.fault, NotYet) else 2


def path_to(snapshot: catalogue.Snapshot) -> list[catalogue.Snapshot]:
    """The stages up to this one: it, what it grows from, and so on."""
    found = [snapshot]
    while base := found[0].base:
        found.insert(0, base)
    return found


def check(
    folder: Path,
    last: catalogue.Snapshot,
    python: Path | None = None,
    stop: threading.Event | None = None,
) -> Verdict:
    """Hold the project in `folder` against every stage up to `last`.

    stop: set, it ends the check as soon as may be. Raises Stopped then.
    """
    verdict, stop = Verdict(), stop or threading.Event()
    try:
        project = open_project(folder)
        verdict.python = interpreter(project, python)
        with opened(project, verdict.python, stop) as sandbox:
            run = Check(sandbox, last, chosen=python is not None)
            for name in sorted(MISLEADING & os.environ.keys()):
                run.remark("exported", name=name)
            verdict.remarks = run.remarks
            for stage in path_to(last):
                verdict.next = stage
                stages.reach(stage, run)
                verdict.reached.append(stage)
            verdict.next = None
    except Fault as fault:
        if stop.is_set():  # what ended may have been ended by what stopped us
            raise Stopped from None
        _as_the_learner_knows(fault, folder)
        verdict.fault = fault
        verdict.next = verdict.next or path_to(last)[0]
    except OSError as error:
        verdict.fault = told(error)
    except Stopped:
        raise
    except Exception as error:  # a learner is not to be shown a traceback of ours
        line = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error} ({Path(line.filename).name}:{line.lineno})"
        verdict.fault = CannotTell("course", what=what)
    return verdict


def _as_the_learner_knows(fault: Fault, folder: Path) -> None:
    """Paths in the copy become the learner's."""
    state = re.escape(str((catalogue.STATE / "check").resolve()))
    for name, value in fault.found.values.items():
        if isinstance(fault, NotYet) and isinstance(value, str):
            run = rf"{state}/run-\w+/project"
            fault.found.values[name] = re.sub(run, lambda _: str(folder), value)
