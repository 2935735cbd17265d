"""Are there known vulnerabilities in what requirements/test.txt locks? Run by `make audit`.

pip-audit by itself ends with 0 although it "could not audit" a package; here such a
package is a failure, and an advisory service out of reach is no verdict at all.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from course.messages import say

LOCK = Path(__file__).resolve().parent.parent / "requirements" / "test.txt"
CLEAN, FAILED, BROKEN, UNMEASURED = 0, 1, 2, 3
UNREACHABLE = re.compile(r"Could not connect|requests\.exceptions|ConnectionError|Timeout")


def audit(lock: Path = LOCK, pip_audit: tuple[str, ...] = ("-m", "pip_audit")) -> int:
    """Audit every package of a lock, whatever machine it is for; returns the exit status.

    0: none is known to be vulnerable. 1: one is, or could not be audited.
    2: pip-audit failed. 3: the advisory service is out of reach: not measured.
    """
    pins = re.sub(r" ;[^\\\n]*", " ", lock.read_text())
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(pins)
        file.flush()
        options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off"]
        options += ["--format", "json", "--desc", "off", "--requirement", file.name]
        done = subprocess.run(
            [sys.executable, *pip_audit, *options], capture_output=True, text=True
        )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return _without_answer(done.stderr)
    audited = {package["name"] for package in packages}
    for name in sorted(set(re.findall(r"^([\w.-]+)==", pins, re.MULTILINE)) - audited):
        packages.append({"name": name, "skip_reason": "pip-audit"})
    return _verdict(packages)


def _without_answer(errors: str) -> int:
    last = (errors.strip().splitlines() or [""])[-1]
    if UNREACHABLE.search(errors):
        print(say("audit_unmeasured", why=last))
        return UNMEASURED
    print(say("error", what=last))
    return BROKEN


def _verdict(packages: list[dict[str, Any]]) -> int:
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        print(say("audit_unmeasured", why=say("audit_none")))
        return UNMEASURED
    found = [(package, one) for package in packages for one in package.get("vulns", ())]
    for package in skipped:
        print(say("audit_skipped", name=package["name"], why=package["skip_reason"]))
    for package, one in found:
        ids = ", ".join([one["id"], *one.get("aliases", ())])
        fixed = ", ".join(one["fix_versions"]) or "?"
        name, version = package["name"], package["version"]
        print(say("audit_found", name=name, version=version, ids=ids, fixed=fixed))
    if found or skipped:
        return FAILED
    print(say("audit_clean", count=len(packages)))
    return CLEAN


if __name__ == "__main__":
    sys.exit(audit())
