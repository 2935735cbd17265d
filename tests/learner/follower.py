"""Follows the blocks of a page, inside the namespaces: writes, types, visits, compares."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course import catalogue

from . import browser, commands, probing, tree
from .blocks import Block, Step
from .blocks import browser as visit_of
from .blocks import console as steps_of
from .terminal import Failure, Terminal

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
        self.last: dict[str, tuple[Block, Step]] = {}  # what was done last
        self._reloading: dict[str, tuple[int, float]] = {}
        self._next = commands.next_prompts(self.blocks)

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
        positions = {name: terminal.position for name, terminal in self.terminals.items()}
        changed = tree.write(self.place.project, self.tree, after)
        self.tree = after
        for name, terminal in self.terminals.items():
            if changed and terminal.running and terminal.says("StatReloader"):
                first, _ = self._reloading.get(name, (positions[name], 0))
                self._reloading[name] = (first, time.monotonic())

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
        self.writers |= dict.fromkeys(paths, str(block))
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
        steps, strict = steps_of(block), block.part != "break"
        for index, step in enumerate(steps):
            after = self._next[block.number, index]
            try:
                if self.probe:
                    self.probes += probing.commands(terminal, steps, index, after, strict)
                commands.perform(terminal, step, after, strict)
                if self.probe:
                    self.probes += probing.outputs(terminal, step)
            except Failure as failure:
                raise Failure(f"{step}\n{failure}{self._what_came(terminal)}") from None
            came += [str(step), *(f"    {line}" for line in terminal.compared())]
            self.last[name] = (block, step)
            if terminal.running and step.prompt == "$":
                self.commands[name] = (block, step)
        self._look(block)
        return came

    def _what_came(self, terminal: Terminal) -> str:
        text = "\n".join(f"    {line}" for line in terminal.output()[-60:]) or "    (nothing)"
        return f"\nWhat came back:\n{text}{self._elsewhere(terminal)}"

    def _elsewhere(self, here: Terminal | None) -> str:
        """The end of what the other terminals show."""
        text = ""
        for name, terminal in self.terminals.items():
            if terminal is not here and terminal.running:
                last = "\n".join(f"    {line}" for line in terminal.output()[-8:])
                text += f'\nAt the end of the terminal "{name}", `{terminal.running}`:\n{last}'
        return text

    # The browser

    def _visit(self, block: Block) -> list[str]:
        visit = visit_of(block)
        try:
            page = self.browser.open(visit)
            for label, value in visit.actions:
                if self.probe:
                    self.probes += probing.actions(page, label)
                browser.act(page, label, value)
            lines = browser.read(page, visit.texts)
            if self.probe:
                self.probes += probing.texts(page, visit.texts)
            if complaints := self.browser.complaints():
                raise Failure("the browser's console complains:\n" + "\n".join(complaints))
        except Failure as failure:
            raise Failure(f"{failure}{self._elsewhere(None)}") from None
        except browser.Error as error:
            raise Failure(f"{error.message}{self._elsewhere(None)}") from None
        self.browser.close_page()
        return lines

    # The end

    def _end(self) -> None:
        for name, (block, step) in self.last.items():
            terminal = self.terminals[name]
            if terminal.running and not terminal.in_python and terminal.ended():
                try:
                    commands.has_ended(terminal, step)
                except Failure as failure:
                    came = self._what_came(terminal)
                    raise Failure(f"{block}: {step}\n{failure}{came}") from None
        self.tree = tree.read(self.place.project)
        wanted = tree.snapshot_tree(self.snapshot)
        self.failures += tree.judge(self.tree, wanted, self.writers)


def _list(running: dict[str, str]) -> str:
    return ", ".join(f'`{step}` in "{name}"' for name, step in running.items()) or "none"
