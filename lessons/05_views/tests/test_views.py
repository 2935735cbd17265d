import json

import pytest
from django.test import Client

from myapp.models import Addition

# No worker runs in these tests: what is queued stays in the queue.


def test_the_page_has_a_form_for_two_numbers(client):
    response = client.get('/')

    assert response.status_code == 200
    assert response.context['form'].fields.keys() == {'x', 'y'}
    assert '<form id="add" action="/add/" method="post">' in response.text


def test_the_page_is_only_to_be_read(client):
    assert client.post('/').status_code == 405


@pytest.mark.django_db
def test_the_answer_is_the_id_of_a_task_that_has_not_run_yet(client, broker):
    response = client.post('/add/', {'x': 4, 'y': 6})

    assert response.status_code == 202
    message = json.loads(broker.lindex('celery', 0))
    assert response.json() == {'task_id': message['headers']['id']}
    assert message['headers']['argsrepr'] == '(4, 6)'


@pytest.mark.django_db
def test_a_task_is_written_down_without_a_user_when_nobody_is_logged_in(client):
    response = client.post('/add/', {'x': 4, 'y': 6})

    addition = Addition.objects.get()
    assert str(addition.task_id) == response.json()['task_id']
    assert addition.user is None
    assert (addition.x, addition.y) == (4, 6)


@pytest.mark.django_db
def test_a_task_is_written_down_with_the_user_who_asked_for_it(client, django_user_model):
    user = django_user_model.objects.create(username='ada')
    client.force_login(user)

    client.post('/add/', {'x': 4, 'y': 6})

    assert Addition.objects.get().user == user


@pytest.mark.django_db
@pytest.mark.parametrize(
    'data',
    [
        {},
        {'x': '4'},
        {'x': '4', 'y': ''},
        {'x': '4', 'y': 'six'},
        {'x': '4', 'y': 'nan'},
        {'x': '4', 'y': '1e3'},
        {'x': '4', 'y': '1000000001'},
        {'x': '4', 'y': '-1000000001'},
        # Python itself refuses to read a number of so many digits.
        {'x': '4', 'y': '1' + 5000 * '0'},
    ],
    ids=lambda data: ','.join(f'{name}={value:.12}' for name, value in data.items()),
)
def test_what_is_not_two_sane_numbers_is_refused(client, broker, data):
    response = client.post('/add/', data)

    assert response.status_code == 400
    assert response.json()['error'] == 'Please give two whole numbers, not too large.'
    assert 'y' in response.json()['fields']
    assert broker.llen('celery') == 0
    assert not Addition.objects.exists()


def test_a_link_cannot_start_a_task(client, broker):
    response = client.get('/add/', {'x': 4, 'y': 6})

    assert response.status_code == 405
    assert broker.llen('celery') == 0


def test_a_form_of_another_site_cannot_start_a_task(broker):
    response = Client(enforce_csrf_checks=True).post('/add/', {'x': 4, 'y': 6})

    assert response.status_code == 403
    assert broker.llen('celery') == 0
