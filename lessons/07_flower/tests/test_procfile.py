from pathlib import Path

from django.conf import settings
from honcho.environ import parse_procfile


def test_the_procfile_names_flower():
    processes = parse_procfile(Path(settings.BASE_DIR, 'Procfile').read_text()).processes

    # The options are in flowerconfig.py, so that the bare command is a safe one.
    assert processes['flower'] == 'celery -A myproject flower'
