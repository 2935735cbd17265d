"""A real web server, and a result store that is taken away from it."""
import json
import os
import signal
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from .helpers import free_port, running

RESULTS = urlsplit(os.environ['CELERY_RESULT_BACKEND'])
SORRY = 'The result store cannot be reached. Please try again later.'


@pytest.fixture
def proxy_port():
    return free_port()


@pytest.fixture
def server(project, proxy_port):
    migrate = [sys.executable, 'manage.py', 'migrate', '--verbosity=0']
    subprocess.run(migrate, cwd=project, check=True)

    login, at, _ = RESULTS.netloc.rpartition('@')
    url = RESULTS._replace(netloc=f'{login}{at}127.0.0.1:{proxy_port}').geturl()
    environment = {**os.environ, 'CELERY_RESULT_BACKEND': url}
    port = free_port()
    command = ['manage.py', 'runserver', '--noreload', str(port)]
    with running(command, port, cwd=project, env=environment):
        yield f'http://127.0.0.1:{port}'


def running_proxy(port):
    """The only way to the results that the web server knows."""
    script = Path(__file__).with_name('proxy.py')
    redis = [RESULTS.hostname, str(RESULTS.port or 6379)]
    return running([script, str(port), *redis], port)


def issue_task(server):
    """Send the form as a browser does."""
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    browser.open(server).close()
    [token] = [cookie.value for cookie in cookies if cookie.name == 'csrftoken']
    data = urlencode({'x': 4, 'y': 6, 'csrfmiddlewaretoken': token}).encode()
    with browser.open(f'{server}/add/', data, timeout=20) as response:
        return server + json.load(response)['status_url']


def get_state(status_url):
    started = time.monotonic()
    try:
        response = build_opener().open(status_url, timeout=20)
    except HTTPError as error:
        response = error
    with response:
        return response.status, json.load(response), time.monotonic() - started


def check_sorry(status_url):
    status, answer, seconds = get_state(status_url)

    assert status == 503
    assert answer == {'error': SORRY}
    assert seconds < 2


def test_while_the_result_store_is_down_a_visitor_waits_less_than_two_seconds(
    server, proxy_port
):
    with running_proxy(proxy_port) as proxy:
        status_url = issue_task(server)
        assert get_state(status_url)[0] == 200

        # It accepts, and never answers.
        proxy.send_signal(signal.SIGSTOP)
        check_sorry(status_url)

        proxy.send_signal(signal.SIGCONT)
        assert get_state(status_url)[0] == 200

    # It refuses.
    check_sorry(status_url)

    with running_proxy(proxy_port):
        assert get_state(status_url)[0] == 200
