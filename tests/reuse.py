"""Results that depend only on unchanged content are used again.

A test marked `reuse` is not run when it has passed before and nothing has changed since: none of
the files outside docs/, neither Python nor the programs it calls, nor the pages that the mark
names. `make test ARGS=--again` runs all the same. A fresh checkout has nothing to use again.
"""

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from course import doctor
from course.catalogue import ROOT

REUSED = "reused"
FAILED = pytest.StashKey[bool]()
PASSED = ROOT / ".course" / "cache" / "passed"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--again", action="store_true", help="use no earlier result again")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "reuse(*pages): see tests/reuse.py")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Report what has passed before on the same content as passed, without running it."""
    path = None if item.config.getoption("again") else proof(item)
    if path is None or not path.exists():
        return None
    report = pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="passed",
        longrepr=None,
        when="call",
        user_properties=[(REUSED, True)],
    )
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have counted, a figure beside the verdict, and how many were not run."""
    reused = 0
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == REUSED:
                reused += bool(value)
            else:
                terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")
    if reused:
        terminalreporter.write_line(f"{reused} results used again: their content is unchanged")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    elif report.when == "teardown" and not item.stash.get(FAILED, False) and (path := proof(item)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return report


def proof(item: pytest.Item) -> Path | None:
    """The file that says that this test has passed on this content; None if it is not marked."""
    mark = item.get_closest_marker("reuse")
    if mark is None:
        return None
    pages = b"".join((ROOT / page).read_bytes() for page in mark.args)
    return PASSED / fingerprint(item.nodeid.encode(), pages, everything_but_the_pages())


def fingerprint(*parts: bytes) -> str:
    """One name for all of this content."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


@cache
def everything_but_the_pages() -> bytes:
    """What tests depend on besides pages: the files, Python, the programs they call."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True
    )
    names = sorted(name for name in listed.split("\0") if name and not name.startswith("docs/"))
    parts = [sys.version.encode()]
    for program in (doctor.chromium(), shutil.which("redis-server"), shutil.which("git")):
        parts.append(f"{program} {Path(program).stat().st_mtime_ns}".encode() if program else b"")
    for name in names:
        if (ROOT / name).is_file():
            parts += [name.encode(), (ROOT / name).read_bytes()]
    return fingerprint(*parts).encode()
