"""The lesson's addresses, and two views to compare with."""

from django.http import JsonResponse
from django.urls import include, path

from myapp.tasks import add


def constant(request):
    """What an answer costs by itself."""
    return JsonResponse({"task_id": "00000000-0000-0000-0000-000000000000"})


def bare(request):
    """What a `.delay()` costs by itself: the setup guide's view."""
    result = add.delay(4, 6)
    return JsonResponse({"task_id": result.id})


urlpatterns = [
    path("bench/constant/", constant),
    path("bench/bare/", bare),
    path("", include("myproject.urls")),
]
