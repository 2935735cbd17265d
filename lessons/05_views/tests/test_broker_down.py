"""A real web server, and a broker and a result store that are taken away from it."""
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

REDIS = urlsplit(os.environ['CELERY_BROKER_URL'])
SORRY = (
    'The task queue cannot be reached. The task may have been queued all the same. '
    'Please try again later.'
)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', port)) == 0


@contextmanager
def running(command, port, **options):
    """Run a command from when it listens on its port, and end it afterwards."""
    process = subprocess.Popen([sys.executable, *command], **options)
    try:
        deadline = time.monotonic() + 30
        while not listens(port):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def running_proxies(ports):
    """Redis answers on these ports, which are all that the web server knows of it."""
    script = Path(__file__).with_name('proxy.py')
    redis = [REDIS.hostname, str(REDIS.port or 6379)]
    with ExitStack() as stack:
        yield [
            stack.enter_context(running([script, str(port), *redis], port))
            for port in ports
        ]


@pytest.fixture(scope='module')
def ports():
    return {'broker': free_port(), 'results': free_port()}


@contextmanager
def running_server(project, ports):
    login, at, _ = REDIS.netloc.rpartition('@')
    broker, results = (
        REDIS._replace(netloc=f'{login}{at}127.0.0.1:{port}').geturl()
        for port in ports.values()
    )
    environment = {
        **os.environ,
        'CELERY_BROKER_URL': broker,
        'CELERY_RESULT_BACKEND': results,
    }
    port = free_port()
    command = ['manage.py', 'runserver', '--noreload', str(port)]
    with (project / 'server.log').open('a') as log:
        with running(command, port, cwd=project, env=environment, stdout=log, stderr=log):
            yield f'http://127.0.0.1:{port}'


@pytest.fixture(scope='module')
def server(project, ports):
    migrate = [sys.executable, 'manage.py', 'migrate', '--verbosity=0']
    subprocess.run(migrate, cwd=project, check=True)
    with running_server(project, ports) as url:
        yield url


def post_add(server):
    """Send the form as a browser does."""
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    browser.open(server).close()
    [token] = [cookie.value for cookie in cookies if cookie.name == 'csrftoken']
    data = urlencode({'x': 4, 'y': 6, 'csrfmiddlewaretoken': token}).encode()

    started = time.monotonic()
    try:
        response = browser.open(f'{server}/add/', data, timeout=20)
    except HTTPError as error:
        response = error
    with response:
        return response.status, json.load(response), time.monotonic() - started


def count_rows(project):
    with closing(sqlite3.connect(project / 'db.sqlite3')) as database:
        return database.execute('SELECT count(*) FROM myapp_addition').fetchone()[0]


def check_sorry(server, project):
    rows = count_rows(project)

    status, answer, seconds = post_add(server)

    assert status == 503
    assert answer == {'error': SORRY}
    assert seconds < 2
    assert count_rows(project) == rows


# One Redis is often both, but need not be.
@pytest.mark.parametrize('down', [['broker'], ['results'], ['broker', 'results']])
def test_what_refuses_costs_a_visitor_less_than_two_seconds(server, project, ports, down):
    with running_proxies(ports.values()):
        assert post_add(server)[0] == 202

    with running_proxies(ports[name] for name in ports if name not in down):
        check_sorry(server, project)

    with running_proxies(ports.values()):
        assert post_add(server)[0] == 202


@pytest.mark.parametrize('down', [['broker'], ['results'], ['broker', 'results']])
def test_what_never_answers_costs_a_visitor_less_than_two_seconds(
    server, project, ports, down
):
    with running_proxies(ports.values()) as proxies:
        assert post_add(server)[0] == 202

        silenced = [proxy for name, proxy in zip(ports, proxies) if name in down]
        for proxy in silenced:
            proxy.send_signal(signal.SIGSTOP)
        check_sorry(server, project)

        for proxy in silenced:
            proxy.send_signal(signal.SIGCONT)
        assert post_add(server)[0] == 202


def test_a_broker_that_was_never_there_costs_a_visitor_less_than_two_seconds(
    server, project, ports
):
    with (
        running_proxies([ports['results']]),
        running_server(project, ports) as another_server,
    ):
        check_sorry(another_server, project)
