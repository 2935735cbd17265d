"""One step: what it saw, or the error that ended it, is written to a file."""

import faulthandler
import importlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from course_probe.errors import described

# What a project may write: an endless print must not fill the disk.
_MOST_WRITTEN = 50_000_000

# A project may replace what it likes.
_dumps = json.dumps


def main() -> None:
    """Do the step. The process ends at once afterwards, whatever threads still run."""
    step, asked, answer = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN, _MOST_WRITTEN))
    request: dict[str, Any] = json.loads(asked.read_text(encoding="utf-8"))
    # Where it hangs, if it does; the file stays open until then.
    hanging = answer.with_suffix(".hangs").open("w")
    faulthandler.dump_traceback_later(request["seconds"], file=hanging, exit=True)
    module, _, function = step.partition(".")
    seen: dict[str, Any] = {}
    try:
        getattr(importlib.import_module(f"course_probe.{module}"), function)(request, seen)
    except BaseException as error:
        seen["error"] = described(error, Path(request["folder"]))
    unfinished = answer.with_suffix(".new")
    unfinished.write_text(_dumps(seen, default=repr, skipkeys=True), encoding="utf-8")
    unfinished.rename(answer)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


main()
