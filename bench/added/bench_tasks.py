"""A task that does nothing but note when it ran, in an append-only file."""

import functools
import os
import struct
import time

from celery import shared_task

RECORD = struct.Struct("dd")


@functools.cache
def record():
    """The file, opened once in each process of the pool."""
    return os.open(os.environ["BENCH_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@shared_task(name="bench.nothing")
def nothing():
    """Note start and end, in one write: such writes do not mix."""
    file = record()
    start = time.monotonic()
    os.write(file, RECORD.pack(start, time.monotonic()))
