"""What is wrong with this machine, and the remedy; and the programs that the tests need.

Standard library only: it is there for when nothing could be installed.
"""

import importlib.util
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

from course import setup
from course.messages import language, say
from course.ports import is_free

ROOM = 1_000_000_000  # bytes: twice what everything that set-up makes takes
GIT = (2, 38)  # `git merge-tree --write-tree`, which carries changes forward
CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PORTS = {
    6379: "doctor_port_broker",
    8000: "doctor_port_next",
    5555: "doctor_port_next",
    8080: "doctor_port_next",
}
OK, BAD, REMARK = "✓", "✗", "\u2013"


class Finding(NamedTuple):
    """A line of the report."""

    mark: str
    text: str
    remedy: str = ""


class Program(NamedTuple):
    """A program that set-up may have to install, and its packages."""

    name: str
    apt: str
    brew: str
    there: Callable[[], bool]


def find(name: str) -> str | None:
    """Where a program is, also where a user's PATH does not lead (Debian's /usr/sbin)."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def chromium() -> str | None:
    """The first Chromium that is one: Ubuntu's packages may install a stub that asks for a snap."""
    for name in CHROMIUMS:
        if found := find(name):
            with open(found, "rb") as file:
                stub = b"chromium snap" in file.read(2000)
            if not stub or Path("/snap/bin/chromium").exists():
                return found
    return None


def git_version() -> tuple[int, ...]:
    """The version of git: (2, 39), or () where there is none."""
    numbers = re.findall(r"\d+", _output(["git", "--version"]) or "")[:2]
    return tuple(map(int, numbers))


def _venv() -> bool:
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


_LINUX = sys.platform == "linux"
VENV = Program("venv", f"python3.{sys.version_info[1]}-venv", "python@3.13", _venv)
FOR_TESTS = [
    Program("chromium", "chromium", "--cask google-chrome", lambda: bool(chromium())),
    Program("redis-server", "redis-server", "redis", lambda: bool(find("redis-server"))),
    Program("git ≥ 2.38", "git", "git", lambda: git_version() >= GIT),
    Program("ip", "iproute2", "", lambda: not _LINUX or bool(find("ip"))),
    Program("unshare", "util-linux", "", lambda: not _LINUX or bool(find("unshare"))),
]


def missing(kind: str) -> list[Program]:
    """The programs to install before an environment of this kind ("test", …) is of use."""
    wanted = [VENV, *FOR_TESTS] if kind == "test" else [VENV]
    return [program for program in wanted if not program.there()]


def how_to_install(programs: list[Program]) -> str:
    """The command that installs them, or their names where none is known."""
    if sys.platform == "darwin":
        return " && ".join(f"brew install {program.brew}" for program in programs)
    if find("apt-get"):
        snaps = [program for program in programs if is_snap(program)]
        packages = [program.apt for program in programs if program not in snaps]
        debian = ["sudo apt-get install --no-install-recommends " + " ".join(packages)]
        return " && ".join(debian * bool(packages) + ["sudo snap install chromium"] * bool(snaps))
    return ", ".join(program.name for program in programs)


def is_snap(program: Program) -> bool:
    """Whether apt-get would only install a stub for it, as Ubuntu's does for Chromium."""
    release = Path("/etc/os-release")
    ubuntu = release.exists() and "\nID=ubuntu\n" in "\n" + release.read_text()
    return program.apt == "chromium" and ubuntu


def _output(command: list[str]) -> str | None:
    """What a command prints, None if it fails."""
    try:
        environment = {**os.environ, "LANGUAGE": language()}
        found = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def _system() -> Iterator[Finding]:
    name = f"{platform.system()} {platform.release()} {platform.machine()}"
    if platform.release().endswith("-Microsoft"):
        yield Finding(BAD, "WSL 1", say("doctor_wsl"))
    else:
        yield Finding(OK, name)


def _python() -> Iterator[Finding]:
    version = f"Python {platform.python_version()} ({sys.executable})"
    if VENV.there():
        yield Finding(OK, version)
    else:
        yield Finding(BAD, say("doctor_no_venv", python=version), how_to_install([VENV]))


def _environment() -> Iterator[Finding]:
    if not setup.folder("course").exists():
        yield Finding(REMARK, say("doctor_venv_none"), "make setup")
    elif not setup.satisfied("course"):
        yield Finding(BAD, say("doctor_venv_behind"), "make setup")
    elif wrong := _unlike_the_lock():
        text = say("doctor_venv_wrong", names=", ".join(wrong))
        yield Finding(BAD, text, "rm -rf .venv && make setup")
    else:
        yield Finding(OK, say("doctor_venv_good"))


def _unlike_the_lock() -> list[str]:
    places = map(str, setup.folder("course").glob("lib/*/site-packages"))
    there = {
        re.sub(r"[-_.]+", "-", one.name).lower(): one.version
        for one in distributions(path=list(places))
    }
    lock = (setup.ROOT / "requirements/course.txt").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+) (;?)", lock, re.MULTILINE)
    # A package may be pinned twice, each time for other Pythons; and not be needed by this one.
    allowed: dict[str, list[str | None]] = {}
    for name, pin, marker in pins:
        allowed.setdefault(name, [None] if marker else []).append(pin)
    return [name for name, found in allowed.items() if there.get(name) not in found]


def _broker() -> Iterator[Finding]:
    if not (setup.folder("course") / "bin/course").exists():
        yield Finding(REMARK, say("doctor_broker_later"), "make setup")
        return
    there, answer = _ask("server")
    if not there:
        yield Finding(BAD, answer)
    elif version := _output([answer, "--version"]):
        yield Finding(OK, say("doctor_broker", version=version.splitlines()[0]))
    else:
        yield Finding(BAD, say("doctor_broker_dead", server=answer), say("doctor_broker_other"))
    if os.environ.get("CELERY_BROKER_URL"):
        there, answer = _ask("external")
        if there:
            yield Finding(OK, say("broker_external"))
        else:
            yield Finding(BAD, answer, "unset CELERY_BROKER_URL")


def _ask(question: str) -> tuple[bool, str]:
    """What course.broker answers, or (False, the sentence with which it refuses)."""
    python = str(setup.folder("course") / "bin/python")
    asked = f"""
from course import broker
try:
    print("there", broker.{question}())
except broker.BrokerError as error:
    print("fault", error)
"""
    answer = _output([python, "-c", asked]) or f"fault {say('doctor_venv_behind')}"
    kind, _, text = answer.partition(" ")
    return kind == "there", text


def _variables() -> Iterator[Finding]:
    for name in sorted(os.environ):
        misleads = name == "DJANGO_SETTINGS_MODULE" or name.startswith("CELERY_")
        if misleads and name != "CELERY_BROKER_URL":
            yield Finding(BAD, say("doctor_variable", name=name), f"unset {name}")


def _ports() -> Iterator[Finding]:
    for port, key in PORTS.items():
        if is_free(port):
            yield Finding(OK, say("doctor_port_free", port=port))
        else:
            yield Finding(REMARK, say("doctor_port_busy", port=port), say(key))


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(setup.ROOT).free
    text = say("doctor_disk", free=free // 1_000_000)
    if free < ROOM:
        yield Finding(BAD, text, say("doctor_disk_more", need=ROOM // 1_000_000))
    else:
        yield Finding(OK, text)
    try:
        setup.STATE.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=setup.STATE):
            yield Finding(OK, say("doctor_state"))
    except OSError as error:
        text = say("doctor_state_locked", why=error.strerror)
        yield Finding(BAD, text, f'sudo chown -R "$(id -un)" "{setup.ROOT}"')


def _tests() -> Iterator[Finding]:
    absent = [program for program in FOR_TESTS if not program.there()]
    for program in FOR_TESTS:
        if program in absent:
            text = say("doctor_for_tests", name=program.name)
            yield Finding(REMARK, text, how_to_install([program]))
        else:
            yield Finding(OK, program.name)
    if _LINUX and _output(["unshare", "-rn", "true"]) is None:
        yield Finding(REMARK, say("doctor_for_tests", name="unshare -rn"), say("doctor_namespaces"))


CHECKS = (_system, _python, _environment, _broker, _variables, _ports, _disk, _tests)


def doctor() -> int:
    """Say what is wrong and the remedy. 0: nothing but remarks; 1: something is to mend."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know these marks
    wrong = 0
    for check in CHECKS:
        try:
            findings = list(check())
        except Exception as error:  # a sick machine may fail in any way: that is a finding
            findings = [Finding(BAD, f"{check.__name__.strip('_')}: {error!r}")]
        for found in findings:
            wrong += found.mark == BAD
            print(found.mark, found.text + (f" → {found.remedy}" if found.remedy else ""))
    print(say("doctor_wrong", count=wrong) if wrong else say("doctor_well"))
    return 1 if wrong else 0
