"""What holds for the repository as a whole: its files, its locks, its Makefile."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from course import audit

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["course", "notebooks", "test", "audit"]
PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^\s;\\]+)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def files():
    """Every file of the repository, also those not committed yet."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True
    )
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def lock(name):
    """The versions in a lock, by package."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return {pin[1]: pin[2] for pin in PIN.finditer(text)}


def make(*arguments, **environment):
    """Run make as from a terminal, not as a part of the make that may run the tests."""
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )


def targets():
    """The targets that the Makefile offers."""
    makefile = (ROOT / "Makefile").read_text()
    return re.findall(r"^([a-z]+):.* ## ", makefile, re.MULTILINE)


def test_nothing_that_a_run_makes_is_part_of_the_repository():
    made = r"__pycache__|\.py[co]$|\.sqlite3$|\.rdb$|\.aof$|flower\.db|^site/|^\.venv/|^\.course/"
    names = [str(path.relative_to(ROOT)) for path in files()]
    assert [name for name in names if re.search(made, name)] == []


def test_no_file_is_over_400_kilobytes():
    assert [path for path in files() if path.stat().st_size > 400_000] == []


def test_no_file_of_the_course_is_over_300_lines():
    sizes = {path.name: path.read_text().count("\n") for path in ROOT.glob("course/*.py")}
    assert {name: size for name, size in sizes.items() if size > 300} == {}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_pins_with_hashes_and_has_no_address(name):
    lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
    pinned = hashed = False
    for line in lines:
        assert "://" not in line
        if line.startswith("#"):
            continue
        if PIN.fullmatch(line):
            assert hashed or not pinned, f"no hash before: {line}"
            pinned, hashed = True, False
        else:
            assert HASH.fullmatch(line), line
            hashed = True
    assert hashed


def test_each_lock_has_every_version_of_the_one_before_it():
    assert lock("course").items() <= lock("notebooks").items() <= lock("test").items()


def test_every_snapshot_allows_the_locked_versions():
    locked = lock("test")
    lists = [*ROOT.glob("lessons/*/requirements.txt"), *ROOT.glob("recipes/*/requirements.txt")]
    lists += [*ROOT.glob("*/*/tests/requirements.txt")]
    assert lists
    check = [(path, line) for path in lists for line in path.read_text().splitlines()]
    for path, line in check:
        if line and not line.startswith(("#", "-r")):
            wanted = Requirement(line)
            assert wanted.specifier.contains(locked[wanted.name]), f"{path}: {line}"


@pytest.mark.parametrize("name", LOCKS)
def test_pyproject_allows_the_locked_versions(name):
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"course": [], **about["dependency-groups"]}
    grouped = [one for one in groups[name] if isinstance(one, str)]  # others name a group
    wanted = grouped + (about["project"]["dependencies"] if name != "audit" else [])
    for one in map(Requirement, wanted):
        version = lock(name)[re.sub("[_.]", "-", one.name).lower()]
        assert one.specifier.contains(version), one


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [({}, []), ({"LANG": "fr_FR.UTF-8"}, []), ({"LANG": "fr_FR.UTF-8"}, ["IN=en"])],
)
def test_a_bare_make_lists_every_target(environment, arguments):
    listed = make(*arguments, **environment).stdout.splitlines()
    assert [line.split()[1] for line in listed] == targets()
    assert all(len(line.split()) > 3 for line in listed)


def test_the_help_is_in_the_locales_language_or_the_one_asked_for():
    english, french = make().stdout, make("IN=fr").stdout
    pairs = zip(english.splitlines(), french.splitlines(), strict=True)
    assert [one for one, other in pairs if one == other] == []
    assert make(LANG="fr_FR.UTF-8").stdout == french
    assert make(LANG="fr_FR.UTF-8", LANGUAGE="en").stdout == english


def test_every_target_is_phony():
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony and set(targets()) <= set(phony[1].split())


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["begin", "PROJECT=x"], "NAME=05"),
        (["begin", "NAME=05"], "PROJECT=~/mysite"),
        (["diff"], "NAME=05"),
        (["forward"], "NAME=05"),
    ],
)
def test_an_argument_left_out_is_told_at_once(arguments, missing):
    english, french = make("-n", *arguments), make("-n", *arguments, "IN=fr")
    assert english.returncode == french.returncode == 2
    assert f"*** say which: for example {missing}." in english.stderr
    assert f"*** ajoutez par exemple {missing}." in french.stderr
    assert english.stdout == ""  # not even the set-up was begun


def test_a_name_in_the_environment_is_not_taken_for_the_lesson():
    assert "DESKTOP" not in make("-n", "start", NAME="DESKTOP").stdout


def test_the_language_asked_for_reaches_set_up_and_course():
    planned = make("-n", "start", "IN=fr", "NAME=05").stdout
    assert "LANGUAGE=fr python3 course/setup.py\n" in planned
    assert ".venv/bin/course start --lang fr 05\n" in planned


def test_the_page_on_commands_names_every_target():
    page = (ROOT / "docs/en/commands.md").read_text()
    unnamed = [name for name in targets() if f"make {name}" not in page]
    assert unnamed in ([], ["help"])  # which a bare `make` is


def test_ci_runs_the_linters_and_the_readmes_test_command_and_nothing_else():
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert os.access(ROOT / ".ci/run", os.X_OK)
    calls = [line for line in script if not re.match(r"#|set -eu$|cd \"\$\(dirname|$", line)]
    assert calls == ["make lint", "make test"]
    readme = (ROOT / "README.md").read_text()
    assert "```console\nmake test\n```" in readme


# What `make audit` makes of pip-audit's answer.

GOOD = {"name": "sound", "version": "1", "vulns": []}
FLAW = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}
BAD = {"name": "weak", "version": "1", "vulns": [FLAW]}
SKIPPED = {"name": "odd", "skip_reason": "could not be audited"}


@pytest.mark.parametrize(
    ("locked", "answer", "status", "words"),
    [
        (["sound"], [GOOD], 0, "1 packages audited, no known vulnerability."),
        (["sound", "weak"], [GOOD, BAD], 1, "weak 1: PYSEC-1, CVE-1. Fixed in: 2."),
        (["sound", "odd"], [GOOD, SKIPPED], 1, "odd could not be audited"),
        (["sound", "forgotten"], [GOOD], 1, "forgotten could not be audited"),
        (["odd"], [SKIPPED], 3, "Not measured: "),
    ],
)
def test_the_audit_fails_on_a_flaw_and_on_a_package_not_audited(
    tmp_path, capsys, locked, answer, status, words
):
    (tmp_path / "lock.txt").write_text("".join(f"{name}==1 \\\n" for name in locked))
    program = f"print({json.dumps({'dependencies': answer})!r})"
    assert audit.audit(tmp_path / "lock.txt", ("-c", program)) == status
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("requests.exceptions.ProxyError: no way", 3, "Not measured: "),
        ("ERROR: the lock is not hashed", 2, "Error: ERROR: the lock is not hashed"),
    ],
)
def test_an_audit_without_an_answer_is_no_verdict(tmp_path, capsys, error, status, words):
    (tmp_path / "lock.txt").write_text("sound==1 \\\n")
    program = f"import sys; sys.exit({error!r})"
    assert audit.audit(tmp_path / "lock.txt", ("-c", program)) == status
    assert words in capsys.readouterr().out


def test_packages_for_other_machines_are_audited_too(tmp_path):
    (tmp_path / "lock.txt").write_text("sound==1 ; sys_platform == 'win32' \\\n")
    program = """
import json, pathlib, sys
assert ";" not in pathlib.Path(sys.argv[-1]).read_text()
print(json.dumps({"dependencies": [{"name": "sound", "version": "1", "vulns": []}]}))
"""
    assert audit.audit(tmp_path / "lock.txt", ("-c", program)) == 0
