"""Which ports of this machine are free."""

import errno
import socket

from course.messages import say


def is_free(port: int) -> bool:
    """Whether nothing on this machine answers or listens on this port."""
    with socket.socket() as probe:
        # As servers do: an earlier run's closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port(preferred: int = 0) -> int:
    """The first free port from `preferred` on; 0: any. Raises OSError if 100 are taken."""
    if not preferred:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port
    for port in range(preferred, min(preferred + 100, 65536)):
        if is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, say("no_free_port", first=preferred))
