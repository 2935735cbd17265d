"""The learner's settings, with everything that leads out of the check's own folder turned inwards:
the database, the cache, e-mail."""

import importlib
import os

_theirs = importlib.import_module(os.environ["COURSE_SETTINGS"])
for _name in dir(_theirs):
    if _name.isupper():
        globals()[_name] = getattr(_theirs, _name)

DATABASES = {
    _alias: {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(os.environ["COURSE_DATA"], f"{_alias}.sqlite3"),
        "ATOMIC_REQUESTS": _database.get("ATOMIC_REQUESTS", False),
        "OPTIONS": {"timeout": 10},
    }
    for _alias, _database in (getattr(_theirs, "DATABASES", None) or {"default": {}}).items()
}
CACHES = {
    _alias: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": _alias}
    for _alias in (getattr(_theirs, "CACHES", None) or {"default": {}})
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["*"]
SECURE_SSL_REDIRECT = False
