"""The lesson's settings, served as one would serve them, with the views to compare with."""

from myproject.settings import *  # noqa: F403

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench_urls"
