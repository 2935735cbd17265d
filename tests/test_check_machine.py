"""`check` as a command: its exit status, the machine's faults, interruptions, two at once."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from checking import Examine, extend, learners, left_over, traces
from conftest import command, replace, wait_for
from terminals import Terminal

from course.catalogue import ROOT

COURSE = ROOT / ".venv" / "bin" / "course"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's namespaces")


def run(
    *words: object,
    state: Path,
    before: str = "",
    namespace: str = "",
    cwd: Path | None = None,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """`course check …`, as a process of its own.

    namespace: options of unshare, `before` is what its shell does first.
    """
    command = [str(COURSE), "check", *map(str, words)]
    if namespace:
        script = f'{before}; exec "$0" "$@"'
        command = ["unshare", *namespace.split(), "/bin/sh", "-c", script, *command]
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"COURSE_STATE": str(state), "XDG_STATE_HOME": str(state / "xdg")} | env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def cannot_tell(english: str, french: str, *words: object, **options: Any) -> None:
    """The check ends with exit status 2 and a sentence in the reader's language."""
    for language, sentence in (("en", english), ("fr", french)):
        found = run(*words, "--lang", language, **options)
        assert found.returncode == 2, found.stdout
        said = " ".join(found.stdout.split())
        assert sentence in said.replace("\u00a0", " ").replace("\u202f", " ")
        assert "Traceback" not in found.stdout + found.stderr
        assert "\n--- " not in found.stdout, "a difference, to what nobody could judge"


@pytest.fixture
def mysite(tmp_path: Path) -> Path:
    return learners("02", tmp_path / "mysite")


def test_a_stage_that_is_reached_gives_0_and_one_that_is_not_1(mysite: Path, state: Path):
    reached = run("02", "--project", mysite, state=state)
    assert (reached.returncode, reached.stderr) == (0, "")
    assert "Lesson 2, The Celery instance: reached." in reached.stdout
    assert sys.executable in reached.stdout  # which Python it was
    later = run("05", "--project", mysite, state=state)
    assert "belongs to an earlier one: Lesson 3, Settings." in later.stdout
    not_yet = run("03", "--project", mysite, "--lang", "fr", state=state)
    assert (not_yet.returncode, not_yet.stderr) == (1, "")
    assert "Leçon 3, Réglages\u00a0: pas encore." in not_yet.stdout


def test_without_a_stage_the_furthest_is_found_and_what_comes_next(mysite: Path, state: Path):
    found = run("--project", mysite, state=state)
    assert found.returncode == 0
    assert "Reached so far: Lesson 2, The Celery instance." in found.stdout
    assert "Lesson 3, Settings: not yet." in found.stdout
    progress = json.loads((state / "xdg/celery-django-course/progress.json").read_text())
    assert progress == {str(mysite): "lessons/02_celery_instance"}


def test_the_hint_comes_first_and_the_remedy_when_asked_for(mysite: Path, state: Path):
    (mysite / "myproject/__init__.py").write_text("")
    remedy = "from .celery import app as celery_app"
    assert remedy not in run("02", "--project", mysite, state=state).stdout
    assert remedy in run("02", "--project", mysite, "--hint", state=state).stdout


def test_the_difference_to_the_stage_is_shown_under_the_learners_names(tmp_path: Path, state: Path):
    folder = learners("02", tmp_path / "mysite")
    (folder / "myproject").rename(folder / "shop")
    for path in folder.rglob("*.py"):
        path.write_text(path.read_text().replace("myproject", "shop"))
    shown = run("03", "--project", folder, "--diff", state=state).stdout
    assert "--- yours: shop/settings.py" in shown
    assert "+CELERY_BROKER_URL = 'redis://localhost:6379/0'" in shown
    assert "myproject" not in shown.replace("03_settings: myproject/settings.py", "")
    assert "SECRET_KEY" not in shown


@pytest.mark.parametrize(
    ("folder", "english", "french"),
    [
        ("nowhere", "There is no folder", "Le dossier"),
        ("a file", "is a file", "est un fichier"),
        ("~nobody-at-all", "cannot be read", "est illisible"),
    ],
)
def test_what_is_no_folder_cannot_be_told(folder, english, french, tmp_path: Path, state: Path):
    (tmp_path / "a file").write_text("")
    place = folder if folder.startswith("~") else tmp_path / folder
    cannot_tell(english, french, "01", "--project", place, state=state)


def test_several_projects_in_a_folder_cannot_be_told_apart(tmp_path: Path, state: Path):
    for name in ("one", "two"):
        learners("01", tmp_path / "sites" / name)
    cannot_tell(
        "several projects", "plusieurs projets", "--project", tmp_path / "sites", state=state
    )


def test_a_folder_too_large_to_be_a_project_is_not_copied(mysite: Path, state: Path):
    with (mysite / "film.mp4").open("wb") as film:
        film.truncate(200_000_000)
    cannot_tell(
        "holds more than a project",
        "contient plus qu'un projet",
        *("01", "--project", mysite),
        state=state,
    )


@linux_only
def test_a_folder_that_cannot_be_read(mysite: Path, state: Path):
    (mysite / "myapp").chmod(0)
    try:
        # In a user namespace of its own not even root passes over permissions.
        cannot_tell(
            "myapp cannot be read: Permission denied",
            "myapp est illisible : Permission denied",
            *("02", "--project", mysite),
            state=state,
            namespace="-U",
            before="true",
        )
    finally:
        (mysite / "myapp").chmod(0o755)


@linux_only
def test_a_full_disk(mysite: Path, state: Path):
    state.mkdir()
    cannot_tell(
        "The disk is full",
        "Le disque est plein",
        *("02", "--project", mysite),
        state=state,
        namespace="-rm",
        before=f"mount -t tmpfs -o size=64k tmpfs {state}",
    )


@linux_only
def test_no_free_port(mysite: Path, state: Path):
    one = "ip link set lo up; echo 50000 50000 > /proc/sys/net/ipv4/ip_local_port_range"
    # The parent ends when its child, which keeps the port, listens.
    holder = (
        "import os, socket, time; s = socket.socket(); s.bind(('127.0.0.1', 50000)); s.listen(); "
        "os.fork() and os._exit(0); time.sleep(30)"
    )
    taken = f'{sys.executable} -c "{holder}" >/dev/null 2>&1'
    cannot_tell(
        "No port of this machine is free",
        "Aucun port de cette machine n'est libre",
        *("02", "--project", mysite),
        state=state,
        namespace="-rn",
        before=f"{one}; {taken}",
    )


def test_a_python_that_is_none_cannot_be_told(mysite: Path, state: Path):
    cannot_tell(
        "/bin/true is not a Python",
        "/bin/true n'est pas un Python",
        *("02", "--project", mysite, "--python", "/bin/true"),
        state=state,
    )
    cannot_tell(
        "no-such-python is not a Python",
        "no-such-python n'est pas un Python",
        *("02", "--project", mysite, "--python", "no-such-python"),
        state=state,
    )


def fake_python(folder: Path, script: str) -> Path:
    """An environment whose Python says what it is told to."""
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    (folder / ".venv" / "pyvenv.cfg").write_text("")
    return python


def with_versions(python: str, **versions: str | None) -> str:
    """A Python that reports these versions."""
    seen = {"versions": versions, "compiled": True}
    answer = f"cat > $5 <<'END'\n{json.dumps(seen)}\nEND\n"
    return f'if [ "$1" = -c ]; then printf {python}; exit; fi\n{answer}'


RIGHT = {"django": "5.2.9", "celery": "5.7.0", "redis": "8.1.0", "flower": None}


@pytest.mark.parametrize(
    ("python", "versions", "key", "english", "french"),
    [
        ("3.9.1", RIGHT, "python_old", "is Python 3.9.1", "est un Python 3.9.1"),
        (
            "3.12.1",
            RIGHT | {"celery": "4.4.7"},
            "package_old",
            "celery 4.4.7 is installed",
            "utilise celery 4.4.7",
        ),
        (
            "3.12.1",
            RIGHT | {"redis": None},
            "package_missing",
            "The package redis is installed",
            "Le paquet redis est installé",
        ),
    ],
)
def test_a_wrong_version_is_named_before_anything_runs(
    python, versions, key, english, french, mysite: Path, examine: Examine
):
    fake_python(mysite, with_versions(python, **versions))
    found = examine(mysite, "02")
    assert (found.key, found.verdict.status) == (key, 1)
    assert english in found.said["en"]
    assert french in found.said["fr"]
    assert str(mysite / ".venv/bin/python") in found.said["en"]


@pytest.mark.parametrize("script", ["echo nonsense", "exit 1", "kill -9 $$"])
def test_an_environment_whose_python_is_none_is_named(script, mysite: Path, examine: Examine):
    fake_python(mysite, script)
    found = examine(mysite, "02")
    assert found.key == "environment_broken"


def test_an_environment_that_lost_its_python_is_named(mysite: Path, examine: Examine):
    (mysite / ".venv" / "bin").mkdir(parents=True)
    (mysite / ".venv" / "pyvenv.cfg").write_text("")
    (mysite / ".venv/bin/python").symlink_to("/no/such/python")
    found = examine(mysite, "02")
    assert found.key == "environment_broken"
    assert "Delete" in found.said["en"]
    assert "Supprimez" in found.said["fr"]


def test_an_environment_from_windows_is_left_alone(mysite: Path, examine: Examine):
    (mysite / "venv" / "Scripts").mkdir(parents=True)
    (mysite / "venv" / "pyvenv.cfg").write_text("")
    (mysite / "venv" / "broken.py").write_text("print 'Python 2'\n")
    found = examine(mysite, "02")
    assert found.verdict.status == 0, found.said["en"]


def test_an_environment_kept_elsewhere_and_linked_is_used(mysite: Path, state: Path):
    (mysite / ".venv").symlink_to(sys.prefix)
    found = run("02", "--project", mysite, state=state)
    assert found.returncode == 0, found.stdout
    assert f"Checked with {mysite}/.venv/bin/python" in found.stdout


def test_what_the_terminal_exports_does_not_count(mysite: Path, state: Path):
    (mysite / "myproject/celery.py").write_text(
        (mysite / "myproject/celery.py")
        .read_text()
        .replace("myproject.settings", "nowhere.settings")
    )
    hiding = {"DJANGO_SETTINGS_MODULE": "myproject.settings", "CELERY_BROKER_URL": "redis://x"}
    found = run("02", "--project", mysite, state=state, **hiding)
    assert "“nowhere.settings”" in found.stdout
    assert "DJANGO_SETTINGS_MODULE is set in your terminal" in " ".join(found.stdout.split())


def test_a_project_that_prints_without_end_is_stopped(mysite: Path, examine: Examine):
    extend(mysite / "myproject/settings.py", "\nwhile True: print('x' * 10_000)\n")
    found = examine(mysite, "02")
    assert found.verdict.status == 1
    assert "File too large" in found.said["en"]


def test_ctrl_c_ends_it_and_nothing_is_left(tmp_path: Path, terminals: list[Terminal], state: Path):
    folder = learners("04", tmp_path / "mysite")
    before = traces(folder)
    terminal = Terminal(f"trap : INT; {COURSE} check 04 --project {folder}; echo status $?", state)
    terminals.append(terminal)
    wait_for(lambda: any((state / "check").glob("run-*/worker.log")))
    terminal.press_ctrl_c()
    wait_for(lambda: terminal.shows("status 2"))
    assert terminal.shows("Interrupted. Nothing of yours was changed.")
    assert left_over(state) == []
    assert traces(folder) == before


def test_killed_it_leaves_no_process_and_the_next_one_sweeps(tmp_path: Path, state: Path):
    folder = learners("04", tmp_path / "mysite")
    before = traces(folder)
    env = os.environ | {"COURSE_STATE": str(state), "XDG_STATE_HOME": str(state / "xdg")}
    process = subprocess.Popen(
        [COURSE, "check", "04", "--project", folder], env=env, start_new_session=True
    )
    wait_for(lambda: any((state / "check").glob("run-*/worker.log")))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (left,) = (state / "check").glob("run-*")
    wait_for(lambda: left_over(state) == [str(left)])
    os.utime(left, (0, 0))  # long ago
    assert run("01", "--project", folder, state=state).returncode == 0
    assert left_over(state) == []
    assert traces(folder) == before


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path, state: Path):
    folder = learners("04", tmp_path / "mysite")
    found: list[int] = []

    def one() -> None:
        found.append(run("04", "--project", folder, state=state).returncode)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0, 0]


@linux_only
def test_a_check_needs_no_network(mysite: Path, state: Path):
    before = "ip link set lo up"
    found = run("02", "--project", mysite, state=state, namespace="-rn", before=before)
    assert found.returncode == 0, found.stdout


def test_a_process_that_a_project_leaves_behind_is_ended(mysite: Path, examine: Examine):
    settings = mysite / "myproject/settings.py"
    settings.write_text(
        settings.read_text()
        + "\nimport subprocess\nsubprocess.Popen(['sleep', '9876'], start_new_session=True)\n"
    )
    found = examine(mysite, "02")
    assert found.verdict.status == 0, found.said["en"]
    assert not [one for one in psutil.process_iter() if command(one) == ["sleep", "9876"]]


def test_the_learners_own_database_and_files_are_left_alone(mysite: Path, examine: Examine):
    settings, celery = mysite / "myproject/settings.py", mysite / "myproject/celery.py"
    (mysite / "reallogs").mkdir()
    (mysite / "logs").symlink_to(mysite / "reallogs")
    (mysite / "db.sqlite3").write_bytes(b"")
    database = f"DATABASES['default']['NAME'] = '{mysite}/db.sqlite3'"
    log = "(BASE_DIR / 'logs/debug.log').write_text('checked')"
    extend(settings, f"\n{database}\n{log}\n")
    celery.write_text(
        celery.read_text().replace(
            "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')",
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'myproject.settings'",
        )
    )
    extend(
        mysite / "myapp/apps.py",
        "\n    def ready(self):\n"
        "        from django.db import connection\n"
        "        connection.cursor().execute('create table if not exists t(a)')\n",
    )
    replace(settings, "INSTALLED_APPS = [", "INSTALLED_APPS = ['myapp',")
    # That nothing of the folder has changed is looked at by `examine`.
    found = examine(mysite, "02")
    assert found.verdict.status == 0, found.said["en"]


def test_a_project_that_replaces_what_we_use_is_judged_all_the_same(mysite: Path, examine: Examine):
    extend(mysite / "myproject/settings.py", "\nimport json\njson.dumps = None\n")
    found = examine(mysite, "02")
    assert found.verdict.status == 0, found.said["en"]


def test_what_is_beside_the_folder_cannot_be_told(mysite: Path, state: Path):
    (mysite.parent / "secret.txt").write_text("x")
    outside = "\n(BASE_DIR.parent / 'secret.txt').read_text()\n"
    extend(mysite / "myproject/settings.py", outside)
    extend(mysite / "myproject/celery.py", "\n# What --diff would show.\n")
    cannot_tell(
        "Your project reads “secret.txt”, which is beside its folder",
        "Votre projet lit « secret.txt », qui est à côté de son dossier",
        *("02", "--project", mysite, "--diff"),
        state=state,
    )


def test_migrations_for_another_database_cannot_be_told(tmp_path: Path, state: Path):
    folder = learners("05", tmp_path / "mysite")
    engine = "\nDATABASES['default']['ENGINE'] = 'django.db.backends.postgresql'\n"
    extend(folder / "myproject/settings.py", engine)
    (folder / "myapp/migrations/0002_only_there.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        "    dependencies = [('myapp', '0001_initial')]\n"
        "    operations = [migrations.RunSQL('CREATE EXTENSION citext')]\n"
    )
    cannot_tell(
        "made for django.db.backends.postgresql",
        "écrites pour django.db.backends.postgresql",
        *("05", "--project", folder),
        state=state,
    )


def test_a_users_password_for_flower_does_not_count(tmp_path: Path, state: Path):
    folder = learners("07", tmp_path / "mysite")
    (folder / "flowerconfig.py").write_text("address = '127.0.0.1'\n")
    found = run("07", "--project", folder, state=state, FLOWER_BASIC_AUTH="user:password")
    assert found.returncode == 1
    assert "answered to somebody without one" in found.stdout


def test_a_user_without_a_home_gets_a_verdict(tmp_path: Path, mysite: Path, state: Path):
    here = tmp_path / "here"
    here.mkdir()
    found = run("02", "--project", mysite, state=state, cwd=here, HOME="~", XDG_STATE_HOME="")
    assert (found.returncode, found.stderr) == (0, "")
    assert list(here.iterdir()) == []
