"""Follows the blocks of a page, inside the namespaces: writes, types, visits, compares."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course import catalogue

from . import browser, matching, probing, tree
from .blocks import Block, Step
from .blocks import browser as visit_of
from .blocks import console as steps_of
from .matching import is_literal
from .terminal import (
    GRACE,
    MORE_PYTHON,
    MORE_SHELL,
    PYTHON,
    SHELL,
    SILENCE,
    Failure,
    Prompt,
    Terminal,
    status,
)

RELOAD = 3.5  # seconds: Django's development server looks for edits every second or so


@dataclass
class Place:
    """Where a run takes place."""

    home: Path
    scratch: Path
    environment: dict[str, str]

    @property
    def project(self) -> Path:
        return self.home / "mysite"


@dataclass
class Saved:
    """What was there before a part that is undone."""

    first: Block
    tree: tree.Tree
    database: bytes | None
    running: dict[str, str]
    writers: dict[str, str]


@dataclass
class Follower:
    """One run through a page."""

    place: Place
    blocks: list[Block]
    snapshot: catalogue.Snapshot
    probe: bool = False
    tell: Callable[[dict[str, Any]], None] = lambda entry: None
    failures: list[str] = field(default_factory=list)
    probes: int = 0

    def __post_init__(self) -> None:
        self.terminals: dict[str, Terminal] = {}
        self.browser = browser.Browser()
        self.tree = tree.read(self.place.project)
        self.writers: dict[str, str] = {}
        self.saved: Saved | None = None
        self.commands: dict[str, tuple[Block, Step]] = {}  # what runs on, by terminal
        self._reloading: dict[str, tuple[int, float]] = {}
        self._next = next_prompts(self.blocks)

    def follow(self) -> None:
        """Follow all blocks; `failures` says what was not as shown."""
        part = 0
        try:
            for block in self.blocks:
                if block.part_number != part:
                    if self.saved:
                        self._leave_part()
                    part = block.part_number
                    if part:
                        self._enter_part(block)
                self._do(block)
            if self.saved:
                self._leave_part()
            self._end()
        except Failure as failure:
            self.failures.append(str(failure))
        finally:
            self.browser.close()

    def _do(self, block: Block) -> None:
        started = time.monotonic()
        came: list[str] = []
        try:
            if block.kind in ("file", "change"):
                self._write(block)
            elif block.kind == "terminal":
                self._settle()
                came = self._type(block)
            elif block.kind == "browser":
                self._settle()
                came = self._visit(block)
        except (Failure, ValueError) as failure:
            self._tell(block, f"{failure}", started, failed=True)
            raise Failure(f"{block}: {failure}") from None
        if block.kind != "shown":
            self._tell(block, "\n".join(came), started)

    def _tell(self, block: Block, came: str, started: float, failed: bool = False) -> None:
        seconds = round(time.monotonic() - started, 1)
        self.tell(
            {
                "block": str(block),
                "kind": block.kind,
                "shown": block.text,
                "came": came,
                "seconds": seconds,
                "failed": failed,
            }
        )

    # Files

    def _write(self, block: Block) -> None:
        self._change(tree.follow(self.tree, block, self.writers))

    def _change(self, after: tree.Tree) -> None:
        for name, terminal in self.terminals.items():
            if terminal.running and terminal.says("StatReloader"):
                self._reloading[name] = (terminal.position, time.monotonic())
        if not tree.write(self.place.project, self.tree, after):
            self._reloading.clear()
        self.tree = after

    def _settle(self) -> None:
        """Give a development server the time to see the edits: nobody types faster."""
        for name, (position, written) in self._reloading.items():
            terminal, left = self.terminals[name], written + RELOAD - time.monotonic()
            if terminal.wait_to_say("changed, reloading", position, left):
                terminal.wait_to_say(r"CONTROL-C|Error", position, 20)
        self._reloading.clear()

    def _look(self, block: Block) -> None:
        """Note what a command has made in the project."""
        now = tree.read(self.place.project)
        paths = [path for path in {*now, *self.tree} if now.get(path) != self.tree.get(path)]
        for path in paths:
            self.writers[path] = str(block)
        self.tree = now

    # Parts that are undone

    def _enter_part(self, block: Block) -> None:
        database = self.place.project / "db.sqlite3"
        contents = database.read_bytes() if database.exists() else None
        running = {name: str(step) for name, (_, step) in self._still_running().items()}
        self.saved = Saved(block, self.tree, contents, running, dict(self.writers))

    def _leave_part(self) -> None:
        saved, self.saved = self.saved, None
        assert saved
        self.browser.close_page()
        before, after = saved.running, self._still_running()
        now = {name: str(step) for name, (_, step) in after.items()}
        if before != now:
            raise Failure(
                f"the {saved.first.part} that begins with {saved.first}: other commands run at "
                f"its end than before it: {_list(now)}; before: {_list(before)}"
            )
        self.tree = tree.read(self.place.project)
        self._change(saved.tree)
        self.writers = saved.writers
        database = self.place.project / "db.sqlite3"
        if saved.database is None:
            database.unlink(missing_ok=True)
        elif not database.exists() or database.read_bytes() != saved.database:
            fresh = database.with_name("db.sqlite3-restored")
            fresh.write_bytes(saved.database)
            os.replace(fresh, database)

    def _still_running(self) -> dict[str, tuple[Block, Step]]:
        return {
            name: self.commands[name]
            for name, terminal in sorted(self.terminals.items())
            if terminal.running and (terminal.in_python or not terminal.ended())
        }

    # Terminals

    def _type(self, block: Block) -> list[str]:
        name = block.title or ""
        if name not in self.terminals:
            scratch = self.place.scratch / f"terminal-{len(self.terminals)}"
            self.terminals[name] = Terminal(scratch, self.place.home, self.place.environment)
        terminal = self.terminals[name]
        came: list[str] = []
        steps = steps_of(block)
        for index, step in enumerate(steps):
            after = self._next[block.number, index]
            try:
                if self.probe:
                    self._count(probing.commands(self, terminal, steps, index, after, block))
                self.perform(terminal, step, after, block.part != "break")
                if self.probe:
                    self._count(probing.outputs(terminal, step))
            except Failure as failure:
                raise Failure(f"{step}\n{failure}{self._what_came(terminal)}") from None
            came += [str(step), *(f"    {line}" for line in terminal.compared())]
            if terminal.running and step.prompt == "$":
                self.commands[name] = (block, step)
        self._look(block)
        return came

    def perform(self, terminal: Terminal, step: Step, after: str | None, strict: bool) -> None:
        """Do one step; all that comes back must be as shown. Raises Failure.

        after: the next prompt of the page in this terminal, None: it is not used again.
        strict: the exit status must be 0.
        """
        self._needs(terminal, step.prompt)
        try:
            if step.prompt == "^C":
                terminal.interrupt()
                wait = terminal.until_shown if after == "^C" else terminal.until_prompt
                prompt = wait(step.shown)
            elif step.prompt == "":
                wait = terminal.until_prompt if after == "$" else terminal.until_shown
                prompt = wait(step.shown)
            else:
                terminal.type(step.typed)
                terminal.running = terminal.running if terminal.in_python else step.typed
                prompt = self._settle_command(terminal, step, after)
        finally:
            terminal.look()
        if prompt is None:  # it runs on
            return
        _check_kind(prompt, terminal, after)
        # What was interrupted tells nothing by its status.
        if strict and prompt.status and step.prompt != "^C":
            raise Failure(f"exit status {prompt.status}")

    def _needs(self, terminal: Terminal, prompt: str) -> None:
        if prompt == "$" and terminal.in_python:
            raise Failure("Python's shell runs here; leave it with `>>> exit()`")
        if prompt == "$" and terminal.running:
            raise Failure(f"`{terminal.running}` runs in this terminal; `^C` would end it")
        if prompt in (PYTHON, MORE_PYTHON) and not terminal.in_python:
            raise Failure("no Python shell runs in this terminal")
        if prompt in ("", "^C") and not terminal.running:
            raise Failure("nothing runs in this terminal")
        if prompt == "^C" and not terminal.in_python and terminal.ended():
            raise Failure(f"`{terminal.running}` has ended by itself; `^C` was to end it")

    def _settle_command(self, terminal: Terminal, step: Step, after: str | None) -> Prompt | None:
        tells = any(map(is_literal, step.shown))
        if after == "^C":
            if tells:
                prompt = terminal.until_shown(step.shown)
            else:
                terminal.prompt_within(SILENCE)
                prompt = terminal.until_shown(step.shown)
            if prompt:
                raise Failure(f"it ended with exit status {prompt.status}; `^C` is to end it")
            return None
        if after == "" and tells:
            return terminal.until_shown(step.shown)
        if after is not None or not tells or terminal.in_python:
            return terminal.until_prompt(step.shown)
        prompt = terminal.until_shown(step.shown)
        more = step.shown[-1].strip() == matching.ANY
        if not prompt and terminal.prompt_within(SILENCE if more else GRACE):
            prompt = terminal.compare_from_start(step.shown)
        return prompt

    def _what_came(self, terminal: Terminal) -> str:
        lines = terminal.output()
        text = "\n".join(f"    {line}" for line in lines[-60:]) or "    (nothing)"
        others = ""
        for name, other in self.terminals.items():
            if other is not terminal and other.running:
                last = "\n".join(f"    {line}" for line in other.output()[-8:])
                others += f'\nIn the terminal "{name}", at the end:\n{last}'
        return f"\nWhat came back:\n{text}{others}"

    # The browser

    def _visit(self, block: Block) -> list[str]:
        visit = visit_of(block)
        try:
            page = self.browser.open(visit)
            for label, value in visit.actions:
                if self.probe:
                    self._count(probing.actions(page, label))
                browser.act(page, label, value)
            lines = browser.read(page, visit.texts)
            if self.probe:
                self._count(probing.texts(page, visit.texts))
            if complaints := self.browser.complaints():
                raise Failure("the browser's console complains:\n" + "\n".join(complaints))
        except Failure as failure:
            servers = [t for t in self.terminals.values() if t.running]
            last = "".join(
                f"\nAt the end of `{t.running}`:\n" + "\n".join(f"    {x}" for x in t.output()[-8:])
                for t in servers
            )
            raise Failure(f"{failure}{last}") from None
        self.browser.close_page()
        return lines

    def _count(self, probes: int) -> None:
        self.probes += probes

    # The end

    def _end(self) -> None:
        for name, (block, step) in self.commands.items():
            terminal = self.terminals[name]
            if terminal.running and not terminal.in_python and terminal.ended():
                try:
                    self._has_ended(terminal, step)
                except Failure as failure:
                    came = self._what_came(terminal)
                    raise Failure(f"{block}: {step}\n{failure}{came}") from None
        self.tree = tree.read(self.place.project)
        wanted = tree.snapshot_tree(self.snapshot)
        self.failures += tree.judge(self.tree, wanted, self.writers)

    def _has_ended(self, terminal: Terminal, step: Step) -> None:
        prompt = terminal.compare_from_start(step.shown)
        if prompt.status:
            raise Failure(f"it has ended by itself, with exit status {prompt.status}")


def next_prompts(blocks: list[Block]) -> dict[tuple[int, int], str | None]:
    """For each step of each terminal block the next prompt in the same terminal, None at its end.

    The next prompt tells what is expected of a command: to end, or to run on.
    """
    places: dict[str, list[tuple[int, int, str]]] = {}
    for block in blocks:
        if block.kind == "terminal":
            steps = places.setdefault(block.title or "", [])
            steps += [(block.number, n, step.prompt) for n, step in enumerate(steps_of(block))]
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


def _list(running: dict[str, str]) -> str:
    return ", ".join(f'`{step}` in "{name}"' for name, step in running.items()) or "none"
