"""Alters the blocks of a page, one at a time, and follows its files alone: no process needed."""

from collections.abc import Iterator
from dataclasses import replace

from course.catalogue import Snapshot

from .blocks import Block, browser, console
from .matching import is_literal
from .patches import PatchError
from .probing import altered_command, altered_text
from .tree import Tree, follow, judge, snapshot_tree


def beginning(blocks: list[Block], snapshot: Snapshot) -> Tree:
    """The tree before a page, with the files that typed commands will make: no block has them."""
    before, after = snapshot_tree(snapshot.base), snapshot_tree(snapshot)
    written = {block.title for block in blocks if block.kind in ("file", "change")}
    made = {path: after[path] for path in after.keys() - before.keys() - written}
    return before | made


def replay(blocks: list[Block], tree: Tree, wanted: Tree) -> list[str]:
    """What is wrong with the files that the blocks of a page write."""
    writers: dict[str, str] = {}
    saved, part = (tree, writers), 0
    for block in blocks:
        if block.part_number != part:
            if part:
                tree, writers = saved
            part = block.part_number
            saved = tree, dict(writers)
        try:
            if block.kind in ("file", "change"):
                tree = follow(tree, block, writers)
        except PatchError as error:
            return [f"{block}: {error}"]
    if part:
        tree, writers = saved
    return judge(tree, wanted, writers)


def files_altered(blocks: list[Block]) -> Iterator[tuple[list[Block], Block]]:
    """The page with one line of one file or change altered, for each that must be noticed.

    A line that is added in a part is left out: with the part it is undone, and what the part
    shows depends on it or not.
    """
    for place, block in enumerate(blocks):
        if block.kind not in ("file", "change"):
            continue
        lines = block.lines
        for index, line in enumerate(lines):
            if block.kind == "change" and (line[:1] not in ("+", "-", " ", "") or not line):
                continue
            if block.part and (block.kind == "file" or line.startswith("+")):
                continue
            sign = 1 if block.kind == "change" else 0
            other = altered_text(line[sign:]) or line[sign:] + "x"
            altered = [*lines[:index], line[:sign] + other, *lines[index + 1 :]]
            changed = replace(block, text="\n".join(altered) + "\n")
            yield [*blocks[:place], changed, *blocks[place + 1 :]], changed


def command_altered(block: Block) -> Block | None:
    """The block with its last command altered; None if it has none."""
    lines = block.lines
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith("$ "):
            lines[index] = "$ " + altered_command(lines[index][2:])
            return replace(block, text="\n".join(lines) + "\n")
    return None


def output_altered(block: Block) -> Block | None:
    """The block with the last line that comes back altered; None if it shows none."""
    shown: tuple[str, ...] = ()
    if block.kind == "browser":
        shown = browser(block).texts
    elif block.kind == "terminal":
        shown = tuple(line for step in console(block) for line in step.shown)
    literal = [line for line in shown if is_literal(line)]
    if not literal:
        return None
    before, _, after = block.text.rpartition(literal[-1])
    return replace(block, text=f"{before}{altered_text(literal[-1])}{after}")


def probes(blocks: list[Block]) -> int:
    """How many alterations a run through the page has to try."""
    count = 0
    for block in blocks:
        shown: list[str] = []
        if block.kind == "terminal":
            steps = console(block)
            count += sum(step.prompt in ("$", ">>>", "...") for step in steps)
            shown = [line for step in steps for line in step.shown]
        elif block.kind == "browser":
            visit = browser(block)
            count += len(visit.actions)
            shown = list(visit.texts)
        count += sum(map(is_literal, shown))
    return count
