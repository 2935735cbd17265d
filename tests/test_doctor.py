"""What `make doctor` finds: each ailment is made here, and must be named with its remedy."""

import importlib.util
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course import doctor, messages, setup
from course.doctor import BAD, OK, REMARK

pytestmark = pytest.mark.reuse()

ASK = doctor._ask
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def well(tmp_path, monkeypatch):
    """A machine on which nothing is wrong; to save time its broker is said to be there."""
    monkeypatch.setattr(setup, "STATE", tmp_path / ".course")
    monkeypatch.setattr(setup, "satisfied", lambda kind: True)
    monkeypatch.setattr(setup, "folder", lambda kind: Path(sys.prefix))
    monkeypatch.setattr(doctor, "PORTS", {})
    monkeypatch.setattr(doctor, "_ask", lambda question: (True, "git"))
    return tmp_path


@pytest.fixture
def asked(well, monkeypatch):
    """The same, with the broker of this environment, asked what it is."""
    monkeypatch.setattr(doctor, "_ask", ASK)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a program of this name and script on the PATH, before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def put(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder / name

    return put


def look(capsys):
    """Run the doctor; returns the exit status and the lines."""
    status = doctor.doctor()
    return status, capsys.readouterr().out.splitlines()


def one(lines, mark, *words):
    """The one line with this mark and these words."""
    (line,) = [line for line in lines if line[0] == mark and all(word in line for word in words)]
    return line


def test_a_machine_on_which_nothing_is_wrong_is_well(asked, capsys):
    status, lines = look(capsys)
    assert status == 0
    assert not [line for line in lines if line.startswith(BAD)]
    assert lines[-1].startswith("All is well.")
    assert one(lines, OK, "broker: Valkey server v=")


def test_it_speaks_french(well, capsys):
    messages.choose("fr")
    status, lines = look(capsys)
    assert status == 0
    assert lines[-1].startswith("Tout va bien.")


def test_wsl_1(well, capsys, monkeypatch):
    monkeypatch.setattr(platform, "release", lambda: "4.4.0-19041-Microsoft")
    status, lines = look(capsys)
    assert status == 1
    assert "wsl --set-version" in one(lines, BAD, "WSL 1")


def test_a_python_without_venv(well, capsys, monkeypatch, fake):
    fake("apt-get", "")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find_spec(name)
    )
    status, lines = look(capsys)
    assert status == 1
    package = f"python3.{sys.version_info[1]}-venv"
    assert one(lines, BAD, "its module venv is missing").endswith(package)


def test_no_environment_yet_is_a_remark(well, capsys, monkeypatch):
    monkeypatch.setattr(setup, "folder", lambda kind: well / ".venv")
    status, lines = look(capsys)
    assert status == 0
    assert one(lines, REMARK, ".venv is not made yet").endswith("make setup")
    assert one(lines, REMARK, "broker: to be looked at")


def test_an_environment_that_is_behind(well, capsys, monkeypatch):
    monkeypatch.setattr(setup, "satisfied", lambda kind: False)
    status, lines = look(capsys)
    assert status == 1
    assert one(lines, BAD, ".venv is unfinished, broken, or behind").endswith("make setup")


def test_an_environment_with_a_package_that_is_not_the_locked_one(well, capsys, monkeypatch):
    requirements = well / "requirements"
    requirements.mkdir()
    lock = (ROOT / "requirements/course.txt").read_text()
    assert "\nredis==" in lock
    lock = lock.replace("\nredis==", "\nredis==999.") + "nowhere==1 \\\n"
    (requirements / "course.txt").write_text(lock)
    monkeypatch.setattr(setup, "ROOT", well)
    status, lines = look(capsys)
    assert status == 1
    assert "requirements/course.txt: redis, nowhere → rm -rf .venv" in one(lines, BAD)


def test_a_broker_that_does_not_run(asked, capsys, monkeypatch, fake):
    monkeypatch.setenv("COURSE_REDIS_SERVER", str(fake("some-server", "exit 127")))
    status, lines = look(capsys)
    assert status == 1
    assert "export COURSE_REDIS_SERVER=" in one(lines, BAD, "some-server does not run")


def test_a_server_named_that_is_none(asked, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_REDIS_SERVER", "no-such-server")
    status, lines = look(capsys)
    assert status == 1
    assert one(lines, BAD, "COURSE_REDIS_SERVER names “no-such-server”")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("redis://127.0.0.1:9/0", "No Redis or Valkey server answers at CELERY_BROKER_URL"),
        ("amqp://127.0.0.1", "is not the address of a Redis or Valkey server"),
    ],
)
def test_a_broker_url_of_no_use(asked, capsys, monkeypatch, address, words):
    monkeypatch.setenv("CELERY_BROKER_URL", address)
    status, lines = look(capsys)
    assert status == 1
    assert one(lines, BAD, words).endswith("unset CELERY_BROKER_URL")


@pytest.mark.parametrize(
    "name", ["DJANGO_SETTINGS_MODULE", "CELERY_RESULT_BACKEND", "CELERY_CONFIG_MODULE"]
)
def test_an_exported_variable_that_hides_mistakes(well, capsys, monkeypatch, name):
    monkeypatch.setenv(name, "somewhere")
    status, lines = look(capsys)
    assert status == 1
    assert one(lines, BAD, f"{name} is set").endswith(f"unset {name}")


def test_a_busy_port_is_a_remark_and_a_free_one_is_said_free(well, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as busy, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        ports = [server.getsockname()[1] for server in (busy, other)]
        other.close()
        monkeypatch.setattr(doctor, "PORTS", dict.fromkeys(ports, "doctor_port_next"))
        status, lines = look(capsys)
    assert status == 0
    assert one(lines, REMARK, f"port {ports[0]} is busy").endswith("the next free one is taken")
    assert one(lines, OK, f"port {ports[1]} is free")


def test_the_ports_looked_at_are_those_of_broker_web_flower_and_site():
    assert set(doctor.PORTS) == {6379, 8000, 5555, 8080}


def test_a_disk_that_is_nearly_full(well, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=7_000_000))
    status, lines = look(capsys)
    assert status == 1
    assert one(lines, BAD, "7 MB of disk are free").endswith("1000 MB are needed")


def test_a_state_folder_that_cannot_be_written(well, capsys):
    (well / ".course").write_text("a file in its place")
    status, lines = look(capsys)
    assert status == 1
    assert "sudo chown" in one(lines, BAD, ".course/ cannot be written (File exists)")


def test_each_program_that_the_tests_need(well, capsys, monkeypatch, fake):
    fake("apt-get", "")
    monkeypatch.setattr(doctor, "find", lambda name: None if name != "apt-get" else "/apt-get")
    monkeypatch.setattr(doctor, "is_snap", lambda program: False)
    monkeypatch.setattr(doctor, "git_version", lambda: ())
    status, lines = look(capsys)
    assert status == 0
    needed = {"chromium": "chromium", "redis-server": "redis-server", "git ≥ 2.38": "git"}
    for name, package in (needed | {"ip": "iproute2", "unshare": "util-linux"}).items():
        line = one(lines, REMARK, f"`make test` needs {name} →")
        assert line.endswith(f"sudo apt-get install --no-install-recommends {package}")


def test_a_git_too_old_to_carry_changes_forward(well, capsys, fake):
    fake("git", "echo git version 2.37.9")
    status, lines = look(capsys)
    assert status == 0
    assert one(lines, REMARK, "git ≥ 2.38")
    fake("git", "echo git version 2.38.0")
    assert one(look(capsys)[1], OK, "git ≥ 2.38")


def test_namespaces_that_are_refused(well, capsys, fake):
    fake("unshare", "exit 1")
    status, lines = look(capsys)
    assert status == 0
    assert "namespaces are refused here" in one(lines, REMARK, "unshare -rn")


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(well, capsys, monkeypatch):
    def fails(path):
        raise ValueError("of all things")

    monkeypatch.setattr(shutil, "disk_usage", fails)
    status, lines = look(capsys)
    assert status == 1
    assert "of all things" in one(lines, BAD, "disk: ")
    assert one(lines, OK, "redis-server")
    assert lines[-1].startswith("To mend: 1")


def test_it_works_where_nothing_is_set_up_and_in_a_terminal_that_knows_no_marks(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "course", tmp_path / "course", ignore=ignored)
    done = subprocess.run(
        [sys.executable, tmp_path / "course/setup.py", "doctor"],
        env={"PATH": "/nonexistent", "PYTHONIOENCODING": "ascii", "LANG": "fr_FR"},
        capture_output=True,
        encoding="ascii",
    )
    assert done.returncode == 0, done.stderr
    assert ".venv n'existe pas encore" in done.stdout
    assert done.stderr == ""
