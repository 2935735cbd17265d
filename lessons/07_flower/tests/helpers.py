import base64
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def wait_until(condition, seconds=30):
    """Look again and again: quicker and surer than to sleep for a while."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'not in {seconds} seconds'
        time.sleep(0.02)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def listens(port, address='127.0.0.1'):
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


def ask(url, login=None, data=None):
    """What Flower answers: the status and the text. With data it is a POST."""
    request = Request(url, data=data)
    if login:
        encoded = base64.b64encode(login.encode()).decode()
        request.add_header('Authorization', f'Basic {encoded}')
    try:
        response = urlopen(request, timeout=20)
    except HTTPError as error:
        response = error
    with response:
        return response.status, response.read().decode()


@contextmanager
def running_worker(project, *options):
    """Run a real worker from when it is ready, and end it afterwards."""
    with tempfile.NamedTemporaryFile() as log:
        # Without a look around for other workers, it starts quicker.
        process = subprocess.Popen(
            [sys.executable, '-m', 'celery', '-A', 'myproject', 'worker']
            + ['--loglevel=info', '--without-mingle', *options],
            cwd=project,
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
def running_flower(project, login=None):
    """Run Flower from when it answers, and end it afterwards."""
    port = free_port()
    environment = {**os.environ, 'FLOWER_PORT': str(port)}
    environment.pop('FLOWER_BASIC_AUTH', None)
    if login:
        environment['FLOWER_BASIC_AUTH'] = login
    # The folder is a copy of the project: Flower keeps its history there.
    log = project / 'flower.log'
    with log.open('w') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', 'celery', '-A', 'myproject', 'flower'],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield f'http://127.0.0.1:{port}'
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
