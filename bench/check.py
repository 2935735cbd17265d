"""`check --watch`: from a save to the verdict, against the same checks run bare by pytest."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect

from bench.figures import Figure, NotMeasured, times
from course.catalogue import ROOT, find

PAIRS = 5

# What a project has reached, and the stage it is then held against.
CASES = [
    ("01_install", "02_celery_instance"),
    ("04_tasks", "05_views"),
    ("06_workers", "07_flower"),
]

BARE = """
from pathlib import Path

from course import catalogue
from course.check.check import check


def test_the_stage_is_not_reached():
    assert check(Path({folder!r}), catalogue.find({stage!r})).status == 1
"""


def measure(folder: Path) -> Iterator[Figure]:
    """In turns, the median of each; the stages without a worker also against what is promised."""
    for reached, stage in CASES:
        project = folder / stage
        for path in find(reached).learners_files():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes((find(reached).path / path).read_bytes())
        test = folder / f"test_{stage}.py"
        test.write_text(BARE.format(folder=str(project), stage=stage))
        # The state folders are apart: neither waits for the other's.
        env = os.environ | {"COURSE_STATE": str(folder / "state"), "XDG_STATE_HOME": str(folder)}
        watching = pexpect.spawn(
            sys.executable,
            ["-m", "course", "check", stage, "--lang", "en", "--watch", "--project", str(project)],
            cwd=ROOT,
            env=env,
            encoding="utf-8",
            timeout=60,
        )
        try:
            _verdict(watching)
            pairs = [(_save(watching, project), _bare(test, env)) for _ in range(PAIRS)]
        finally:
            watching.send("q")
            watching.expect(pexpect.EOF)
            watching.close()
        saved, bare = (statistics.median(one) for one in zip(*pairs, strict=True))
        what = f"from save to verdict, lesson {stage} (median of {PAIRS})"
        yield times(what, saved, bare, "the same checks under pytest", target=1.2)
        if stage == CASES[0][1]:
            yield times(what, saved, 2.0, "the promised 2 s without a worker", target=1.0)


def _verdict(watching: "pexpect.spawn[str]") -> None:
    if watching.expect(["q quit", pexpect.EOF, pexpect.TIMEOUT]):
        raise NotMeasured(f"no verdict: {watching.before}")


def _save(watching: "pexpect.spawn[str]", project: Path) -> float:
    settings = project / "myproject" / "settings.py"
    text = settings.read_text() + "\n"
    begin = time.perf_counter()
    settings.write_text(text)
    _verdict(watching)
    return time.perf_counter() - begin


def _bare(test: Path, env: dict[str, str]) -> float:
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", str(test)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise NotMeasured(f"pytest: {done.stdout}")
    return time.perf_counter() - begin
