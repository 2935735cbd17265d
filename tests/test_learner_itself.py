"""The parts of the machine learner, and whole runs on small pages made by hand."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from learner.blocks import PageError, console, differences, parse
from learner.by_hand import block, browser, part, terminal
from learner.matching import begins, can_begin, line_matches, matches
from learner.patches import PatchError, apply
from learner.probing import altered_command, altered_text
from learner.prompts import PYTHON, SHELL
from learner.terminal import Failure, Terminal

pytestmark = pytest.mark.reuse()

# Comparing


@pytest.mark.parametrize(
    ("shown", "actual", "same"),
    [
        ("a b", "a b", True),
        ("a b", "a b  ", True),
        ("a b", " a b", False),
        ("a", "ab", False),
        ("…", "", True),
        ("a…", "abc", True),
        ("a…c", "abbc", True),
        ("a…c", "abb", False),
        ("aa…aa", "aaa", False),
        ("…b…", "abc", True),
        ("…a…b…", "b a", False),
        ("…ab", "ab ab", True),
        ("[… INFO] celery@… ready.", "[10:00 INFO] celery@vm ready.", True),
    ],
)
def test_three_dots_stand_for_anything_in_a_line(shown, actual, same):
    assert line_matches(shown, actual) is same


@pytest.mark.parametrize(
    ("shown", "actual", "failed"),
    [
        ([], [], None),
        ([], ["x"], (None, "x")),
        (["a"], [], ("a", None)),
        (["a", "b"], ["a", "c"], ("b", "c")),
        (["a"], ["a", "b"], (None, "b")),
        (["…"], [], None),
        (["…"], ["a", "b"], None),
        (["…", "b"], ["b", "a", "b"], None),
        (["…", "b"], ["b", "a"], (None, "a")),
        (["…", "b"], ["a", "a"], ("b", None)),
        (["a", "…", "…", "c"], ["a", "c"], None),
        (["…", "a", "b", "…", "c"], ["a", "x", "a", "b", "y", "c"], None),
        (["…", "a", "b", "…", "c"], ["a", "b", "y"], ("c", None)),
    ],
)
def test_the_first_line_that_failed_is_found(shown, actual, failed):
    found = matches(shown, actual)
    assert (found and (found.shown, found.actual)) == failed


def test_no_line_makes_a_comparison_explode():
    started = time.monotonic()
    assert not line_matches("…a" * 200 + "b", "a" * 20_000)
    assert matches(["…", "a"] * 100 + ["b"], ["a"] * 2000)
    assert time.monotonic() - started < 5


def test_what_runs_on_need_only_begin_as_shown():
    assert begins(["…", "ready"], ["x", "ready", "more"]) == 2
    assert begins(["…", "ready"], ["x"]) is None
    assert can_begin(["a", "…"], []) and not can_begin(["a", "…"], ["b"])


# Reading


def test_each_kind_is_read_with_its_name():
    visit = browser("http://127.0.0.1:8000/\n\nText\n")
    page = (
        '<h2 id="one">One</h2>'
        + block("python", "x = 1\n", "a.py")
        + block("diff", "@@ -1 +1 @@\n-a\n+b\n", "b.py")
        + block("python", "\nx\n", "c.py", "shown")
        + part(terminal("$ ls\n", "Web"))
        + f'<details class="exercise">{visit}</details>'
    )
    blocks = parse(page, "a page")
    assert [b.kind for b in blocks] == ["file", "change", "shown", "terminal", "browser"]
    assert [b.part for b in blocks] == [None, None, None, "break", "exercise"]
    assert str(blocks[0]) == 'a page, block 1 (a.py) in #one: "x = 1"'
    assert str(blocks[3]) == 'a page, block 4 (Web) in #break: "$ ls"'


@pytest.mark.parametrize(
    "wrong",
    [
        block("python", "x = 1\n"),
        "<pre><code>x = 1\n</code></pre>",
        block("python", "x = 1\n", "/etc/passwd"),
        block("python", "x = 1\n", "../a.py"),
        terminal("\n"),
        terminal("$\nx = 1\n"),
        browser("https://example.com/\n\nx = 1\n"),
        browser("http://127.0.0.1:8000/\n[Add]\n"),
        browser("http://127.0.0.1:8000/\nAdd\n\nx\n"),
    ],
)
def test_a_block_that_cannot_be_followed_is_named(wrong):
    with pytest.raises(PageError, match=r"page, block 2.* in #here"):
        parse('<h2 id="here">Here</h2>' + terminal("$ ls\n") + wrong, "page")


def test_a_terminal_is_read_as_what_is_typed_and_what_comes():
    text = "…\n$ python\n\nbanner\n>>> for i in x:\n...     y\n...\n... literal\n^C\nend\n"
    (found,) = parse(terminal(text), "page")
    assert [(step.prompt, step.typed, step.shown) for step in console(found)] == [
        ("", "", ("…",)),
        ("$", "python", ("banner",)),
        (">>>", "for i in x:", ()),
        ("...", "    y", ()),
        ("...", "", ()),
        ("...", "literal", ()),
        ("^C", "", ("end",)),
    ]


def test_languages_are_compared_block_by_block():
    one, two = terminal("$ ls\n"), part(terminal("$ pwd\n"))
    english, french = parse(one + two, "page (en)"), parse(one, "page (fr)")
    (missing,) = differences(english, french)
    assert str(english[1]) in missing and "page (fr)" in missing
    (nested,) = differences(parse(one, "a"), parse(part(one), "b"))
    assert "$ ls" in nested


# Changes

OLD = b"a\nb\nc\nd\ne\nf\n"


@pytest.mark.parametrize(
    ("diff", "new"),
    [
        ("@@ -2,2 +2,3 @@\n b\n+x\n c\n", b"a\nb\nx\nc\nd\ne\nf\n"),
        ("--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-a\n@@ -6 +5 @@\n-f\n+g\n", b"b\nc\nd\ne\ng\n"),
        ("@@ -6,0 +7 @@\n+g\n", OLD + b"g\n"),
        ("@@ -6 +6 @@\n-f\n+g\n\\ No newline at end of file\n", b"a\nb\nc\nd\ne\ng"),
        ("@@ -1,2 +1,2 @@\n d\n-e\n+x\n", b"a\nb\nc\nd\nx\nf\n"),
    ],
)
def test_a_change_is_applied(diff, new):
    assert apply(diff, OLD) == new


def test_a_change_makes_and_removes_files():
    assert apply("@@ -0,0 +1,2 @@\n+a\n+b\n", None) == b"a\nb\n"
    empty = "@@ -1,2 +0,0 @@\n-a\n-b\n"
    assert apply(empty, b"a\nb\n") == b""
    assert apply(f"--- a/f\n+++ /dev/null\n{empty}", b"a\nb\n") is None


@pytest.mark.parametrize(
    ("diff", "old", "why"),
    [
        ("@@ -2,2 +2,3 @@\n b\n+x\n C\n", OLD, 'line 3 should be "C", there is "c"'),
        ("@@ -2,2 +2,3 @@\n b\n+x\n", OLD, "fewer lines"),
        ("@@ -2,1 +2,1 @@\n-b\n+x\n+y\n", OLD, "more lines"),
        ("-b\n+x\n", OLD, "no .@@"),
        ("@@ -9 +9 @@\n-a\n+b\n", b"a\na\n", "2 places"),
        ("@@ -0,0 +1 @@\n+a\n", OLD, "there already"),
        ("@@ -1 +1 @@\n-a\n+b\n", None, "not there"),
    ],
)
def test_a_change_that_does_not_apply_says_why(diff, old, why):
    with pytest.raises(PatchError, match=why):
        apply(diff, old)


# Terminals


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Terminal]:
    bash = Terminal(tmp_path / "terminal", tmp_path, {"PATH": "/usr/bin:/bin", "TERM": "dumb"})
    yield bash
    bash.close()


def test_a_command_ends_with_its_output_and_status(bash):
    bash.type("printf 'a\\n\\033[31mb\\033[0m'; false")
    prompt = bash.until_prompt(["a", "b"])
    assert (prompt.kind, prompt.status) == (SHELL, 1)


def test_a_command_that_does_not_return_is_told(bash):
    bash.type("echo a; sleep 1000")
    with pytest.raises(Failure, match="did not end within 1 s"):
        bash.until_prompt(["a"], 1)


def test_what_cannot_come_any_more_is_not_waited_for(bash):
    started = time.monotonic()
    bash.type("echo a; sleep 1000")
    with pytest.raises(Failure, match='"b" is shown, but "a" came'):
        bash.until_shown(["b", "…"])
    assert time.monotonic() - started < 30


def test_ctrl_c_is_received_even_if_we_ignore_it(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        bash = Terminal(tmp_path / "terminal", tmp_path, {"PATH": "/usr/bin:/bin"})
    finally:
        signal.signal(signal.SIGINT, before)
    bash.type("sleep 1000")
    bash.wait_for_silence()
    bash.interrupt()
    assert bash.until_prompt([]).status == 128 + signal.SIGINT
    bash.close()


def test_python_is_known_by_its_prompts(bash):
    bash.type(f"{sys.executable} -q")
    assert bash.until_prompt([]).kind == PYTHON
    bash.type("print('>>> ', end='')")
    assert bash.until_prompt([">>>"]).kind == PYTHON


@pytest.mark.parametrize(
    ("command", "altered"),
    [
        ("ls -l", "xls -l"),
        (". .venv/bin/activate", "x. .venv/bin/activate"),
        ("A=1 B=2 ls", "A=1 B=2 xls"),
        ("A='1 2' ls | wc", "A='1 2' xls | wc"),
        ("A=1", "x A=1"),
        ("add() { ls; }", "x add() { ls; }"),
        ("(cd x)", "x (cd x)"),
    ],
)
def test_an_altered_command_is_one_that_cannot_be(command, altered):
    assert altered_command(command) == altered


def test_a_line_is_altered_in_a_literal_character():
    assert altered_text("a… b…") == "a… x…"
    assert altered_text("…") is None
