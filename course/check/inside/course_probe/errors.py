"""An exception as data: what it is, and where in the learner's files it came up."""

import sys
import traceback
from pathlib import Path
from typing import Any


def described(error: BaseException, folder: Path) -> dict[str, Any]:
    """Type, message, the frames in `folder` (outermost first), and details by kind."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        if inside := within(frame.filename, folder):
            frames.append({"file": inside, "line": frame.lineno or 0, "function": frame.name})
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "frames": frames,
        "ours": _ours(error),
        "name": getattr(error, "name", None),
        "path": within(getattr(error, "path", None) or "", folder),
    }
    if isinstance(error, SyntaxError):
        found["syntax"] = {
            "file": within(error.filename or "", folder),
            "line": error.lineno or 0,
            "text": (error.text or "").strip(),
            "what": error.msg,
        }
    if isinstance(error, SystemExit):
        found["code"] = error.code
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        found["cause"] = described(cause, folder)
    return found


def _ours(error: BaseException) -> bool:
    """Whether it was raised in this package: no fault of the learner's."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).parent == Path(__file__).parent


def within(path: str, folder: Path) -> str | None:
    """The path relative to `folder`; None outside it, and for environments in it."""
    if path.startswith("<"):  # <frozen importlib._bootstrap>, <string>
        return None
    try:
        inside = Path(path).resolve().relative_to(folder)
    except (OSError, ValueError):
        return None
    return None if "site-packages" in inside.parts else str(inside)


def caller(folder: Path) -> dict[str, Any] | None:
    """The innermost line of the learner's own that led here."""
    frame = sys._getframe(1)
    while frame:
        if inside := within(frame.f_code.co_filename, folder):
            return {
                "file": inside,
                "line": frame.f_lineno,
                "function": frame.f_code.co_name,
            }
        frame = frame.f_back  # type: ignore[assignment]
    return None
