"""The portal as gunicorn serves it, with one view more: the smallest there can be.

    gunicorn bench.web:application

Both views pass through the same server, threads and middleware, so their ratio is what the webhook
endpoint itself costs.
"""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()
settings.ROOT_URLCONF = "bench.web"

from portal.urls import urlpatterns as of_the_portal  # noqa: E402 (wants Django set up)


def hello(request: HttpRequest) -> HttpResponse:
    """The peer of the webhook endpoint."""
    return HttpResponse("Hello, world\n", content_type="text/plain")


hello.csrf_exempt = True  # type: ignore[attr-defined]

urlpatterns = [path("bench/hello/", hello), *of_the_portal]

application = get_wsgi_application()
