import os
from importlib import metadata
from pathlib import Path

import redis
from django.conf import settings
from django.core.management import call_command
from packaging.requirements import Requirement

BROKER_URL = os.environ.get('CELERY_BROKER_URL', 'redis://localhost:6379/0')


def test_django_starts_and_finds_nothing_to_complain_about(capsys):
    call_command('check', fail_level='WARNING')
    assert capsys.readouterr().out.startswith('System check identified no issues')


def test_what_is_installed_is_what_requirements_txt_asks_for():
    for line in Path(settings.BASE_DIR, 'requirements.txt').read_text().splitlines():
        requirement = Requirement(line)
        version = metadata.version(requirement.name)
        assert version in requirement.specifier, f'{requirement.name} {version}'


def test_redis_is_a_version_that_celery_can_use():
    # celery[redis] leaves it to Kombu, its messaging library, to say which. A plain
    # `pip install celery redis` may bring one that Kombu does not work with.
    kombu_asks_for = [Requirement(line) for line in metadata.requires('kombu')]
    [requirement] = [
        requirement
        for requirement in kombu_asks_for
        if requirement.name == 'redis' and requirement.marker.evaluate({'extra': 'redis'})
    ]
    assert metadata.version('redis') in requirement.specifier


def test_the_broker_answers_a_ping():
    # A ping writes nothing: any database will do.
    with redis.Redis.from_url(BROKER_URL) as broker:
        try:
            answer = broker.ping()
        except redis.RedisError as error:
            answer = error
    assert answer is True, f'Is Redis running? {answer}'
