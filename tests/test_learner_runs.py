"""Whole runs of the machine learner, on small pages made by hand."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import command, wait_for
from learner import follow
from learner.by_hand import block, browser, part, terminal
from learner.run import Report

from course.catalogue import ROOT, Snapshot

pytestmark = pytest.mark.reuse()

Follow = Callable[..., Report]

FILE = block("text", "one\ntwo\n", "notes/a.txt")
ENTER = terminal("$ cd ~/mysite\n")
SERVER = terminal(
    "$ cd ~/mysite\n$ python3 -u -m http.server --bind 127.0.0.1\nServing HTTP on …\n", "Web"
)


@pytest.fixture
def small(tmp_path: Path) -> Follow:
    """Follow a page that is to end in a project of one file."""
    snapshot = tmp_path / "lessons" / "01_small"
    (snapshot / "notes").mkdir(parents=True)
    (snapshot / "lesson.toml").write_text("minutes = 1\n")
    (snapshot / "notes" / "a.txt").write_text("one\ntwo\n")

    def run(*blocks: str, language: str = "en", probe: bool = False) -> Report:
        page = f'<h2 id="top">Top</h2>{"".join(blocks)}'
        return follow(page, Snapshot(snapshot), language, probe)

    return run


def failure(report: Report) -> str:
    assert len(report.failures) == 1, str(report)
    return report.failures[0]


def test_a_page_with_every_kind_of_block(small):
    report = small(
        block("text", "one\n", "notes/a.txt"),
        block("diff", "@@ -1 +1,2 @@\n one\n+two\n", "notes/a.txt"),
        block("text", "never written\n", "b.txt", "shown"),
        terminal("$ cd ~/mysite\n$ cat notes/a.txt\none\n…o\n$ id -u\n1000\n"),
        SERVER,
        browser("http://127.0.0.1:8000/notes/a.txt\n\none\nt…\n"),
        terminal('…\n…"GET /notes/a.txt HTTP/1.1" 200 …\n', "Web"),
        part(
            block("diff", "@@ -1,2 +1,2 @@\n one\n-two\n+three\n", "notes/a.txt"),
            block("text", "new\n", "more/b.txt"),
            terminal("$ tail -n 1 notes/a.txt\nthree\n$ ls c.txt\n…No such file…\n"),
            browser("http://127.0.0.1:8000/\n[more/]\n\nDirectory listing for /more/\nb.txt\n"),
        ),
        browser("http://127.0.0.1:8000/more/b.txt\n\nError response\n…404…\n"),
        terminal("^C\n…\n$ echo ended\nended\n", "Web"),
        terminal("$ python3 -q\n>>> def f(x):\n...     return 2 * x\n...\n>>> f(4)\n8\n"),
        terminal(">>> exit()\n$ ls\nnotes\n"),
        probe=True,
    )
    assert not report.failures, str(report)
    assert report.probes > 30
    assert [e["kind"] for e in report.transcript].count("browser") == 3


def test_the_page_has_an_environment_of_its_own(small, monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere")
    asked = "$ echo [$CELERY_BROKER_URL] $LANGUAGE $VIRTUAL_ENV\n[] fr\n"
    words = "$ nobody\nbash: nobody: command not found\n"
    quiet = "$ ls -A\ncourse\n"
    report = small(terminal(asked + quiet), part(terminal(words)), FILE, language="fr")
    assert not report.failures, str(report)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([FILE, ENTER, terminal("$ false\n")], "exit status 1"),
        ([FILE, ENTER, terminal("$ ls\n")], 'more came than is shown: "notes"'),
        ([FILE, ENTER, terminal("$ ls\nnote\n")], '"note" is shown, but "notes" came'),
        ([FILE, ENTER, terminal("$ ls '\n$ ls\n")], "a quote or a bracket is open"),
        ([FILE, terminal(">>> 1\n")], "no Python shell runs"),
        ([FILE, terminal("$ ls course\n…\n>>> 1\n")], "Python's shell does not run"),
        ([FILE, ENTER, terminal("$ python3 -q\n$ ls\n")], "Python's shell runs now"),
        ([FILE, ENTER, terminal("^C\n", "Web")], "nothing runs in this terminal"),
        ([FILE, ENTER, terminal("…\nmore\n")], "nothing runs in this terminal"),
        ([FILE, ENTER, terminal("$ echo a\na\n^C\n")], "it ended with exit status 0"),
        (
            [FILE, ENTER, terminal("$ echo a; sleep 0.5\na\n^C\n")],
            "it ended with exit status 0",
        ),
        ([FILE, ENTER, terminal("$ ls\nnotes\n$ exit\n")], "the terminal has closed"),
        ([FILE, block("diff", "@@ -1 +1 @@\n-ONE\n+x\n", "notes/a.txt")], "does not apply"),
        ([FILE, browser("http://127.0.0.1:8000/\n\nText\n")], "ERR_CONNECTION_REFUSED"),
        (
            [FILE, SERVER, browser("http://127.0.0.1:8000/\nName: x\n\nText\n")],
            "no field called Name",
        ),
        ([FILE, block("python", "x = 1\n")], "no kind"),
    ],
)
def test_what_is_not_as_shown_is_told_with_its_block(small, blocks, said):
    found = failure(small(*blocks))
    assert said in found
    assert f"lessons/01_small (en), block {len(blocks)} " in found


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([], "notes/a.txt: missing at the end; no block writes it"),
        (
            [block("text", "one\n", "notes/a.txt")],
            "notes/a.txt: not as in the snapshot; lessons/01_small (en), block 1 (notes/a.txt)",
        ),
        (
            [FILE, terminal("$ cd ~/mysite\n$ touch b.txt\n")],
            "b.txt: the snapshot has no such file; lessons/01_small (en), block 2 in #top",
        ),
    ],
)
def test_an_end_that_is_not_the_snapshot_is_told_with_the_block(small, blocks, said):
    assert said in failure(small(*blocks))


def test_what_runs_on_and_ends_by_itself_is_told(small):
    dies = "$ echo up; read line < ~/pipe; false\nup\n"
    report = small(
        FILE,
        terminal("$ mkfifo ~/pipe\n"),
        terminal(dies, "Web"),
        terminal("$ echo > ~/pipe\n"),
        terminal("$ sleep 2\n"),
    )
    assert "block 3 (Web)" in failure(report)
    assert "exit status 1" in failure(report)


def test_what_runs_on_may_end_as_shown(small):
    ends = terminal("$ echo up; read line < ~/pipe; echo down\nup\n", "Web")
    go = terminal("$ mkfifo ~/pipe\n"), ends, terminal("$ echo > ~/pipe\n")
    assert not small(FILE, *go, terminal("down\n", "Web")).failures
    assert '"down"' in failure(small(FILE, *go, terminal("$ sleep 2\n")))


def test_after_a_part_the_same_commands_must_run(small):
    assert "other commands run" in failure(small(FILE, part(SERVER)))
    assert "other commands run" in failure(small(FILE, SERVER, part(terminal("^C\n…\n", "Web"))))


def test_a_part_that_any_output_would_satisfy_does_not_pass_the_probe(small):
    weak = part(terminal("$ ls nothing\n…\n"))
    assert not small(FILE, weak).failures
    assert "put to the test" in failure(small(FILE, weak, probe=True))


def test_where_there_are_no_namespaces_one_sentence_says_so(small, tmp_path, monkeypatch):
    program = tmp_path / "unshare"
    program.write_text("#!/bin/sh\necho 'unshare: not permitted' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = failure(small(FILE))
    assert re.fullmatch(r"The machine learner needs Linux namespaces .* not permitted", found)


def started(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_a_run_that_is_killed_leaves_no_process(tmp_path):
    snapshot = tmp_path / "lessons" / "01_small"
    snapshot.mkdir(parents=True)
    (snapshot / "lesson.toml").write_text("minutes = 1\n")
    page = terminal("$ sleep 98765\n")
    code = (
        "import sys, pathlib, learner, course.catalogue as catalogue\n"
        "learner.follow(sys.argv[1], catalogue.Snapshot(pathlib.Path(sys.argv[2])), 'en')"
    )
    path = {"PYTHONPATH": f"{ROOT}:{ROOT}/tests", "PATH": os.environ["PATH"]}
    outer = subprocess.Popen([sys.executable, "-c", code, page, str(snapshot)], env=path)
    try:
        wait_for(lambda: any("98765" in command(process) for process in started(outer.pid)))
        inside = started(outer.pid)
    finally:
        outer.kill()
        outer.wait()
    assert psutil.wait_procs(inside, timeout=10)[1] == []
