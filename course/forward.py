"""Carry an edit made in one snapshot on to all that grow from it.

Git merges: for each child, between its parent in the last commit, its parent now, and the
child now. What git has to write for that goes to a scratch folder, so the user's index,
branch, stash and objects stay as they are. All is merged before the first file is written;
the next run completes one that was interrupted.

A snapshot with a conflict stops its own branch: what grows from it waits. The recipes beside
it do not, for none could be reached again once the edit is in their common base.
"""

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from tomllib import TOMLDecodeError

import click

from course import catalogue
from course.catalogue import Snapshot
from course.cli import CourseError
from course.git import Checkout
from course.messages import say


@dataclass
class _Merge:
    """What comes out of one child."""

    child: Snapshot
    tree: str
    changes: dict[str, str]  # path in the child: git's status letter (A, D, M or T)
    left_out: list[str]  # edited in the parent, but the child has no such file
    conflicts: list[str]  # a line for the user each; if any, the child is not written


def forward(snapshot: Snapshot, root: Path = catalogue.ROOT) -> int:
    """Carry what `snapshot` changes since the last commit on to all that grow from it.

    Edits that a child has of its own are kept, and go on to what grows from the child. Returns
    0, or 1 when a child conflicts: neither it nor what grows from it is written then.
    Raises CourseError when it cannot begin, OSError when a file cannot be written.
    """
    state = root / ".course"
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forward-", dir=state) as scratch:
        checkout = Checkout(root, Path(scratch))
        growing = _growing_from(snapshot, root)
        before, now = checkout.trees([snapshot, *growing])
        if snapshot.name not in before:
            raise CourseError(say("forward_new", name=snapshot.name))
        if before[snapshot.name] == now[snapshot.name] or not growing:
            click.echo(say("forward_nothing", name=snapshot.name))
            return 0
        merges = []
        after = {snapshot.name: now[snapshot.name]}
        for child in growing:
            parent = child.base.name if child.base else ""
            if parent in after:  # else it stopped at a conflict
                base = before.get(parent, now[parent])
                merge = _merge(checkout, child, base, after[parent], now[child.name])
                merges.append(merge)
                if not merge.conflicts:
                    after[child.name] = merge.tree
        ready = [merge for merge in merges if not merge.conflicts]
        folders = [_export(checkout, merge) for merge in ready]
        for merge, folder in zip(ready, folders, strict=True):
            _write(merge, folder)
    for merge in merges:
        _tell(merge)
    if not any(merge.changes or merge.conflicts for merge in merges):
        click.echo(say("forward_already", name=snapshot.name))
    return 0 if len(ready) == len(merges) else 1


def _growing_from(snapshot: Snapshot, root: Path) -> list[Snapshot]:
    """All that grow from it, however far, each after its base."""
    found = [snapshot]
    for other in catalogue.snapshots(root):
        try:
            if other.base in found and other not in found:
                found.append(other)
        except TOMLDecodeError as error:
            raise CourseError(say("forward_bad_toml", name=other.name, what=error)) from None
    return found[1:]


def _merge(git: Checkout, child: Snapshot, base: str, theirs: str, ours: str) -> _Merge:
    """Bring what leads from the tree `base` to `theirs` into `ours`, the child's."""
    origin = git("commit-tree", "-m", "base", base).strip()
    left = git("commit-tree", "-m", "child", "-p", origin, ours).strip()
    right = git("commit-tree", "-m", "parent", "-p", origin, theirs).strip()
    # Answers the tree, "mode blob stage\tpath" of what is unmerged, then messages; at the top,
    # for it takes the trees for the checkout's and gives paths from the folder it runs in.
    command = ("-C", git.top, "merge-tree", "--write-tree", "-z", left, right)
    tree, *lines = git(*command, fine=(0, 1)).split("\0")
    unmerged = lines[: lines.index("")]
    stages: dict[str, set[str]] = {}
    for line in unmerged:
        entry, _, path = line.partition("\t")
        stages.setdefault(path, set()).add(entry[-1])
    # Stage 2 is the child's: without it, there is no file to edit, nothing to rename.
    left_out = [path for path, found in stages.items() if found == {"1", "3"}]
    if left_out:
        git.load(tree, child.name)
        git.remove(f"{child.name}/{path}" for path in left_out)
        tree = git.tree(child.name)
    conflicts = []
    for path, found in stages.items():
        file = f"{child.name}/{path}"
        if path in left_out:
            continue
        merged = git("cat-file", "blob", f"{tree}:{path}", fine=(0, 128))
        if places := _conflicting_lines(merged, left, right):
            conflicts.append(say("forward_lines", file=file, lines=", ".join(places)))
        elif found == {"1", "2"}:
            conflicts.append(say("forward_removed_there", file=file))
        else:
            conflicts.append(say("forward_other", file=file))
    listed = git("diff-tree", "-r", "-z", "--no-renames", "--name-status", ours, tree).split("\0")
    changes = dict(zip(listed[1::2], listed[0::2], strict=False))
    if conflicts:  # whoever resolves them by hand has the rest to do, too
        clean = sorted(changes.keys() - stages.keys())
        conflicts += [say("forward_waits", file=f"{child.name}/{path}") for path in clean]
    return _Merge(child, tree, changes, left_out, conflicts)


def _conflicting_lines(merged: str, left: str, right: str) -> list[str]:
    """Which lines of the child's file are in conflict, "12-14" each, from git's merged text."""
    places = []
    side, number, first = "both", 0, 0
    for line in merged.split("\n"):
        if line.startswith(f"<<<<<<< {left}"):
            side, first = "child", number + 1
        elif side == "child" and line == "=======":
            side = "parent"
            last = max(number, first)
            places.append(f"{first}-{last}" if last > first else f"{first}")
        elif line.startswith(f">>>>>>> {right}"):
            side = "both"
        elif side != "parent":
            number += 1
    return places


def _export(git: Checkout, merge: _Merge) -> Path:
    """Write the files that change into the scratch folder; returns where."""
    name = merge.child.name
    git.load(merge.tree, name)
    changed = (path for path, status in merge.changes.items() if status != "D")
    return git.export(name, (f"{name}/{path}" for path in changed))


def _write(merge: _Merge, folder: Path) -> None:
    """Put the exported files in place, each in one move; only then remove what goes."""
    for path, status in merge.changes.items():
        if status != "D":
            target = merge.child.path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / path, target)
    for path, status in merge.changes.items():
        if status == "D":
            gone = merge.child.path / path
            gone.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # a folder that is not empty stays
                while (gone := gone.parent) != merge.child.path:
                    gone.rmdir()


def _tell(merge: _Merge) -> None:
    if merge.conflicts:
        name = merge.child.name
        click.echo("\n".join([say("forward_conflict", name=name), *merge.conflicts]))
        click.echo(say("forward_next", name=name))
        return
    for path, status in sorted(merge.changes.items()):
        file = f"{merge.child.name}/{path}"
        if status == "A":
            click.echo(say("forward_added", file=file))
        elif status == "D":
            click.echo(say("forward_removed", file=file))
        else:
            click.echo(say("forward_changed", file=file))
    for path in merge.left_out:
        click.echo(say("forward_left_out", file=path, name=merge.child.name))
