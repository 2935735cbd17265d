"""The mistakes of this lesson, and what they look like."""
import os
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

LOOK = """
from myproject import celery_app

print(celery_app.conf.broker_url)
print(celery_app.connection().as_uri())
"""


@pytest.mark.parametrize(
    'file, right, wrong',
    [
        ('celery.py', "namespace='CELERY'", "namespace='CELERIES'"),
        ('settings.py', 'CELERY_BROKER_URL', 'CELERY_BROKER'),
    ],
)
def test_a_setting_under_a_wrong_name_is_silently_ignored(tmp_path, file, right, wrong):
    project = shutil.copytree(
        settings.BASE_DIR,
        tmp_path / 'project',
        ignore=shutil.ignore_patterns('.*', '__pycache__'),
    )
    path = project / 'myproject' / file
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))

    # What the tests export would hide the mistake.
    exported = {'CELERY_BROKER_URL', 'CELERY_RESULT_BACKEND', 'DJANGO_SETTINGS_MODULE'}
    result = subprocess.run(
        [sys.executable, '-c', LOOK],
        cwd=project,
        env={name: os.environ[name] for name in os.environ if name not in exported},
        capture_output=True,
        text=True,
    )

    # No word of warning. Celery falls back on its own default, which is RabbitMQ.
    assert result.stderr == ''
    assert result.stdout == 'None\namqp://guest:**@localhost:5672//\n'
