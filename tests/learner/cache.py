"""Results that depend on nothing but content: kept, and used again while nothing has changed."""

import fcntl
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course.catalogue import ROOT, Snapshot

from .blocks import Block
from .tree import snapshot_tree

CACHE = ROOT / ".course" / "cache" / "learner"


def key(blocks: list[Block], snapshot: Snapshot, *rest: object) -> str:
    """A hash of all that a run depends on. The prose between the blocks is not part of it."""
    files = [ROOT / "Makefile", ROOT / "requirements" / "course.txt"]
    files += [path for kind in ("py", "toml") for path in (ROOT / "course").rglob(f"*.{kind}")]
    files += Path(__file__).parent.glob("*.py")
    digest = hashlib.sha256()
    for part in (
        [block.key() for block in blocks],
        sorted(snapshot_tree(snapshot.base).items()),
        sorted(snapshot_tree(snapshot).items()),
        [(str(path.relative_to(ROOT)), path.read_bytes()) for path in sorted(files)],
        sys.version,
        rest,
    ):
        digest.update(repr(part).encode())
    return digest.hexdigest()


def once(
    key: str, do: Callable[[], dict[str, Any]], again: bool = False
) -> tuple[dict[str, Any], bool]:
    """What `do` gives, and whether it was kept from before. What raises is not kept.

    again: do it in any case.
    Of several processes that ask, one does it and the others wait.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{key}.json"
    with (CACHE / f"{key[:2]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists() and not again:
            os.utime(path)
            return json.loads(path.read_text()), True
        result = do()
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(result))
        whole.replace(path)
        _forget()
        return result, False


def _forget() -> None:
    """Remove what nobody has asked for in a month."""
    for path in CACHE.glob("*.json"):
        if time.time() - path.stat().st_mtime > 30 * 24 * 3600:
            path.unlink(missing_ok=True)
