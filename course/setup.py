"""Prepares the environment: `python3 course/setup.py [test|audit|doctor]`.

It runs before anything is installed and under whatever `python3` is: hence the
standard library only, syntax that Python 3.6 can parse, and an import of the rest of
the course only once the Python is known to be recent enough.
"""

import importlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from course.doctor import Program

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".course"
LOG = STATE / "setup.log"
POLICY = Path("/usr/sbin/policy-rc.d")  # what Debian asks before it starts a daemon
OLDEST, NEWEST = 11, 14  # the Pythons 3.x that the course is tested on

# What must be said before course/messages can be read, French spaces and all.
WINDOWS = {
    "en": "On Windows the course runs in WSL 2. In PowerShell, type `wsl --install`, restart, "
    "open Ubuntu and run this command again there.",
    "fr": "Sous Windows, le cours fonctionne dans WSL 2. Dans PowerShell, tapez `wsl --install`, "
    "redémarrez, ouvrez Ubuntu, puis relancez-y cette commande.",
}
PYTHON = {
    "en": "The course needs Python 3.11 to 3.14, and there is only {version} here. Install one "
    "(Debian, Ubuntu: `sudo apt-get install python3.11-venv`; macOS: `brew install python@3.13`; "
    "elsewhere: python.org/downloads) and run this command again.",
    "fr": "Le cours a besoin de Python 3.11 à 3.14, mais seul Python {version} se trouve ici. "
    "Installez une version qui convient (Debian, Ubuntu\u00a0: `sudo apt-get install "
    "python3.11-venv`\u202f; macOS\u00a0: `brew install python@3.13`\u202f; "
    "ailleurs\u00a0: python.org/downloads), puis relancez cette commande.",
}

# What in pip's or apt-get's output tells which fault, most telling first.
FAULTS = [
    ("setup_disk", ("No space left", "Errno 28", "enough free space")),
    ("setup_hashes", ("DO NOT MATCH THE HASHES",)),
    ("setup_network", ("Retrying (", "ConnectionError", "Timeout", "Failed to fetch")),
]


class SetupError(Exception):
    """The environment could not be prepared. The message is for the reader."""


def need_python() -> None:
    """Go on only on a Python in range: else hand over to one, or say how to get one."""
    if sys.platform in ("win32", "cygwin", "msys"):
        sys.exit(_early(WINDOWS))
    if (3, OLDEST) <= sys.version_info[:2] <= (3, NEWEST):
        return
    for minor in range(NEWEST, OLDEST - 1, -1):
        found = shutil.which(f"python3.{minor}")
        # Asked, since a name on the PATH may be pyenv's, with nothing behind it.
        question = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
        if found and _quiet([found, "-c", question]):
            os.execv(found, [found, *sys.argv])
    sys.exit(_early(PYTHON).format(version=".".join(map(str, sys.version_info[:3]))))


def _early(text: "dict[str, str]") -> str:
    variables = map(os.environ.get, ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, variables), "")
    return text["fr" if locale.lower().startswith("fr") else "en"]


def _quiet(command: "list[str]") -> bool:
    try:
        nowhere = subprocess.DEVNULL
        return subprocess.call(command, stdin=nowhere, stdout=nowhere, stderr=nowhere) == 0
    except OSError:
        return False


def folder(kind: str) -> Path:
    """Where the environment of a kind (the name of a lock in requirements/) is."""
    return STATE / "audit" if kind == "audit" else ROOT / ".venv"


def satisfied(kind: str) -> bool:
    """Whether the environment is what the lock says and works: no more than a look."""
    # Each of these has all that the ones before it have.
    growing = ("course", "notebooks", "test")
    enough = growing[growing.index(kind) :] if kind in growing else (kind,)
    return any(_stamp(one) == _fingerprint(one) for one in enough) and _runs(folder(kind))


def _stamp(kind: str) -> str:
    path = folder(kind) / f".course-{kind}"
    return path.read_text() if path.is_file() else ""


def _fingerprint(kind: str) -> str:
    import hashlib

    lock = (ROOT / "requirements" / f"{kind}.txt").read_bytes()
    rest = f"{sys.version_info[:2]} {ROOT}".encode()
    return hashlib.sha256(lock + (ROOT / "pyproject.toml").read_bytes() + rest).hexdigest()


def _runs(environment: Path) -> bool:
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return _quiet([str(environment / "bin/python"), "-I", "-S", "-c", same])


def _usable(environment: Path) -> bool:
    """Whether pip can go on in it: it runs, has not moved, and its pip is whole."""
    pip = environment / "bin/pip"
    whole = any(environment.glob("lib/*/site-packages/pip-*.dist-info/RECORD"))
    here = pip.is_file() and f"{environment}/bin/python" in pip.read_text()
    return whole and here and _runs(environment)


def prepare(kind: str) -> None:
    """Make the environment of a kind as its lock says. Raises SetupError, OSError."""
    import fcntl

    from course import doctor
    from course.messages import say

    missing = doctor.missing(kind)
    if not missing and satisfied(kind):
        return
    STATE.mkdir(exist_ok=True)
    # Not closed for the processes started below: one that is left alone (this one
    # was killed) keeps the lock until it ends.
    with open(STATE / "setup.lock", "w") as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _tell(say("setup_waits"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        missing = doctor.missing(kind)  # less, if another set-up went first
        if missing:
            _install_programs(missing)
        if not satisfied(kind):
            _install(kind)


def _install_programs(programs: "list[Program]") -> None:
    """Install programs with apt-get as root. Raises SetupError where that cannot be."""
    from course import doctor
    from course.messages import say

    if os.geteuid() == 0 and shutil.which("apt-get"):
        packages = [program.apt for program in programs if not doctor.is_snap(program)]
        if packages:
            apt_get = ["apt-get", "-y", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends"]
            quiet = {"DEBIAN_FRONTEND": "noninteractive"}
            with _no_daemon_starts():
                run("apt-get update", [*apt_get, "update"], **quiet)
                what = " ".join(["apt-get install", *packages])
                run(what, [*apt_get, "install", *packages], **quiet)
            if "redis-server" in packages:
                _quiet(["systemctl", "disable", "redis-server"])  # nor at the next boot
        importlib.invalidate_caches()
        programs = [program for program in programs if not program.there()]
    if programs:
        names = ", ".join(program.name for program in programs)
        command = doctor.how_to_install(programs)
        raise SetupError(say("setup_missing", names=names, command=command))


@contextmanager
def _no_daemon_starts() -> "Iterator[None]":
    """While inside, a package that is installed starts no server (redis: on port 6379)."""
    if POLICY.exists():
        yield  # the machine has a policy of its own
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _install(kind: str) -> None:
    from course.messages import say

    place = folder(kind)
    version = f"3.{sys.version_info[1]}"
    _tell(say("setup_begins", folder=place.relative_to(ROOT), version=version))
    for stamp in place.glob(".course-*"):
        stamp.unlink()  # what it vouches for ends here
    if not _usable(place):
        if place.exists() and any(place.iterdir()):
            _tell(say("setup_anew"))
        run(say("setup_venv"), [sys.executable, "-I", "-m", "venv", "--clear", str(place)])
    for half in place.glob("lib/*/site-packages/*.dist-info"):
        if not (half / "RECORD").exists():
            shutil.rmtree(half)  # pip was killed there, and would take it for installed
    lock = ROOT / "requirements" / f"{kind}.txt"
    count = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    pip = [f"{place}/bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "install"]
    pip += ["--quiet", "--no-input", "--no-compile", "--no-deps"]  # the lock names all
    run(say("setup_packages", count=count), [*pip, "--require-hashes", "-r", str(lock)])
    _link_course(place)
    (place / f".course-{kind}").write_text(_fingerprint(kind))


def _link_course(place: Path) -> None:
    """Make `course` known in an environment, as `pip install -e` would in more than a second."""
    [packages] = place.glob("lib/python*/site-packages")
    (packages / "course.pth").write_text(f"{ROOT}\n")
    command = place / "bin/course"
    # By way of sh: a path may be too long for a #! line, or hold a space.
    python = shlex.quote(f"{place}/bin/python")
    command.write_text(f'#!/bin/sh\nexec {python} -P -m course "$@"\n')
    command.chmod(0o755)


def run(what: str, command: "list[str]", **environment: str) -> None:
    """Run a command out of sight, showing what it does and for how long.

    If it fails, its last lines are shown. Raises SetupError.
    """
    from course.messages import say

    started = time.monotonic()
    live = sys.stderr.isatty()
    _tell(f"  {what} … ", end="")
    with LOG.open("w") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            close_fds=False,
            env={**os.environ, "PIP_USER": "no", **environment},
        )
        while True:
            try:
                failed = process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if live:
                    _tell(f"\r  {what} … {time.monotonic() - started:.0f} s ", end="")
    _tell(f"{chr(13) + '  ' + what + ' … ' if live else ''}{time.monotonic() - started:.0f} s")
    if failed:
        output = LOG.read_text(errors="replace")
        _tell("\n".join(output.splitlines()[-12:]))
        kinds = (key for key, signs in FAULTS if any(sign in output for sign in signs))
        raise SetupError(say(next(kinds, "setup_failed"), log=LOG.relative_to(ROOT)))


def _tell(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


def main(arguments: "list[str]") -> int:
    """Prepare what is asked for, or look the machine over; returns the exit status."""
    import errno

    from course import doctor
    from course.messages import say

    if arguments == ["doctor"]:
        return doctor.doctor()
    try:
        prepare(arguments[0] if arguments else "course")
    except SetupError as error:
        _tell(str(error))
        return 2
    except OSError as error:
        full = error.errno == errno.ENOSPC
        _tell(say("setup_disk") if full else say("error", what=str(error)))
        return 2
    except KeyboardInterrupt:
        _tell("\n" + say("setup_interrupted"))
        return 130
    return 0


if __name__ == "__main__":
    # The checkout's root in place of its folder course/, and no module of that twice.
    sys.path[0] = str(ROOT)
    need_python()
    from course import setup

    sys.exit(setup.main(sys.argv[1:]))
