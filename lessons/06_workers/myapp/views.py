import logging

from celery.states import READY_STATES, SUCCESS
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from redis.exceptions import RedisError

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
    return JsonResponse(
        {'task_id': result.id, 'status_url': reverse('task_status', args=[result.id])},
        status=202,
    )


@require_GET
@never_cache
def task_status(request, task_id):
    # Celery calls any unknown id PENDING. Our rows know which were issued, and to whom.
    user = request.user if request.user.is_authenticated else None
    if not Addition.objects.filter(task_id=task_id, user=user).exists():
        return JsonResponse({'error': 'There is no such task.'}, status=404)

    result = add.AsyncResult(str(task_id))
    try:
        state = result.state
    except RedisError as error:
        logger.warning('The state of %s could not be read: %s', task_id, error)
        return JsonResponse(
            {'error': 'The result store cannot be reached. Please try again later.'},
            status=503,
        )

    answer = {'task_id': task_id, 'state': state, 'ready': state in READY_STATES}
    if state == SUCCESS:
        answer['result'] = result.result
    elif state in READY_STATES:
        # The kind of error is enough: its message may hold what visitors must not see.
        answer['error'] = type(result.result).__name__
    return JsonResponse(answer)
