"""What `diff` and `forward` ask git, and where git may write for it."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from course.catalogue import Snapshot
from course.cli import CourseError
from course.messages import say

# The user's configuration must not change what is compared, nor where git writes.
_SETTINGS = (
    *("-c", "core.quotePath=false"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.splitIndex=false"),
    *("-c", "merge.renames=true"),
    *("-c", "merge.directoryRenames=conflict"),
)

# A step's own, inside a snapshot; everything else is carried on.
_STEPS_OWN = re.compile(r"lesson\.toml$|steps/|tests/(.*/)?test_[^/]*\.py$")


class Git:
    """Calls git in a folder, deaf to the caller's GIT_ variables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.environment = {**kept, "LC_ALL": "C"}

    def __call__(
        self,
        *arguments: str,
        paths: Iterable[str] = (),
        fine: tuple[int, ...] = (0,),
        fault: str = "git_failed",
    ) -> str:
        """What git prints, given `paths` as its input.

        Raises CourseError when there is no git, or when its exit status is not `fine`;
        `fault` is the key of the message then.
        """
        command = ["git", *_SETTINGS, *arguments]
        data = os.fsencode("".join(f"{path}\0" for path in paths))
        try:
            ended = subprocess.run(
                command, input=data, capture_output=True, cwd=self.folder, env=self.environment
            )
        except FileNotFoundError:
            raise CourseError(say("git_missing")) from None
        if ended.returncode not in fine:
            said = os.fsdecode(ended.stderr).strip().partition("\n")[0]
            raise CourseError(say(fault, folder=self.folder, what=said))
        return os.fsdecode(ended.stdout)


class Checkout(Git):
    """The git checkout that holds `root`: read, never written; git writes into `scratch`.

    Raises CourseError when it is none, has no commit yet or is in the middle of a merge.
    """

    def __init__(self, root: Path, scratch: Path) -> None:
        super().__init__(root)
        for role in ("AUTHOR", "COMMITTER"):  # a fresh machine has none configured
            self.environment |= {f"GIT_{role}_NAME": "course", f"GIT_{role}_EMAIL": "course"}
        found = re.search(r"(\d+)\.(\d+)", version := self("--version").strip())
        if not found or (int(found[1]), int(found[2])) < (2, 38):  # merge-tree --write-tree
            raise CourseError(say("git_old", found=version))
        self("rev-parse", "--git-dir", fault="git_no_checkout")
        self("rev-parse", "--verify", "HEAD", fault="git_no_commit")
        if unmerged := self("ls-files", "--unmerged", "-z"):
            file = unmerged.split("\0")[0].partition("\t")[2]
            raise CourseError(say("git_unmerged", file=file))
        self._prefix = self("rev-parse", "--show-prefix").strip("\n")
        self.top = self("rev-parse", "--show-toplevel").strip("\n")
        self._scratch = scratch
        objects = self("rev-parse", "--path-format=absolute", "--git-path", "objects")
        (scratch / "objects" / "info").mkdir(parents=True)
        (scratch / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects))
        self.environment["GIT_OBJECT_DIRECTORY"] = str(scratch / "objects")
        self.environment["GIT_INDEX_FILE"] = str(scratch / "index")

    def trees(self, snapshots: list[Snapshot]) -> tuple[dict[str, str], dict[str, str]]:
        """By name, what of each is carried on: in the last commit (if there), and now."""
        self("read-tree", "HEAD")
        folders = [snapshot.name for snapshot in snapshots]
        known = ("ls-files", "-z", "--cached", "--exclude-standard")
        tracked = set(self(*known, "--", *folders).split("\0")[:-1])
        unignored = self(*known, "--others", "--", *folders).split("\0")
        there = {f"{it.name}/{path}" for it in snapshots for path in it.files()} & set(unignored)
        steps_own = {path for path in tracked | there if _is_steps_own(path)}
        self.remove(steps_own & tracked)
        before = {name: self.tree(name) for name in folders if self("ls-files", "--", name)}
        self.remove(tracked - there)
        self("update-index", "--add", "-z", "--stdin", paths=there - steps_own)
        now = {name: self.tree(name) for name in folders}
        return before, now

    def remove(self, paths: Iterable[str]) -> None:
        """Take `paths` out of the scratch index."""
        self("update-index", "--force-remove", "-z", "--stdin", paths=paths)

    def tree(self, name: str) -> str:
        """The id of the folder `name` in the scratch index; of an empty tree if it is not there."""
        if self("ls-files", "--", name):
            return self("write-tree", f"--prefix={self._prefix}{name}/").strip()
        return self("mktree").strip()

    def load(self, tree: str, name: str) -> None:
        """Make the scratch index hold `tree` as the folder `name` and nothing else."""
        self("read-tree", "--empty")
        self("read-tree", f"--prefix={self._prefix}{name}/", tree)

    def export(self, name: str, paths: Iterable[str]) -> Path:
        """Write the scratch index's `paths` as files; returns the folder that stands for `name`."""
        folder = self._scratch / "files"
        self("checkout-index", "-z", "--stdin", f"--prefix={folder}/", paths=paths)
        return folder / self._prefix / name


def _is_steps_own(path: str) -> bool:
    """`path` is "lessons/05_views/…"."""
    return bool(_STEPS_OWN.match(path.split("/", 2)[2]))
