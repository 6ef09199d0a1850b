"""Every address of the portal. Language prefixes come last but one; Wagtail's pages come last."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import URLPattern, URLResolver, include, path, reverse_lazy
from django.views.generic import RedirectView
from django.views.static import serve
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.contrib.sitemaps.views import sitemap
from wagtail.documents import urls as wagtaildocs_urls

from funding.payments.views import stripe_webhook
from home.sitemaps import SITEMAPS
from home.views import card, robots, security_txt
from portal.health import healthz
from portal.mail.views import mail_events, unsubscribe
from portal.signin_code import confirm_code, confirm_reset_code, open_giving

to_sign_in = RedirectView.as_view(url=reverse_lazy("account_login"), query_string=True)
to_password_reset = RedirectView.as_view(url=reverse_lazy("account_reset_password"))

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("robots.txt", robots, name="robots"),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("sitemap.xml", sitemap, {"sitemaps": SITEMAPS}, name="sitemap"),
    path("cards/<int:number>/<slug:digest>.png", card, name="card"),
    # For programs, so without a language. The ledger's pages for people come below.
    path("ledger/", include("funding.transparency.log_urls")),
    path("api/v1/", include("funding.transparency.api.urls")),
    path("open-data/iati/", include("funding.transparency.iati.urls")),
    path("payments/stripe/webhook/", stripe_webhook, name="stripe_webhook"),
    path("mail/events/", mail_events, name="mail_events"),
    # Ahead of Wagtail's: its own login and password pages would pass by any second factor.
    path("admin/login/", to_sign_in),
    path("admin/password_reset/", to_password_reset),
    path("admin/password_reset/<path:rest>", to_password_reset),
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
]

if settings.PORTAL_MODE != "production":
    urlpatterns += [path("demo/", include("portal.demo_urls"))]
    # In production the web server in front serves the media folder (docs/operating.md).
    urlpatterns += [path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT})]

urlpatterns += i18n_patterns(
    path("giving/", open_giving, name="open_giving"),
    # Ahead of allauth's own: a donor without an account may type the code, too.
    path("accounts/login/code/confirm/", confirm_code, name="account_confirm_login_code"),
    path(
        "accounts/password/reset/confirm/",
        confirm_reset_code,
        name="account_confirm_password_reset_code",
    ),
    path("accounts/", include("allauth.account.urls")),
    path("account/", include("portal.account.urls")),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("", include("funding.payments.urls")),
    path("", include("funding.pools.urls")),
    path("", include("funding.transparency.urls")),
    path("", include("membership.urls")),
    path("", include("home.urls")),
    path("_util/login/", to_sign_in),  # ahead of Wagtail's, as above
    path("", include(wagtail_urls)),
    prefix_default_language=False,
)
