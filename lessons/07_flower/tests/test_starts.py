"""What Flower does when it starts, and starts again."""
import re

from myapp.tasks import add

from .helpers import ask, running_flower, wait_until

LOGIN = 'ada:a password'


def test_flower_makes_up_and_prints_a_password_when_it_is_given_none(project):
    with running_flower(project) as flower:
        printed = (project / 'flower.log').read_text()
        [password] = re.findall('log in as "admin" with the password "(.+)"', printed)

        assert ask(flower)[0] == 401
        assert ask(flower, f'admin:{password}')[0] == 200


def test_the_history_outlives_flower(project):
    def sees_a_task():
        # Flower misses what is sent before it listens: send it one more.
        add.delay(4, 6)
        return 'myapp.tasks.add' in ask(f'{flower}/api/tasks', LOGIN)[1]

    with running_flower(project, LOGIN) as flower:
        wait_until(sees_a_task)

    with running_flower(project, LOGIN) as flower:
        assert 'myapp.tasks.add' in ask(f'{flower}/api/tasks', LOGIN)[1]
