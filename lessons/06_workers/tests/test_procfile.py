import shlex
from pathlib import Path

from django.conf import settings
from honcho.environ import parse_procfile


def test_the_procfile_names_the_web_server_and_the_worker():
    processes = parse_procfile(Path(settings.BASE_DIR, 'Procfile').read_text()).processes

    assert {'web', 'worker'} <= processes.keys()
    assert shlex.split(processes['web'])[:3] == ['python', 'manage.py', 'runserver']
    assert processes['worker'] == 'celery -A myproject worker --loglevel=info'
