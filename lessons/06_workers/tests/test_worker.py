"""The page and a real worker."""
import os
import signal

import pytest
from django.conf import settings

from myapp.models import Addition
from myapp.tasks import add

from .helpers import running_worker, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(scope='module', autouse=True)
def worker(broker):
    with running_worker(settings.BASE_DIR, '--concurrency=1'):
        yield


def test_a_task_is_followed_from_the_form_to_its_result(client, monkeypatch):
    # add.s() is add with an argument filled in: no need to wait 10 seconds here.
    monkeypatch.setattr('myapp.views.add', add.s(seconds=0.5))
    status_url = client.post('/add/', {'x': 4, 'y': 6}).json()['status_url']

    answers = [client.get(status_url).json()]
    while not answers[-1]['ready']:
        answers.append(client.get(status_url).json())

    assert 'STARTED' in [answer['state'] for answer in answers]
    assert answers[-1]['state'] == 'SUCCESS'
    assert answers[-1]['result'] == 10


def test_of_a_failure_a_visitor_sees_the_kind_of_error_and_no_more(client):
    result = add.delay('a secret', 6, seconds=0)
    Addition.objects.create(task_id=result.id, x=4, y=6)
    wait_until(result.ready)

    response = client.get(f'/tasks/{result.id}/')

    assert response.json() == {
        'task_id': result.id,
        'state': 'FAILURE',
        'ready': True,
        'error': 'TypeError',
    }


def test_a_task_whose_process_is_killed_is_done_all_the_same():
    result = add.delay(4, 6, seconds=1)
    wait_until(lambda: result.state == 'STARTED')

    os.kill(result.info['pid'], signal.SIGKILL)

    # The worker looks after its pool every 5 seconds, and waits 1 before it tries again.
    wait_until(lambda: result.state == 'RETRY')
    assert result.get(timeout=20) == 10
