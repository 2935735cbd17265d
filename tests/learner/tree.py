"""The learner's project as a set of files: read, changed by a block, judged at the end."""

import difflib
import os
import re
import shutil
from pathlib import Path, PurePosixPath

from course import catalogue

from .blocks import Block
from .patches import PatchError, apply

Tree = dict[str, bytes]

# What `startproject` makes up in settings.py, another one every time or with every Django 5.2.x.
_MADE_UP = [
    (re.compile(rb"""(?m)^SECRET_KEY = (["']).*\1$"""), b"SECRET_KEY = ''"),
    (re.compile(rb"(?m)(startproject' using Django \d+\.\d+)\.\d+\.$"), rb"\1."),
]


def snapshot_tree(snapshot: catalogue.Snapshot | None) -> Tree:
    """What a learner has written at the end of a lesson; nothing before the first."""
    if snapshot is None:
        return {}
    paths = snapshot.learners_files()
    return {str(path): (snapshot.path / path).read_bytes() for path in paths}


def read(project: Path) -> Tree:
    """The files of a project, without what runs make in it."""
    tree = {}
    for folder, folders, files in os.walk(project):
        folders[:] = [name for name in folders if not catalogue.made_by_a_run(PurePosixPath(name))]
        for file in files:
            path = Path(folder, file)
            inside = PurePosixPath(path.relative_to(project))
            if not catalogue.made_by_a_run(inside):
                tree[str(inside)] = path.read_bytes()
    return tree


def write(project: Path, before: Tree, after: Tree) -> list[str]:
    """Make the files of `project`, which are `before`, those of `after`; returns what changed."""
    changed = [path for path in sorted({**before, **after}) if before.get(path) != after.get(path)]
    for path in changed:
        file = project / path
        # Python trusts a compiled file that is as old, to the second, and as long as its source.
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            compiled.unlink()
        if path in after:
            file.parent.mkdir(parents=True, exist_ok=True)
            mode = file.stat().st_mode if file.exists() else None
            file.write_bytes(after[path])
            if mode is not None:
                file.chmod(mode)
        else:
            file.unlink()
    for path in changed:
        _remove_empty(project / path, project)
    return changed


def _remove_empty(path: Path, project: Path) -> None:
    for folder in path.parents:
        if folder == project or not folder.is_dir():
            return
        if any(entry.name != "__pycache__" for entry in folder.iterdir()):
            return
        shutil.rmtree(folder)


def follow(tree: Tree, block: Block, writers: dict[str, str]) -> Tree:
    """The tree after a "file" or "change" block, which becomes its file's writer.

    Raises PatchError.
    """
    path = str(PurePosixPath(block.title or ""))
    after = dict(tree)
    contents: bytes | None = block.text.encode()
    if block.kind == "change":
        try:
            contents = apply(block.text, tree.get(path))
        except PatchError as error:
            writer = f"; {writers[path]} wrote the file" if path in writers else ""
            raise PatchError(f"{error}{writer}") from None
    writers[path] = str(block)
    if contents is None:
        del after[path]
    else:
        after[path] = contents
    return after


def judge(tree: Tree, wanted: Tree, writers: dict[str, str]) -> list[str]:
    """How the tree differs from the one of the snapshot, a message for each file.

    writers: the name of the block that wrote a file last.
    """
    failures = []
    for path in sorted({*tree, *wanted}):
        writer = f"{writers[path]} wrote it" if path in writers else "no block writes it"
        if path not in tree:
            failures.append(f"{path}: missing at the end; {writer}")
        elif path not in wanted:
            failures.append(f"{path}: the snapshot has no such file; {writer}")
        elif (has := _comparable(path, tree[path])) != (is_to := _comparable(path, wanted[path])):
            difference = _difference(has, is_to)
            failures.append(f"{path}: not as in the snapshot; {writer}\n{difference}")
    return failures


def _comparable(path: str, contents: bytes) -> bytes:
    if PurePosixPath(path).name == "settings.py":
        for pattern, replacement in _MADE_UP:
            contents = pattern.sub(replacement, contents)
    return contents


def _difference(actual: bytes, wanted: bytes) -> str:
    lines = [text.decode(errors="replace").splitlines() for text in (actual, wanted)]
    diff = list(difflib.unified_diff(*lines, "the project", "the snapshot", "", "", 1, ""))
    return "\n".join(f"    {line}" for line in diff[:20]) or "    (line ends differ)"
