import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def wait_until(condition, seconds=30):
    """Look again and again: quicker and surer than to sleep for a while."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'not in {seconds} seconds'
        time.sleep(0.02)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', port)) == 0


@contextmanager
def running_worker(project, *options, settings='myproject.settings'):
    """Run a real worker from when it is ready, and end it afterwards."""
    with tempfile.NamedTemporaryFile() as log:
        # Without a look around for other workers, it starts quicker.
        process = subprocess.Popen(
            [sys.executable, '-m', 'celery', '-A', 'myproject', 'worker']
            + ['--loglevel=info', '--without-mingle', *options],
            cwd=project,
            env={**os.environ, 'DJANGO_SETTINGS_MODULE': settings},
            stdout=log,
            stderr=subprocess.STDOUT,
            # A group of its own: the worker and the processes of its pool.
            start_new_session=True,
        )
        try:
            output = Path(log.name)
            wait_until(lambda: ' ready.' in output.read_text() or process.poll() is not None)
            assert process.poll() is None, output.read_text()
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def running(command, port, **options):
    """Run a command from when it listens on its port, and end it afterwards."""
    process = subprocess.Popen([sys.executable, *command], **options)
    try:
        wait_until(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, f'{command} ended'
        yield process
    finally:
        process.kill()
        process.wait()
