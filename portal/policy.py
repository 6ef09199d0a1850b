"""The content security policy of the Wagtail admin, the one place that needs inline scripts."""

from collections.abc import Callable

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse

ADMIN_PATHS = ("/admin/",)

# Wagtail's admin renders inline scripts and styles without a nonce, and any nonce would cancel
# 'unsafe-inline'. The admin is behind the sign-in; no public or member page gets this policy.
_ADMIN_POLICY = {
    "default-src": ["'self'"],
    "script-src": ["'self'", "'unsafe-inline'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:", "blob:"],
    "font-src": ["'self'", "data:"],
    "connect-src": ["'self'"],
    "frame-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'self'"],
    "base-uri": ["'none'"],
}


class AdminPolicyMiddleware:
    """Give pages under /admin/ the admin's policy; everything else keeps the strict one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.for_admin = csp_replace(_ADMIN_POLICY)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(ADMIN_PATHS):
            response: HttpResponse = self.for_admin(request)
            return response
        return self.get_response(request)
