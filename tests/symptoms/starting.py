"""Installing and starting."""

import shutil

from .lab import Lab, python_without


def command_not_found(lab: Lab) -> str:
    bash = shutil.which("bash")
    assert bash
    project = lab.project("02")
    return lab.run(project, [bash, "-c", "celery -A myproject worker"], PATH=str(lab.folder))


def no_module_named_celery(lab: Lab) -> str:
    project = lab.project("02")
    python, variables = python_without("celery", project)
    return lab.run(project, [python, "manage.py", "check"], **variables)


def could_not_import_django(lab: Lab) -> str:
    project = lab.project("01")
    python, variables = python_without("django", project)
    return lab.run(project, [python, "manage.py", "check"], **variables)


def redis_is_missing(lab: Lab) -> str:
    project = lab.project("04")
    python, variables = python_without("redis", project)
    return lab.run(project, [python, "manage.py", "add", "4", "6"], **variables)


def option_in_the_wrong_place(lab: Lab) -> str:
    return lab.run(lab.project("02"), "celery worker -A myproject")


def module_was_not_found(lab: Lab) -> str:
    return lab.run(lab.folder, "celery -A myproject worker")


def no_attribute_celery(lab: Lab) -> str:
    return lab.run(lab.project("02"), "celery -A myapp worker")


def celery_py_in_the_way(lab: Lab) -> str:
    project = lab.project("02")
    shutil.copy(project / "myproject/celery.py", project)
    return lab.run(project, "python manage.py check")


def settings_are_not_configured(lab: Lab) -> str:
    line = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')\n"
    project = lab.broken("02", "myproject/celery.py", line, "")
    return lab.run(project, "celery -A myproject worker")


def apps_are_not_loaded(lab: Lab) -> str:
    early = "from myapp.models import Addition\n\napp = Celery"
    project = lab.broken("05", "myproject/celery.py", "app = Celery", early)
    return lab.run(project, "python manage.py check")


def circular_import(lab: Lab) -> str:
    early = "import time\n\nfrom .models import Addition\n"
    project = lab.broken("05", "myapp/tasks.py", "import time\n", early)
    return lab.run(project, "python manage.py check")


def not_in_installed_apps(lab: Lab) -> str:
    project = lab.broken("05", "myproject/settings.py", "    'myapp',\n", "")
    return lab.run(project, "python manage.py check")


def port_is_already_in_use(lab: Lab) -> str:
    port = lab.web[0].rpartition(":")[2]
    return lab.run(lab.project(), f"python manage.py runserver --noreload {port}")
