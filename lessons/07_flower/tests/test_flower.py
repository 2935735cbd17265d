import json
from urllib.parse import urlsplit

import pytest

from myapp.tasks import add

from .helpers import ask, listens, running_flower, running_worker, wait_until

LOGIN = 'ada:a password'
WORKER = 'tests@localhost'


@pytest.fixture(scope='module')
def flower(project):
    with running_flower(project, LOGIN) as url:
        yield url


@pytest.fixture(scope='module')
def worker(project, flower):
    with running_worker(project, '--concurrency=1', f'--hostname={WORKER}') as process:
        # Flower heard of the worker: from now on, it hears of its tasks.
        wait_until(lambda: WORKER in ask(f'{flower}/workers?json=1', LOGIN)[1])
        yield process


def test_flower_listens_on_this_machine_only(flower):
    port = urlsplit(flower).port

    assert listens(port, '127.0.0.1')
    # On Linux all of 127.x.x.x is this machine: another address that it answers on.
    assert not listens(port, '127.0.0.2')


@pytest.mark.parametrize(
    'path', ['/', '/workers', '/tasks', '/tasks/datatable', '/broker', '/api/tasks']
)
def test_nothing_is_shown_without_the_password(flower, path):
    assert ask(flower + path)[0] == 401
    assert ask(flower + path, 'ada:another password')[0] == 401


@pytest.mark.parametrize('path', ['/', '/workers', '/tasks', '/broker', '/api/tasks'])
def test_with_the_password_it_is_shown(flower, path):
    assert ask(flower + path, LOGIN)[0] == 200


def test_nothing_is_done_without_the_password(flower):
    status, _ = ask(f'{flower}/api/worker/shutdown/{WORKER}', data=b'')

    assert status == 401


def test_a_task_appears_with_its_arguments_and_its_result(flower, worker):
    result = add.delay(4, 6, seconds=0)

    def seen():
        return json.loads(ask(f'{flower}/api/tasks', LOGIN)[1]).get(result.id, {})

    wait_until(lambda: seen().get('state') == 'SUCCESS')
    assert seen()['args'] == '(4, 6)'
    assert seen()['result'] == '10'
    # Flower knows when it was put in the queue as well.
    assert seen()['sent']


def test_the_pool_of_a_worker_is_grown_in_flower(flower, worker):
    def processes():
        # With refresh, Flower asks the worker at once.
        workers = json.loads(ask(f'{flower}/api/workers?refresh=1', LOGIN)[1])
        pool = workers.get(WORKER, {}).get('stats', {}).get('pool', {})
        return pool.get('processes', [])

    wait_until(lambda: len(processes()) == 1)

    status, _ = ask(f'{flower}/api/worker/pool/grow/{WORKER}?n=1', LOGIN, b'')

    assert status == 200
    wait_until(lambda: len(processes()) == 2)


def test_a_running_task_is_revoked_in_flower(flower, worker):
    result = add.delay(4, 6, seconds=20)
    wait_until(lambda: result.state == 'STARTED')

    status, _ = ask(f'{flower}/api/task/revoke/{result.id}?terminate=true', LOGIN, b'')

    assert status == 200
    wait_until(lambda: result.state == 'REVOKED')
