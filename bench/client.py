"""A client as light as can be, so that what is timed is the server."""

import re
import socket
import time
import urllib.request

from bench.figures import NotMeasured


class Client:
    """One connection to a server on this machine, kept open."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> float:
        """Send a request and read the answer; returns the seconds. Raises NotMeasured."""
        start = time.perf_counter()
        self._socket.sendall(request)
        answer = b""
        while not _whole(answer):
            part = self._socket.recv(65536)
            if not part:
                raise NotMeasured(f"the server closed the connection after {answer!r}")
            answer += part
        seconds = time.perf_counter() - start
        if not answer.startswith(b"HTTP/1.1 20"):
            raise NotMeasured(f"the server answered {answer[:300]!r}")
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(separator) and (length is None or len(body) >= int(length[1]))


def form(port: int, path: str, fields: str, token: str) -> bytes:
    """The request that posts a form, with its protection against CSRF."""
    body = f"csrfmiddlewaretoken={token}&{fields}"
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Cookie: csrftoken={token}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", body]).encode()


def csrf_token(port: int) -> str:
    """The token that the page with the form gives; good for every view. Raises NotMeasured."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        cookie = re.search(r"csrftoken=(\w+)", answer.headers.get("Set-Cookie", ""))
    if not cookie:
        raise NotMeasured("the page with the form sets no csrftoken cookie")
    return cookie[1]
