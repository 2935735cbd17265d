"""Puts the learner to the test while it follows a page: what is altered must be refused.

Each command is first typed altered, and judged by the very code that judges the true one. Each
line of output is altered and compared, by the very code that compares, with what really came.
"""

import re
from dataclasses import replace

from playwright.sync_api import Page

from . import browser
from .blocks import Step
from .commands import perform
from .matching import ANY, is_literal
from .terminal import Failure, Terminal

_ASSIGNMENTS = re.compile(r"""(?:\w+=(?:'[^']*'|"[^"]*"|[^\s'"])*\s+)*""")
_WORD = re.compile(r"[\w./~-]+(?=\s|$)")
UNDEFINED = "no_such_name"


def altered_text(line: str) -> str | None:
    """A shown line with its last literal character changed; None if it has none."""
    for index in range(len(line) - 1, -1, -1):
        if line[index] != ANY and not line[index].isspace():
            other = "x" if line[index] != "x" else "y"
            return line[:index] + other + line[index + 1 :]
    return None


def altered_command(command: str) -> str:
    """A command that cannot be: an "x" before its first word, which no assignment is."""
    assignments = _ASSIGNMENTS.match(command)
    assert assignments
    before, rest = command[: assignments.end()], command[assignments.end() :]
    # What is more than a word, a function that is defined say, becomes the argument of one.
    return f"{before}x{rest}" if _WORD.match(rest) else f"x {command}"


def commands(
    terminal: Terminal, steps: list[Step], index: int, after: str | None, strict: bool
) -> int:
    """Type the altered command of a step first; returns how many were tried. Raises Failure."""
    step = steps[index]
    if step.prompt in ("", "^C"):
        return 0
    if step.prompt == "$":
        altered = replace(step, typed=altered_command(step.typed))
        before = terminal.status
    elif step.prompt == ">>>":
        altered = replace(step, typed=UNDEFINED)
    else:
        altered = replace(step, typed=")")  # refused at once, and with it all that it belongs to
    if terminal.running and not terminal.in_python:
        return 0  # it will be refused anyway
    try:
        perform(terminal, altered, after, strict)
    except Failure:
        pass
    else:
        raise Failure(f"the learner was put to the test: it takes `{altered}` for right")
    if step.prompt == "$":
        terminal.restore_status(before)
    if step.prompt == "...":
        first = max(n for n in range(index) if steps[n].prompt == ">>>")
        for typed in steps[first:index]:
            terminal.type(typed.typed)
            terminal.until_prompt(())
    return 1


def outputs(terminal: Terminal, step: Step) -> int:
    """Alter each line shown: what came must not match. Returns how many. Raises Failure."""
    tried = 0
    for index, line in enumerate(step.shown):
        if not is_literal(line):
            continue
        shown = [*step.shown]
        shown[index] = str(altered_text(line))
        tried += 1
        if terminal.would_match(shown):
            raise Failure(f'the learner was put to the test: it takes "{shown[index]}" as well')
    return tried


def actions(page: Page, label: str) -> int:
    """Look for a field or button of an altered name. Raises Failure if one is found."""
    altered = f"[{altered_text(label[1:-1])}]" if label.startswith("[") else altered_text(label)
    try:
        browser.find(page, str(altered), 0)
    except Failure:
        return 1
    raise Failure(f"the learner was put to the test: it finds {altered} as well")


def texts(page: Page, shown: tuple[str, ...]) -> int:
    """Look for altered texts. Raises Failure if one is found."""
    tried = 0
    for index, line in enumerate(shown):
        if not is_literal(line):
            continue
        altered = [*shown]
        altered[index] = str(altered_text(line))
        tried += 1
        try:
            browser.read(page, altered, 0)
        except Failure:
            continue
        raise Failure(f'the learner was put to the test: it finds "{altered[index]}" as well')
    return tried
