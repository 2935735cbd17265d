"""The mistakes of this lesson, and what they look like."""
import os
import socket
import subprocess
import sys

import pytest
from django.http import JsonResponse

from myapp.tasks import add

# The settings of lesson 4: without those that this lesson adds.
SETTINGS_WITH_DEFAULTS = """
from .settings import *

del CELERY_BROKER_TRANSPORT_OPTIONS
del CELERY_TASK_PUBLISH_RETRY
del CELERY_REDIS_SOCKET_CONNECT_TIMEOUT
del CELERY_REDIS_SOCKET_TIMEOUT
del CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS
"""


def test_with_the_defaults_a_dead_broker_holds_a_visitor_for_long(project):
    (project / 'myproject' / 'settings_with_defaults.py').write_text(SETTINGS_WITH_DEFAULTS)
    with socket.create_server(('127.0.0.1', 0)) as listener:
        free_port = listener.getsockname()[1]
    nowhere = f'redis://127.0.0.1:{free_port}'

    process = subprocess.Popen(
        [sys.executable, 'manage.py', 'shell', '--verbosity=0', '--command']
        + ['from myapp.tasks import add; print("calling", flush=True); add.delay(4, 6)'],
        cwd=project,
        env={
            **os.environ,
            'CELERY_BROKER_URL': nowhere,
            'CELERY_RESULT_BACKEND': nowhere,
            'DJANGO_SETTINGS_MODULE': 'myproject.settings_with_defaults',
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout.readline() == 'calling\n'

        # It ends after 19 seconds. With the settings of this lesson, after 0.1.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        process.kill()


def view_of_the_setup_guide(request):
    result = add.delay(4, 6)
    return JsonResponse({'task_id': result.id})


def test_with_the_view_of_the_setup_guide_following_a_link_starts_a_task(rf, broker):
    # So does a crawler, and a browser that loads a page ahead.
    for _ in range(3):
        assert view_of_the_setup_guide(rf.get('/add/')).status_code == 200

    assert broker.llen('celery') == 3
