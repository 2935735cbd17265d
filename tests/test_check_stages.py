"""`check` on the snapshots, on other layouts that work, on folders that are no project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checking import Examine, extend, learners
from conftest import replace

from course import catalogue
from course.check import told
from course.check.check import path_to
from course.check.project import open_project

LESSONS = [one for one in catalogue.snapshots() if one.name.startswith("lessons/")]


@pytest.mark.parametrize("number", range(len(LESSONS)), ids=[one.path.name for one in LESSONS])
def test_a_snapshot_reaches_its_own_stage_and_the_earlier_ones_and_no_more(
    number: int, tmp_path: Path, examine: Examine
):
    folder = learners(LESSONS[number].name, tmp_path / "mysite")
    found = examine(folder, LESSONS[-1].name)
    assert [one.name for one in found.verdict.reached] == [
        one.name for one in LESSONS[: number + 1]
    ], found.said["en"]
    if number + 1 < len(LESSONS):
        assert found.verdict.next == LESSONS[number + 1]
        assert found.verdict.status == 1
    else:
        assert found.verdict.status == 0
        assert found.verdict.remarks == []


def test_an_empty_folder_has_not_reached_the_first_stage(tmp_path: Path, examine: Examine):
    (tmp_path / "mysite").mkdir()
    found = examine(tmp_path / "mysite", "01")
    assert (found.key, found.verdict.status) == ("empty", 1)
    assert "startproject" in found.said["en"]
    assert "startproject" in found.said["fr"]


def test_a_fault_of_the_course_is_no_traceback_and_not_the_learners(
    tmp_path: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr("course.check.stages.reach", broken)
    found = examine(learners("01", tmp_path / "mysite"), "01")
    assert (found.key, found.verdict.status) == ("course", 2)
    assert "The check itself failed: KeyError: 'ours'" in found.said["en"]
    assert "La vérification elle-même a échoué" in found.said["fr"]


def test_every_mistake_has_its_texts_in_both_languages_and_a_page():
    english, french = told.mistakes("en"), told.mistakes("fr")
    assert english.keys() == french.keys()
    for key, texts in english.items():
        assert texts.keys() == french[key].keys(), key
    mistakes = {key for key, texts in english.items() if "expected" in texts}
    assert mistakes == told.pages().keys()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_section_to_read_exists(language: str):
    from course import messages

    messages.choose(language)
    for key in told.pages():
        title, address = told.page(key)
        assert title
        assert f"/{language}/" in address


def test_the_path_to_a_stage_begins_with_the_first():
    assert path_to(LESSONS[-1]) == LESSONS


# Layouts and styles that differ from the snapshots'. Whoever wrote a project like these has
# done what the lessons ask for.


def renamed(folder: Path, names: dict[str, str]) -> None:
    """Other names for packages, modules and functions, in file names and in texts."""
    for old, new in names.items():
        for path in sorted(folder.rglob(f"*{old}*"), reverse=True):
            path.rename(path.with_name(path.name.replace(old, new)))
        for path in folder.rglob("*"):
            if path.is_file():
                path.write_text(path.read_text().replace(old, new))


def other_names(folder: Path) -> None:
    renamed(folder, {"myproject": "shop", "myapp": "orders", "add_view": "total", "AddForm": "Sum"})
    replace(folder / "orders/urls.py", "'add/'", "'totals/new/'")


def src_layout(folder: Path) -> None:
    (folder / "src").mkdir()
    for name in ("manage.py", "myproject", "myapp", "flowerconfig.py"):
        shutil.move(folder / name, folder / "src" / name)
    text = (folder / "Procfile").read_text()
    text = text.replace(": ", ": cd src && ")
    (folder / "Procfile").write_text(text)


def config_and_settings_package(folder: Path) -> None:
    renamed(folder, {"myproject": "config"})
    package = folder / "config" / "settings"
    package.mkdir()
    (folder / "config" / "settings.py").rename(package / "base.py")
    replace(package / "base.py", ".parent.parent", ".parent.parent.parent")
    (package / "__init__.py").write_text("")
    (package / "dev.py").write_text("from .base import *\n")
    for name in ("manage.py", "config/celery.py", "config/wsgi.py", "config/asgi.py"):
        replace(folder / name, "config.settings", "config.settings.dev")


def celery_app_and_bind(folder: Path) -> None:
    (folder / "myproject/celery.py").rename(folder / "myproject/celery_app.py")
    replace(folder / "myproject/__init__.py", ".celery", ".celery_app")
    replace(folder / "myapp/tasks.py", "@shared_task(", "@shared_task(bind=True, name='plus', ")
    replace(folder / "myapp/tasks.py", "def add(x,", "def add(self, x,")


def class_based_view(folder: Path) -> None:
    replace(
        folder / "myapp/views.py", "@require_POST\ndef add_view(request):", "def _add(request):"
    )
    views = (folder / "myapp/views.py").read_text()
    (folder / "myapp/views.py").write_text(
        f"{views}\n\nclass AddView(View):\n"
        "    def post(self, request):\n        return _add(request)\n"
    )
    replace(
        folder / "myapp/views.py", "from .forms", "from django.views import View\n\nfrom .forms"
    )
    replace(folder / "myapp/urls.py", "views.add_view", "views.AddView.as_view()")


def other_namespace_and_queue(folder: Path) -> None:
    replace(folder / "myproject/celery.py", "namespace='CELERY'", "namespace='TASKS'")
    replace(folder / "myproject/settings.py", "CELERY_", "TASKS_")
    settings = (folder / "myproject/settings.py").read_text()
    (folder / "myproject/settings.py").write_text(
        f"{settings}\nTASKS_TASK_ROUTES = {{'myapp.tasks.*': {{'queue': 'sums'}}}}\n"
    )
    replace(folder / "Procfile", "--loglevel=info", "--queues=celery,sums")


def odd_but_right(folder: Path) -> None:
    """Names that could be taken for something else, and what a Procfile and a .env may hold."""
    renamed(folder, {"myproject": "flowershop", "myapp": "page_cache"})
    replace(folder / "flowershop/celery.py", "import Celery\n", "import Celery as Application\n")
    replace(folder / "flowershop/celery.py", "Celery('", "Application('")
    replace(folder / "page_cache/tasks.py", "seconds=10):", "seconds=10, factor=1):")
    replace(folder / "page_cache/tasks.py", "return x + y", "return (x + y) * factor")
    (folder / "Procfile").write_text(
        "web: python manage.py runserver ${PORT:-8000}\n"
        "mails: celery -A flowershop worker --queues=mails\n"
        "worker: celery -A flowershop worker\n"
        "flower: celery -A flowershop flower --port=$PORT\n"
    )
    (folder / ".env").write_text("PYTHONPATH=.\nself=1\n")
    (folder / "logs").mkdir()
    settings = (folder / "flowershop/settings.py").read_text()
    (folder / "flowershop/settings.py").write_text(
        f"{settings}\n"
        "LOGGING = {'version': 1, 'handlers': {'file': {'class': 'logging.FileHandler', "
        "'filename': BASE_DIR / 'logs/debug.log'}}, 'root': {'handlers': ['file']}}\n"
        "DATABASES['replica'] = DATABASES['default']\n"
        "DATABASE_ROUTERS = ['flowershop.router.Router']\n"
        "REDIS_HOST = 'localhost'\n"
        "CELERY_TASK_RESULT_EXPIRES = 3600\n"
        "CELERYD_CONCURRENCY = 2\n"
        "CELERY_IMPORTS = 'page_cache.tasks'\n"
        "CELERY_TASK_ROUTES = {}\n"
        "CELERY_TASK_ROUTES = {**CELERY_TASK_ROUTES}\n"
    )
    tasks = folder / "page_cache/tasks.py"
    tasks.write_text(
        f"{tasks.read_text()}\n\n"
        "@shared_task(ignore_result=True)\ndef a_note(user, text):\n    pass\n"
    )
    (folder / "page_cache/management/commands/a_sheet.py").write_text(
        "from django.core.management.base import BaseCommand\n\nfrom page_cache import tasks\n\n\n"
        "class Command(BaseCommand):\n    def add_arguments(self, parser):\n"
        "        parser.add_argument('file')\n        parser.add_argument('sheet')\n\n"
        "    def handle(self, *args, **options):\n        open(options['file'])\n"
    )
    replace(
        folder / "page_cache/urls.py",
        "urlpatterns = [",
        "def broken(request):\n    return 1 / 0\n\n\nurlpatterns = [\n    path('broken/', broken),",
    )
    (folder / "flowershop/router.py").write_text(
        "class Router:\n    def db_for_read(self, model, **hints):\n        return 'replica'\n"
    )


def login_by_email(folder: Path) -> None:
    """A user of one's own, known by an e-mail address, who has to log in."""
    (folder / "people/migrations").mkdir(parents=True)
    (folder / "people/__init__.py").write_text("")
    (folder / "people/migrations/__init__.py").write_text("")
    (folder / "people/models.py").write_text(
        "from django.contrib.auth.models import AbstractUser\nfrom django.db import models\n\n\n"
        "class Person(AbstractUser):\n    username = None\n"
        "    email = models.EmailField(unique=True)\n"
        "    USERNAME_FIELD = 'email'\n    REQUIRED_FIELDS = []\n"
    )
    settings = folder / "myproject/settings.py"
    replace(settings, "    'myapp',\n", "    'myapp',\n    'people',\n")
    auth = "    'django.contrib.auth.middleware.AuthenticationMiddleware',\n"
    login = auth.replace("Authentication", "LoginRequired")
    replace(settings, auth, auth + login)
    settings.write_text(
        f"{settings.read_text()}\nAUTH_USER_MODEL = 'people.Person'\nLOGIN_URL = 'admin:login'\n"
    )
    command = [sys.executable, "manage.py", "makemigrations", "people"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    for made in [*folder.rglob("__pycache__")]:
        shutil.rmtree(made)
    (folder / "db.sqlite3").unlink(missing_ok=True)


def task_by_name_and_form_by_script(folder: Path) -> None:
    view = folder / "myapp/views.py"
    replace(view, "add.delay(x, y)", "current_app.send_task('myapp.tasks.add', args=[x, y])")
    replace(
        view,
        "import READY_STATES, SUCCESS\n",
        "import READY_STATES, SUCCESS\nfrom celery import current_app\n",
    )
    replace(folder / "myapp/templates/myapp/index.html", ' method="post"', "")


def state_on_a_page(folder: Path) -> None:
    """The state in words of one's own, the result as readers write numbers."""
    extend(folder / "myproject/settings.py", "\nUSE_THOUSAND_SEPARATOR = True\n")
    view = folder / "myapp/views.py"
    replace(
        view, "return JsonResponse(answer)", "return render(request, 'myapp/state.html', answer)"
    )
    (folder / "myapp/templates/myapp/state.html").write_text(
        "<p>{% if ready %}It is {{ result }}{% else %}Not yet{% endif %}</p>\n"
    )


def app_beside_the_folder(folder: Path) -> None:
    shutil.move(folder / "myapp", folder.parent / "shared")
    (folder / "myapp").symlink_to("../shared")


LAYOUTS = [
    odd_but_right,
    login_by_email,
    task_by_name_and_form_by_script,
    state_on_a_page,
    app_beside_the_folder,
    other_names,
    src_layout,
    config_and_settings_package,
    celery_app_and_bind,
    class_based_view,
    other_namespace_and_queue,
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_project_that_differs_and_works_passes(layout, tmp_path: Path, examine: Examine):
    folder = learners("07", tmp_path / "mysite")
    layout(folder)
    found = examine(folder, "07")
    assert found.verdict.status == 0, found.said["en"]


def test_the_project_is_found_below_the_folder(tmp_path: Path):
    learners("01", tmp_path / "outer" / "inner")
    assert open_project(tmp_path).base == tmp_path / "outer" / "inner"
