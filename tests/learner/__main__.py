"""For authors: `.venv/bin/python -m tests.learner PAGE.html 05 en [--probe] [--other FR.html]`."""

import argparse
import sys
from pathlib import Path

from course import catalogue

from .blocks import PageError, differences, parse
from .run import describe, follow, page_name


def main() -> int:
    """Follow one page; prints each block when it is done. Exit status 0, or 1 at a failure."""
    parser = argparse.ArgumentParser(prog="tests.learner", description=__doc__)
    parser.add_argument("page", type=Path, help="the built page")
    parser.add_argument("lesson", help="its snapshot: 05")
    parser.add_argument("language", choices=["en", "fr"])
    parser.add_argument("--probe", action="store_true", help="put the learner to the test as well")
    parser.add_argument("--other", type=Path, help="the same page in the other language")
    arguments = parser.parse_args()
    snapshot = catalogue.find(arguments.lesson)
    if arguments.other:
        names = [page_name(snapshot, arguments.language), "the other language"]
        try:
            pages = [
                parse(path.read_text(encoding="utf-8"), name)
                for path, name in zip((arguments.page, arguments.other), names, strict=True)
            ]
        except PageError as error:
            print(error)
            return 1
        if found := list(differences(*pages)):
            print("\n".join(found))
            return 1
    report = follow(
        arguments.page,
        snapshot,
        arguments.language,
        arguments.probe,
        lambda entry: print(describe(entry), flush=True),
    )
    for failure in report.failures:
        print(f"\n{failure}")
    tested = f"; {report.probes} alterations refused" if arguments.probe else ""
    print(f"\n{len(report.failures)} failure(s)" if report.failures else f"\nOK{tested}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
