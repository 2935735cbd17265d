import logging

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from .forms import AddForm
from .models import Addition
from .tasks import BROKER_ERRORS, add

logger = logging.getLogger(__name__)


@require_GET
def index(request):
    return render(request, 'myapp/index.html', {'form': AddForm()})


@require_POST
def add_view(request):
    form = AddForm(request.POST)
    if not form.is_valid():
        return JsonResponse(
            {
                'error': 'Please give two whole numbers, not too large.',
                'fields': form.errors.get_json_data(),
            },
            status=400,
        )
    x, y = form.cleaned_data['x'], form.cleaned_data['y']

    try:
        result = add.delay(x, y)
    except BROKER_ERRORS as error:
        logger.warning('add(%s, %s) could not be queued: %s', x, y, error)
        # The answer may have been lost, not the message: we cannot know.
        return JsonResponse(
            {
                'error': 'The task queue cannot be reached. The task may have been '
                'queued all the same. Please try again later.'
            },
            status=503,
        )

    # The row comes second: a row without a task would look PENDING for ever.
    user = request.user if request.user.is_authenticated else None
    Addition.objects.create(task_id=result.id, user=user, x=x, y=y)
    return JsonResponse({'task_id': result.id}, status=202)
