"""The mistake of this lesson, and what it looks like."""
from urllib.parse import urlencode, urlsplit

from myapp.tasks import add

from .helpers import ask, listens, running_flower, wait_until

# What the page with the tasks asks for.
FIRST_TASKS = '/tasks/datatable?' + urlencode(
    {
        'draw': 1,
        'start': 0,
        'length': 10,
        'search[value]': '',
        'order[0][column]': 0,
        'order[0][dir]': 'asc',
        'columns[0][data]': 'name',
    }
)


def test_without_flowerconfig_anyone_in_the_network_reads_the_arguments(project):
    (project / 'flowerconfig.py').unlink()

    with running_flower(project) as flower:
        port = urlsplit(flower).port
        # What it says (a moment after it listens), and what it does.
        log = project / 'flower.log'
        wait_until(lambda: f'Visit me at http://127.0.0.1:{port}' in log.read_text())
        assert listens(port, '127.0.0.2')

        def shows_the_arguments():
            # Flower misses what is sent before it listens: send it one more.
            add.delay(4, 6, seconds='a secret')
            return 'a secret' in ask(flower + FIRST_TASKS)[1]

        wait_until(shows_the_arguments)
        assert ask(flower)[0] == 200
