"""What `course/setup.py` does: without the network, with packages made here."""

import ast
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course import doctor, messages, setup

pytestmark = pytest.mark.reuse()

ROOT = Path(__file__).resolve().parent.parent
WAIT = 60  # seconds within which anything here must have come


class Checkout:
    """A copy of what set-up needs, with a lock of two packages that lie beside it."""

    def __init__(self, folder):
        self.path = folder / "checkout"
        self.home = folder
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        shutil.copytree(
            ROOT / "course", self.path / "course", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(ROOT / "pyproject.toml", self.path)
        (self.path / "requirements").mkdir()
        self.tiny = {version: tiny(self.wheels, version) for version in ("1", "2")}
        self.lock("1")

    def lock(self, version, sha=None):
        """Have tiny locked at a version; `sha` is not the true hash."""
        text = pin("tiny", version, sha or self.tiny[version])
        for kind in ("course", "notebooks", "test"):
            (self.path / f"requirements/{kind}.txt").write_text(text)

    def start(self, *arguments, **environment):
        """Start set-up; without further ado, its packages come from the folder beside it."""
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        known = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        known |= {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}
        return subprocess.Popen(
            [sys.executable, "course/setup.py", *arguments],
            cwd=self.path,
            env=known
            | (offline | environment if "PIP_INDEX_URL" not in environment else environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments, **environment):
        """Run set-up; returns its exit status and what it said."""
        with self.start(*arguments, **environment) as process:
            said, _ = process.communicate(timeout=WAIT)
        return process.returncode, said

    def renew(self):
        """Bring the environment to the good lock, whatever an earlier test left."""
        self.lock("1")
        if self.imports("tiny") == "1":  # nothing was installed: the stamp is still true
            (self.path / ".venv/.course-course").write_text(self.good_stamp)
        status, said = self.run()
        assert status == 0, said

    def imports(self, module):
        """What a module of the environment gives as its version."""
        asked = f"import {module}; print({module}.__version__)"
        python = self.path / ".venv/bin/python"
        return subprocess.check_output([python, "-I", "-c", asked], text=True).strip()

    @property
    def stamps(self):
        return sorted(path.name for path in self.path.glob(".venv/.course-*"))


def pin(name, version, sha):
    return f"{name}=={version} \\\n    --hash=sha256:{sha}\n"


def archive(path, files):
    with zipfile.ZipFile(path, "w") as wheel:
        for name, contents in files.items():
            wheel.writestr(name, contents)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tiny(folder, version):
    about = f"tiny-{version}.dist-info"
    names = ["tiny.py", f"{about}/METADATA", f"{about}/WHEEL", f"{about}/RECORD"]
    texts = [
        f"__version__ = {version!r}\n",
        f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "".join(f"{name},,\n" for name in names),
    ]
    return archive(
        folder / f"tiny-{version}-py3-none-any.whl", dict(zip(names, texts, strict=True))
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout that was set up once; what it said then is `said`."""
    checkout = Checkout(tmp_path_factory.mktemp("made"))
    status, checkout.said = checkout.run()
    assert status == 0, checkout.said
    checkout.good_stamp = (checkout.path / ".venv/.course-course").read_text()
    return checkout


@pytest.fixture
def ready(made):
    made.renew()
    return made


@pytest.fixture
def silent():
    """The address of a package index that takes a request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WAIT)
        yield server


def index_of(server):
    return f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def test_the_first_call_makes_an_environment_and_tells_each_step(made):
    assert re.search(r"Python environment … \d+ s\n", made.said)
    assert re.search(r"1 packages: download and installation … \d+ s\n", made.said)


def test_the_environment_has_the_locked_packages_and_the_checkouts_own_course(ready):
    assert ready.imports("tiny") == "1"
    python, asked = ready.path / ".venv/bin/python", "import course; print(course.__file__)"
    found = subprocess.check_output([python, "-I", "-c", asked], text=True).strip()
    assert found == str(ready.path / "course/__init__.py")
    assert (ready.path / ".venv/bin/course").exists()


def test_a_second_call_does_nothing_and_says_nothing(ready):
    log = ready.path / ".course/setup.log"
    before = log.stat().st_mtime_ns
    assert ready.run() == (0, "")
    assert log.stat().st_mtime_ns == before


def test_a_changed_lock_is_installed(ready):
    ready.lock("2")
    assert ready.run()[0] == 0
    assert ready.imports("tiny") == "2"


def test_a_stamp_does_not_outlive_what_it_vouched_for(ready):
    # Else going back to an older state of the locks would be taken for done.
    stamp = ready.path / ".venv/.course-course"
    stamp.rename(stamp.with_name(".course-test"))
    ready.lock("2")
    assert ready.run()[0] == 0
    assert ready.stamps == [".course-course"]


def test_an_environment_for_tests_is_enough_for_the_course(ready, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", ready.path)
    stamp = ready.path / ".venv/.course-course"
    stamp.rename(stamp.with_name(".course-test"))
    assert setup.satisfied("course") and setup.satisfied("test")


def test_an_environment_for_the_course_is_not_enough_for_tests(ready, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", ready.path)
    for stamp in ready.path.glob(".venv/.course-test"):
        stamp.unlink()
    assert not setup.satisfied("test")


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("C.UTF-8", "its hash differs, so nothing of it was installed"),
        ("fr_FR.UTF-8", "son empreinte diffère"),
    ],
)
def test_a_package_with_another_hash_is_refused_in_words(ready, locale, sentence):
    ready.lock("2", sha="0" * 64)
    status, said = ready.run(LANG=locale)
    assert status == 2
    assert sentence in said and "0" * 64 in said
    assert ready.stamps == [] and ready.imports("tiny") == "1"


def test_an_index_out_of_reach_is_told_as_such(ready):
    ready.lock("2")
    status, said = ready.run(PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert status == 2
    assert said.splitlines()[-1].startswith("The packages cannot be fetched: no connection")


def test_a_failure_of_another_kind_shows_pips_last_lines_and_where_all_are(ready):
    ready.lock("2")
    status, said = ready.run(PIP_FIND_LINKS=str(ready.home / "nowhere"))
    assert status == 2
    assert "No matching distribution found" in said
    assert ".course/setup.log" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_package_that_pip_left_half_done_is_installed_again(ready):
    # pip writes RECORD last, and takes a package without one for installed.
    (site,) = ready.path.glob(".venv/lib/*/site-packages")
    (site / "tiny-1.dist-info/RECORD").unlink()
    (site / "tiny.py").unlink()
    (ready.path / ".venv/.course-course").unlink()
    assert ready.run()[0] == 0
    assert ready.imports("tiny") == "1"


def test_ctrl_c_ends_it_in_a_sentence_and_the_next_call_completes_it(ready, silent):
    ready.lock("2")
    with ready.start(PIP_INDEX_URL=index_of(silent)) as process:
        connection, _ = silent.accept()
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=WAIT)
        connection.close()
    assert process.returncode == 130
    assert said.endswith("Interrupted. The same command takes it up again.\n")
    assert "Traceback" not in said and ready.stamps == []
    assert ready.run()[0] == 0
    assert ready.imports("tiny") == "2"


def test_a_second_set_up_waits_and_leaves_out_what_the_first_one_did(ready):
    ready.lock("2")
    with open(ready.path / ".course/setup.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ready.start() as process:
            assert "Another set-up is running" in process.stdout.readline()
            assert ready.imports("tiny") == "1"  # and it has not begun
            ready.renew()  # finds nothing to install: what the first one had to do is done
            fcntl.flock(lock, fcntl.LOCK_UN)
            said, _ = process.communicate(timeout=WAIT)
    assert (process.returncode, said) == (0, "")


def test_a_pip_whose_set_up_was_killed_keeps_the_others_waiting(ready, silent):
    ready.lock("2")
    with ready.start(PIP_INDEX_URL=index_of(silent)) as process:
        connection, _ = silent.accept()
        process.kill()
        process.wait(WAIT)
        with open(ready.path / ".course/setup.lock") as lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.killpg(process.pid, signal.SIGKILL)
            fcntl.flock(lock, fcntl.LOCK_EX)
        connection.close()


def test_a_moved_checkout_is_set_up_anew(ready, tmp_path):
    shutil.copytree(ready.path, tmp_path / "moved", symlinks=True)
    moved = Checkout.__new__(Checkout)
    moved.path, moved.home, moved.wheels = tmp_path / "moved", tmp_path, ready.wheels
    status, said = moved.run()
    assert status == 0
    assert "it is made anew" in said
    assert f"{moved.path}/.venv/bin/python -P" in (moved.path / ".venv/bin/course").read_text()


def test_an_environment_whose_python_is_gone_is_not_gone_on_with(ready, tmp_path):
    assert setup._usable(ready.path / ".venv")
    python = ready.path / ".venv/bin/python"
    target = os.readlink(python)
    python.unlink()
    python.symlink_to(tmp_path / "upgraded-away")
    try:
        assert not setup._usable(ready.path / ".venv")
    finally:
        python.unlink()
        python.symlink_to(target)


def test_a_full_disk_is_told_as_such(monkeypatch, capsys):
    def prepare(kind):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(setup, "prepare", prepare)
    assert setup.main(["test"]) == 2
    assert capsys.readouterr().err.startswith("The disk is full.")


# Before anything of the course can be imported.


def early(patch, *, path="/nonexistent", locale="C.UTF-8"):
    """Run set-up on a Python that takes itself for another; returns its status and words."""
    program = f"""
import os, runpy, shutil, subprocess, sys, time
{patch}
sys.modules["course"] = None  # what is said here must need nothing of it
sys.argv = ["course/setup.py", "test"]
runpy.run_path("course/setup.py", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": str(path), "LANG": locale},
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    return done.returncode, done.stdout + done.stderr


def test_its_syntax_is_that_of_python_3_6():
    ast.parse((ROOT / "course/setup.py").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 15, 0)])
@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("C.UTF-8", "The course needs Python 3.11 to 3.14, and there is only {} here. Install one"),
        (
            "fr_FR.UTF-8",
            "Le cours a besoin de Python 3.11 à 3.14, mais seul Python {} se trouve ici. Installez",
        ),
    ],
)
def test_a_python_out_of_range_is_told_which_to_get(version, locale, sentence):
    status, said = early(f"sys.version_info = {(*version, 'final', 0)}", locale=locale)
    assert status == 1
    assert said.startswith(sentence.format(".".join(map(str, version))))
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("C.UTF-8", "On Windows the course runs in WSL 2."), ("fr_FR", "Sous Windows, le cours")],
)
def test_windows_is_told_of_wsl(locale, sentence):
    status, said = early("sys.platform = 'win32'", locale=locale)
    assert status == 1
    assert said.startswith(sentence) and "wsl --install" in said
    assert len(said.splitlines()) == 1


def program(folder, name, script):
    """Put a shell script on what will be the PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_it_hands_over_to_the_newest_python_in_range_that_there_is(tmp_path):
    handed_over = '[ "$1" = -c ] || echo "$0 got $*"'
    program(tmp_path / "bin", "python3.11", handed_over)
    program(tmp_path / "bin", "python3.13", handed_over)
    program(tmp_path / "bin", "python3.14", "exit 127  # as pyenv's do with nothing behind them")
    program(tmp_path / "bin", "python3.15", handed_over)
    status, said = early("sys.version_info = (3, 9, 2, 'final', 0)", path=tmp_path / "bin")
    assert (status, said) == (0, f"{tmp_path}/bin/python3.13 got course/setup.py test\n")


# What is missing on the machine.


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A Debian on which apt-get is a script, root may install, and only git is there."""
    folder = tmp_path / "bin"
    program(folder, "git", "echo git version 2.39.5")
    program(folder, "ip", "")
    program(folder, "unshare", "")
    installs = f"""
[ -x {tmp_path}/policy ] && {tmp_path}/policy; policy=$?
echo "$DEBIAN_FRONTEND, policy $policy: $*" >> {tmp_path}/apt.log
for word in "$@"; do
  case $word in
    chromium|redis-server) printf '' > {folder}/$word; /bin/chmod +x {folder}/$word;;
  esac
done"""
    program(folder, "apt-get", installs)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(setup, "POLICY", tmp_path / "policy")
    monkeypatch.setattr(setup, "STATE", tmp_path)
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "LOG", tmp_path / "setup.log")
    monkeypatch.setattr(doctor, "is_snap", lambda program: False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_root_on_debian_gets_what_is_missing_and_no_daemon_is_started(machine):
    setup._install_programs(doctor.missing("test"))
    update, install = (machine / "apt.log").read_text().splitlines()
    assert update.startswith("noninteractive, policy 101: ") and update.endswith(" update")
    assert "--no-install-recommends" in install and " -y " in install
    assert install.endswith(" install chromium redis-server")
    assert not (machine / "policy").exists()
    assert doctor.missing("test") == []


def test_a_policy_of_the_machines_own_is_left_alone(machine):
    program(machine, "policy", "exit 101")
    setup._install_programs(doctor.missing("test"))
    assert (machine / "policy").exists()


def test_the_course_alone_needs_no_program_of_the_tests(machine):
    assert doctor.missing("course") == []


def test_a_git_too_old_is_installed_anew(machine):
    program(machine / "bin", "git", "echo git version 2.30.2")
    assert [one.apt for one in doctor.missing("test")] == ["chromium", "redis-server", "git"]


def test_apt_get_without_a_network_is_told_as_such(machine, capsys):
    program(machine / "bin", "apt-get", "echo E: Failed to fetch it >&2; exit 100")
    with pytest.raises(setup.SetupError, match="cannot be fetched: no connection"):
        setup._install_programs(doctor.missing("test"))
    assert "E: Failed to fetch it" in capsys.readouterr().err
    assert not (machine / "policy").exists()


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Missing here: chromium, redis-server. Install"),
        ("fr", "Il manque ici\u00a0: chromium"),
    ],
)
def test_others_are_told_what_to_type(machine, monkeypatch, language, sentence):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    messages.choose(language)
    with pytest.raises(setup.SetupError) as told:
        setup._install_programs(doctor.missing("test"))
    assert str(told.value).startswith(sentence)
    command = "sudo apt-get install --no-install-recommends chromium redis-server"
    assert str(told.value).endswith(command)
    assert not (machine / "apt.log").exists()


def test_on_macos_it_is_homebrew(machine, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    command = doctor.how_to_install(doctor.missing("test"))
    assert command == "brew install --cask google-chrome && brew install redis"


def test_where_chromium_is_a_snap_apt_get_is_not_asked_for_it(machine, monkeypatch):
    monkeypatch.setattr(doctor, "is_snap", lambda program: program.apt == "chromium")
    with pytest.raises(
        setup.SetupError, match=r"Missing here: chromium.* sudo snap install chromium$"
    ):
        setup._install_programs(doctor.missing("test"))
    assert (machine / "apt.log").read_text().endswith(" install redis-server\n")


def test_a_stub_that_asks_for_the_snap_is_no_chromium(machine):
    program(machine / "bin", "chromium-browser", "echo requires the chromium snap >&2; exit 1")
    assert doctor.chromium() is None
    program(machine / "bin", "google-chrome", "exec /opt/chrome")
    assert doctor.chromium() == str(machine / "bin/google-chrome")
