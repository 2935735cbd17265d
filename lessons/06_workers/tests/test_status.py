import uuid

import pytest

from myapp.models import Addition
from myapp.tasks import add

# No worker runs in these tests: a task that is issued waits.
pytestmark = pytest.mark.django_db


@pytest.fixture
def users(django_user_model):
    return [django_user_model.objects.create(username=name) for name in ('ada', 'bob')]


def test_the_answer_says_where_to_ask_for_the_state(client):
    answer = client.post('/add/', {'x': 4, 'y': 6}).json()

    assert answer['status_url'] == f'/tasks/{answer["task_id"]}/'


def test_a_task_that_waits_is_pending(client):
    answer = client.post('/add/', {'x': 4, 'y': 6}).json()

    response = client.get(answer['status_url'])

    assert response.status_code == 200
    assert response.json() == {
        'task_id': answer['task_id'],
        'state': 'PENDING',
        'ready': False,
    }
    assert 'no-store' in response['Cache-Control']


def test_an_id_that_was_never_issued_is_not_found(client):
    response = client.get(f'/tasks/{uuid.uuid4()}/')

    assert response.status_code == 404
    assert response.json() == {'error': 'There is no such task.'}


def test_what_is_no_id_is_not_found(client):
    assert client.get('/tasks/nonsense/').status_code == 404


def test_a_task_of_somebody_else_is_not_found(client, users):
    ada, bob = users
    client.force_login(ada)
    status_url = client.post('/add/', {'x': 4, 'y': 6}).json()['status_url']
    assert client.get(status_url).status_code == 200

    client.force_login(bob)
    assert client.get(status_url).status_code == 404

    client.logout()
    assert client.get(status_url).status_code == 404


def test_a_task_of_nobody_is_not_found_by_somebody(client, users):
    status_url = client.post('/add/', {'x': 4, 'y': 6}).json()['status_url']
    assert client.get(status_url).status_code == 200

    client.force_login(users[0])
    assert client.get(status_url).status_code == 404


def test_a_task_that_was_not_asked_for_in_the_page_is_not_found(client):
    result = add.delay(4, 6)

    assert client.get(f'/tasks/{result.id}/').status_code == 404
    assert not Addition.objects.exists()


def test_a_state_is_only_to_be_read(client):
    status_url = client.post('/add/', {'x': 4, 'y': 6}).json()['status_url']

    assert client.post(status_url).status_code == 405
