"""A run, inside its namespaces: `python -m tests.learner.inside FOLDER [follow]`.

First as root of a user namespace, with a network, processes and mounts of its own; then, since
a learner is not root, as somebody else in a second user namespace.
"""

import fcntl
import json
import os
import socket
import struct
import sys
import threading
from pathlib import Path

LEARNER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


def begin(folder: Path) -> int:
    """The first process of all: sets up, then takes in the processes that nobody else does."""
    with socket.socket() as any_socket:
        name = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, name))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))
    (folder / "begun").touch()
    follower = os.fork()
    if follower == 0:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        module = [sys.executable, "-m", "tests.learner.inside", str(folder), "follow"]
        os.execvp(LEARNER[0], [*LEARNER, *module])
    threading.Thread(target=_until_alone, daemon=True).start()
    while True:
        ended, status = os.wait()
        if ended == follower:
            return os.waitstatus_to_exitcode(status)


def _until_alone() -> None:
    # The other end closes when the one who started the run has ended, however it ended; with
    # us, the first process of the namespace, all others end.
    os.read(0, 1)
    os._exit(1)


def follow(folder: Path) -> int:
    """Follow the page; prints a line of JSON for each block and leaves a report."""
    from course.catalogue import Snapshot

    from .blocks import Block
    from .follower import Follower, Place

    job = json.loads((folder / "job.json").read_text())
    environment = job["environment"]
    os.environ.clear()
    os.environ.update(environment)
    follower = Follower(
        Place(folder / "home", folder / "scratch", environment),
        [Block(**block) for block in job["blocks"]],
        Snapshot(Path(job["snapshot"])),
        job["probe"],
        lambda entry: print(json.dumps(entry), flush=True),
    )
    follower.follow()
    report = {"failures": follower.failures, "probes": follower.probes}
    (folder / "report.json").write_text(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit((follow if "follow" in sys.argv[2:] else begin)(Path(sys.argv[1])))
