import uuid

import pytest
from django.core.management import call_command
from kombu.exceptions import OperationalError

from myapp.models import Addition
from myapp.tasks import add


@pytest.fixture
def addition(db, django_user_model):
    user = django_user_model.objects.create(
        username='ada', is_staff=True, is_superuser=True
    )
    return Addition.objects.create(task_id=uuid.uuid4(), user=user, x=4, y=6)


def issue_again_in_the_admin(client, addition):
    client.force_login(addition.user)
    return client.post(
        '/admin/myapp/addition/',
        {'action': 'issue_again', '_selected_action': addition.pk},
        follow=True,
    )


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command('makemigrations', check=True, dry_run=True)


def test_the_same_task_issued_again_has_an_id_and_a_row_of_its_own(addition, broker):
    again = addition.issue_again()

    assert again.task_id != addition.task_id
    assert (again.x, again.y, again.user) == (4, 6, addition.user)
    assert Addition.objects.count() == 2
    assert broker.llen('celery') == 1


def test_the_admin_issues_the_selected_tasks_again(client, addition, broker):
    issue_again_in_the_admin(client, addition)

    assert Addition.objects.count() == 2
    assert broker.llen('celery') == 1


def test_the_admin_says_so_when_the_broker_is_down(client, addition, monkeypatch):
    def delay(*args):
        raise OperationalError('Connection refused')

    monkeypatch.setattr(add, 'delay', delay)

    response = issue_again_in_the_admin(client, addition)

    assert '<li class="error">Not all could be queued.</li>' in response.text
    assert Addition.objects.count() == 1
