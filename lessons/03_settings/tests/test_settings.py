import json

import pytest
from django.conf import settings

from myproject import celery_app
from myproject.celery import debug_task


@pytest.mark.parametrize(
    'name, value',
    [
        ('broker_url', 'redis://localhost:6379/0'),
        ('result_backend', 'redis://localhost:6379/0'),
        ('accept_content', ['json']),
        ('task_serializer', 'json'),
        ('result_serializer', 'json'),
        ('timezone', 'UTC'),
    ],
)
def test_a_setting_of_django_arrives_in_celery(name, value, monkeypatch):
    # The two addresses that the tests export would win over those in settings.py.
    monkeypatch.delenv('CELERY_BROKER_URL')
    monkeypatch.delenv('CELERY_RESULT_BACKEND')

    assert getattr(settings, f'CELERY_{name.upper()}') == value
    assert getattr(celery_app.conf, name) == value


def test_a_task_waits_in_the_broker_as_json(broker):
    # No worker runs in this file, so the message stays where .delay() put it:
    # in a Redis list that has the name of the queue.
    result = debug_task.delay()

    assert broker.llen('celery') == 1
    message = json.loads(broker.lindex('celery', 0))
    assert message['content-type'] == 'application/json'
    assert message['headers']['task'] == 'myproject.celery.debug_task'
    assert message['headers']['id'] == result.id
