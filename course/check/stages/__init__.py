"""What must hold at each stage: a module for each, with `reach(check)`."""

import importlib
from typing import TYPE_CHECKING

from course.catalogue import Snapshot

if TYPE_CHECKING:
    from course.check.check import Check


def reach(stage: Snapshot, check: "Check") -> None:
    """Make the checks of one stage, in order. Raises NotYet at the first that fails."""
    name = stage.path.name.lstrip("0123456789_")
    importlib.import_module(f"course.check.stages.{name}").reach(check)
