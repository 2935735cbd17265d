"""What is typed in a terminal, one step at a time: did what is shown come back?"""

from . import matching
from .blocks import Block, Step, console
from .prompts import MORE_PYTHON, MORE_SHELL, PYTHON, SHELL, Prompt, status
from .terminal import GRACE, SILENCE, Failure, Terminal


def next_prompts(blocks: list[Block]) -> dict[tuple[int, int], str | None]:
    """For each step of each terminal block the next prompt in the same terminal, None at its end.

    The next prompt tells what is expected of a command: to end, or to run on.
    """
    places: dict[str, list[tuple[int, int, str]]] = {}
    for block in blocks:
        if block.kind == "terminal":
            steps = places.setdefault(block.title or "", [])
            steps += [(block.number, n, step.prompt) for n, step in enumerate(console(block))]
    following: dict[tuple[int, int], str | None] = {}
    for steps in places.values():
        prompts = [prompt for _, _, prompt in steps]
        for (number, index, _), after in zip(steps, [*prompts[1:], None], strict=True):
            following[number, index] = after
    return following


def _check_kind(prompt: Prompt, terminal: Terminal, after: str | None) -> None:
    """Raises Failure if the prompt that came is not the one for what is typed next."""
    wrong = {
        MORE_SHELL: "the shell waits for more: a quote or a bracket is open",
        MORE_PYTHON: "Python waits for more: a line `...` ends what is indented",
        PYTHON: "Python's shell runs now, and what is typed next is not for it",
        SHELL: f"Python's shell does not run, and what is typed next is for it{status(prompt)}",
    }
    wanted = {"$": (SHELL,), PYTHON: (PYTHON,), MORE_PYTHON: (MORE_PYTHON,)}
    if prompt.kind == MORE_SHELL:
        terminal.interrupt()
    if prompt.kind not in wanted.get(after or "", (SHELL, PYTHON)):
        raise Failure(wrong[prompt.kind])


def perform(terminal: Terminal, step: Step, after: str | None, strict: bool) -> None:
    """Do one step; all that comes back must be as shown. Raises Failure.

    after: the next prompt of the page in this terminal, None: it is not used again.
    strict: the exit status must be 0.
    """
    _needs(terminal, step.prompt)
    try:
        if step.prompt == "^C":
            terminal.wait_for_silence()
            _runs_on(terminal)
            terminal.interrupt()
            wait = terminal.until_shown if after == "^C" else terminal.until_prompt
            prompt = wait(step.shown)
        elif step.prompt == "":
            wait = terminal.until_prompt if after == "$" else terminal.until_shown
            prompt = wait(step.shown)
        else:
            terminal.type(step.typed)
            terminal.running = terminal.running if terminal.in_python else step.typed
            prompt = _settle(terminal, step, after)
    finally:
        terminal.look()
    if prompt is None:  # it runs on
        return
    _check_kind(prompt, terminal, after)
    # What was interrupted tells nothing by its status.
    if strict and prompt.status and step.prompt != "^C":
        raise Failure(f"exit status {prompt.status}")


def _needs(terminal: Terminal, prompt: str) -> None:
    if prompt == "$" and terminal.in_python:
        raise Failure("Python's shell runs here; leave it with `>>> exit()`")
    if prompt == "$" and terminal.running:
        raise Failure(f"`{terminal.running}` runs in this terminal; `^C` would end it")
    if prompt in (PYTHON, MORE_PYTHON) and not terminal.in_python:
        raise Failure("no Python shell runs in this terminal")
    if prompt in ("", "^C") and not terminal.running:
        raise Failure("nothing runs in this terminal")


def _runs_on(terminal: Terminal) -> None:
    """Raises Failure if there is nothing left for `^C` to end."""
    if prompt := terminal.prompt_within(0):
        raise Failure(f"it ended with exit status {prompt.status}; `^C` is to end it")


def _settle(terminal: Terminal, step: Step, after: str | None) -> Prompt | None:
    tells = any(map(matching.is_literal, step.shown))
    if after == "^C":
        if not tells:
            terminal.prompt_within(SILENCE)
        terminal.until_shown(step.shown)
        _runs_on(terminal)
        return None
    if after == "" and tells:
        return terminal.until_shown(step.shown)
    # What shows nothing to wait for, or is not the last in its terminal, has to end.
    if after is not None or not tells or terminal.in_python:
        return terminal.until_prompt(step.shown)
    # Whether it runs on is for us to find out; `has_ended` looks again at the end of the page.
    prompt = terminal.until_shown(step.shown)
    more = step.shown[-1].strip() == matching.ANY
    if not prompt and terminal.prompt_within(SILENCE if more else GRACE):
        prompt = terminal.compare_from_start(step.shown)
    return prompt


def has_ended(terminal: Terminal, step: Step) -> None:
    """What was to run on has ended by itself after `step`: it must have done so as shown.

    Raises Failure.
    """
    if step.typed:
        prompt = terminal.compare_from_start(step.shown)
    else:  # what was waited for has come; no more may, unless it is shown as `…`
        prompt = terminal.until_prompt([line for line in step.shown[-1:] if line == matching.ANY])
    if prompt.status:
        raise Failure(f"it has ended by itself{status(prompt)}")
