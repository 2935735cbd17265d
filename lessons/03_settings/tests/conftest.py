import os

import pytest
import redis
from django.conf import settings
from kombu.utils.url import maybe_sanitize_url

from .helpers import running_worker

# A database of the tests' own, so that they never touch yours. Celery lets these
# two variables win over the settings, in the tests and in all that they start.
os.environ.setdefault('CELERY_BROKER_URL', 'redis://localhost:6379/15')
os.environ.setdefault('CELERY_RESULT_BACKEND', os.environ['CELERY_BROKER_URL'])

RUNNING = 'tests-are-running'


@pytest.fixture(scope='session')
def broker():
    """The tests' own database: it must be empty before, and is empty after."""
    url = os.environ['CELERY_BROKER_URL']
    shown_url = maybe_sanitize_url(url)  # without the password
    broker = redis.Redis.from_url(url)
    try:
        # Of two runs at the same time, only one can set this key.
        is_first = broker.set(RUNNING, os.getpid(), nx=True)
    except redis.RedisError as error:
        pytest.exit(
            f'The tests need a Redis, and {shown_url} fails: {error} '
            'Start one there, or name another in CELERY_BROKER_URL.',
            returncode=1,
        )
    if not is_first or broker.dbsize() > 1:
        if is_first:
            broker.delete(RUNNING)
        pytest.exit(
            f'The tests empty their database, and {shown_url} holds something: '
            'other tests that are running, or data. Wait for those tests, or name an '
            'empty database in CELERY_BROKER_URL. If it can all be thrown away: '
            f'python -c "import redis; redis.from_url({shown_url!r}).flushdb()"',
            returncode=1,
        )
    yield broker
    broker.flushdb()
    broker.close()


@pytest.fixture(autouse=True)
def empty_broker(broker):
    yield
    # In one step, so that no other run can slip in between.
    with broker.pipeline() as pipeline:
        pipeline.flushdb().set(RUNNING, os.getpid()).execute()


@pytest.fixture(scope='module')
def worker(broker):
    """The log of a worker that the tests of a file share."""
    with running_worker(settings.BASE_DIR) as log:
        yield log
