"""Python imports this when it starts, in every process of a check: Django's settings are loaded
as they are, and then what leads out of the check's own folder is turned inwards.

So it holds for manage.py, the `celery` command, workers and Flower alike, and whichever way a
project names its settings. Only what is written down elsewhere changes: the database, the cache,
e-mail, the names a server answers to.
"""

import importlib.machinery
import os
import sys


class _WithSettings:
    """Finds `django.conf` as others do, and has its Settings turned inwards."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name != "django.conf":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):  # type: ignore[no-untyped-def]
                execute(module)
                _wrap(module.Settings)  # type: ignore[no-untyped-call]

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _wrap(settings_class):  # type: ignore[no-untyped-def]
    load = settings_class.__init__

    def __init__(self, settings_module):  # type: ignore[no-untyped-def]
        load(self, settings_module)
        _turn_inwards(self, os.environ["COURSE_DATA"])  # type: ignore[no-untyped-call]

    settings_class.__init__ = __init__


def _turn_inwards(settings, folder):  # type: ignore[no-untyped-def]
    engines = [database.get("ENGINE", "") for database in settings.DATABASES.values()]
    os.environ["COURSE_ENGINE"] = next((e for e in engines if e), "sqlite3")
    # One file for all: a replica is the same database.
    settings.DATABASES = {
        alias: {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(folder, "check.sqlite3"),
            "ATOMIC_REQUESTS": database.get("ATOMIC_REQUESTS", False),
            "OPTIONS": {"timeout": 10},
        }
        for alias, database in (settings.DATABASES or {"default": {}}).items()
    }
    settings.CACHES = {
        alias: {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": os.path.join(folder, f"cache-{alias}"),
        }
        for alias in settings.CACHES
    }
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ALLOWED_HOSTS = ["*"]
    settings.SECURE_SSL_REDIRECT = False


if "COURSE_DATA" in os.environ:
    sys.meta_path.insert(0, _WithSettings())
