"""All settings of the portal, in one file, driven by the environment.

Every variable read here has its paragraph in docs/settings.md (a test holds that). One variable,
PORTAL_MODE, says which mode runs; it is never guessed from another:

- ``demo``: what `make run` starts. Sandbox for Stripe, mail kept and shown on a page.
- ``test``: what the tests set.
- ``production``: a missing or unsafe value stops the start with a message that names it.
"""

import re
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = ("localhost", "127.0.0.1", "::1")

# --- Mode -------------------------------------------------------------------------------------

PORTAL_MODE = cast(Literal["demo", "test", "production"], env.str("PORTAL_MODE", default=""))
if PORTAL_MODE not in ("demo", "test", "production"):
    raise ImproperlyConfigured(
        f"PORTAL_MODE is {PORTAL_MODE!r}; set it to demo, test or production."
    )
IN_PRODUCTION = PORTAL_MODE == "production"
DEBUG = False


def refuse_in_production(variable: str, wrong: bool, wanted: str) -> None:
    """Stop a production start whose ``variable`` holds an unsafe value, and say what is wanted."""
    if IN_PRODUCTION and wrong:
        raise ImproperlyConfigured(f"{variable} is not safe for production: {wanted}.")


def required(variable: str) -> str:
    value = env.str(variable, default="").strip()
    if not value:
        raise ImproperlyConfigured(
            f"{variable} is not set; PORTAL_MODE={PORTAL_MODE} needs it (docs/settings.md)."
        )
    return value


def optional(variable: str, default: str) -> str:
    """The default where the variable is missing or empty."""
    return env.str(variable, default="").strip() or default


def whole_number(variable: str, default: int) -> int:
    text = optional(variable, str(default))
    if not text.isdecimal():
        raise ImproperlyConfigured(f"{variable} is {text!r}; it must be a whole number.")
    return int(text)


_var = required("PORTAL_VAR") if IN_PRODUCTION else optional("PORTAL_VAR", str(BASE_DIR / "var"))
refuse_in_production("PORTAL_VAR", not Path(_var).is_absolute(), "it must be a whole path")
VAR_DIR = Path(_var).resolve()

# --- Addresses --------------------------------------------------------------------------------

SITE_URL = required("SITE_URL").rstrip("/")
_site = urlsplit(SITE_URL)
if _site.scheme not in ("http", "https") or not _site.hostname or _site.path or _site.query:
    raise ImproperlyConfigured("SITE_URL must look like https://foundation.example.org.")
refuse_in_production("SITE_URL", _site.scheme != "https", "it must begin with https://")
SITE_NAME = "OpenLMIS Foundation"
ALLOWED_HOSTS = [_site.hostname, *env.list("ALLOWED_HOSTS", default=[])]
refuse_in_production("ALLOWED_HOSTS", "*" in ALLOWED_HOSTS, "name each host, '*' answers for all")
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]
USE_HTTPS = _site.scheme == "https"

# --- Secrets ----------------------------------------------------------------------------------

SECRET_KEY = required("SECRET_KEY")
SECRET_KEY_FALLBACKS = [key.strip() for key in env.list("SECRET_KEY_FALLBACKS", default=[])]
for _variable, _keys in (
    ("SECRET_KEY", [SECRET_KEY]),
    ("SECRET_KEY_FALLBACKS", SECRET_KEY_FALLBACKS),
):
    refuse_in_production(
        _variable,
        any(
            len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure") for key in _keys
        ),
        "a key must be a random text of at least 50 characters",
    )

# --- Applications -----------------------------------------------------------------------------

INSTALLED_APPS = [
    "portal",
    "home",
    "funding.transparency",
    "funding.dues",
    "funding.pools",
    "funding.payments",
    "funding.ledger",
    "membership",
    "core",
    "wagtail_localize",
    "wagtail_localize.locales",
    "wagtail.contrib.redirects",
    "wagtail.contrib.search_promotions",
    "wagtail.contrib.settings",
    "wagtail.contrib.typed_table_block",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    "allauth",
    "allauth.account",
    "anymail",
    "django_tasks",
    "django_tasks_db",
    "pgtrigger",
    "csp",
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
    "django.contrib.humanize",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.policy.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.signin.BackOfficeSignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "portal.context.portal",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# --- Database: PostgreSQL 16 or later, by psycopg2 ----------------------------------------------

_database_url = required("DATABASE_URL")
try:
    _database = env.db_url_config(_database_url, engine="django.db.backends.postgresql")
except ValueError:
    _database = {}  # the error's own words may hold a part of the password
if not _database_url.startswith(("postgres://", "postgresql://")) or not _database.get("NAME"):
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgresql://user:password@host:5432/database, "
        "with special characters of the password written as %XX."
    )
_database_host = str(_database.get("HOST") or "")
refuse_in_production(
    "DATABASE_URL",
    not (_database_host.startswith("/") or _database_host in ("", *LOOPBACK))
    and _database.get("OPTIONS", {}).get("sslmode")
    not in ("disable", "require", "verify-ca", "verify-full"),
    f"the way to {_database_host} may be unencrypted; add ?sslmode=verify-full (or, where no one "
    "else is on that network, sslmode=disable)",
)
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": whole_number("DATABASE_CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
# The role that web, worker and tests use. It has data rights alone; the ledger's migration takes
# its rights to write away (docs/settings.md#database_url). manage.py puts DATABASE_OWNER_URL in
# place of DATABASE_URL for the commands that change the schema, so the name has a variable of
# its own.
DATABASE_APP_ROLE = optional("DATABASE_APP_ROLE", str(_database.get("USER") or ""))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate limits count in the cache, so every process must see the same one (allauth's live here).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cache",
    },
    # Wagtail writes each picture it shows into a cache, which costs five queries in ours. Lists load
    # the sizes of their pictures along instead, in one.
    "renditions": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}

# --- Background jobs: rows of PostgreSQL (core/jobs) --------------------------------------------

TASKS: dict[str, dict[str, Any]] = {
    # Wagtail enqueues its index jobs here: done at once, so that search is right at once.
    "default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"},
    # Ours: money never queues behind an index.
    "jobs": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "mail"]},
}

# --- People and signing in ----------------------------------------------------------------------

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = reverse_lazy("account_area")
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "portal.signin.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "portal.signin.SignupForm"
ACCOUNT_FORMS = {
    "login": "portal.signin_forms.LoginForm",
    "signup": "portal.signin_forms.SignupForm",
    "add_email": "portal.signin_forms.AddEmailForm",
    "change_email": "portal.signin_forms.ChangeEmailForm",
    "change_password": "portal.signin_forms.ChangePasswordForm",
    "set_password": "portal.signin_forms.SetPasswordForm",
    "reset_password": "portal.signin_forms.ResetPasswordForm",
    "reset_password_from_key": "portal.signin_forms.ResetPasswordKeyForm",
    "reauthenticate": "portal.signin_forms.ReauthenticateForm",
    "request_login_code": "portal.signin_forms.RequestLoginCodeForm",
    "confirm_login_code": "portal.signin_forms.ConfirmLoginCodeForm",
    "confirm_email_verification_code": "portal.signin_forms.ConfirmEmailVerificationCodeForm",
    "confirm_password_reset_code": "portal.signin_forms.ConfirmPasswordResetCodeForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A code to type: mail scanners open links and submit forms, so no link may change anything.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# A donor's code (portal/signin_code.py) waits a quarter of an hour: mail can be slow to come.
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 900
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
# Beside allauth's own limits. Who tries stolen cards begins many small gifts; a donor does not.
ACCOUNT_RATE_LIMITS = {
    "begin_gift": "60/h/ip,20/h/key",
    "claim_gifts": "10/h/user",
    # Wide per address: a whole ministry may sit behind one.
    "seat_code": "10/h/user,100/h/ip",
    "event_registration": "100/h/ip,5/h/key",
    "event_code": "30/h/ip",
    # Each answer tells something of an address.
    "nominate": "10/d/user",
    "nomination_code": "10/h/user,100/h/ip",
    "evangelist_message": "20/h/ip",
    "message_code": "20/h/ip",
    # Against mail bombs, and those who try codes.
    "follow": "30/h/ip,5/h/key",
    "follow_code": "60/h/ip,10/h/key",
}
# How many proxies of ours stand before the portal; allauth trusts no forwarded address until told.
ALLAUTH_TRUSTED_PROXY_COUNT = whole_number("TRUSTED_PROXY_COUNT", 0)
refuse_in_production(
    "TRUSTED_PROXY_COUNT",
    ALLAUTH_TRUSTED_PROXY_COUNT < 1,
    "the portal itself speaks no TLS, so at least one proxy must stand before it and be counted",
)

# Wagtail's own login passes by any second factor: its pages are routed to allauth's in urls.py,
# and what it could change about a person's sign-in is switched off.
WAGTAILADMIN_LOGIN_URL = "account_login"
WAGTAIL_PASSWORD_RESET_ENABLED = False
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAILUSERS_PASSWORD_ENABLED = False

# --- Languages ------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
# Interface and first pages are whole in the first three; Spanish and Arabic are prepared: their
# pages can be laid out and translated (docs/settings.md#portal_languages).
KNOWN_LANGUAGES = {
    "en": _("English"),
    "fr": _("French"),
    "pt": _("Portuguese"),
    "es": _("Spanish"),
    "ar": _("Arabic"),
}
_offered = [code.strip() for code in optional("PORTAL_LANGUAGES", "en,fr,pt").split(",")]
if (
    _offered[0] != LANGUAGE_CODE
    or len(set(_offered)) < len(_offered)
    or set(_offered) - set(KNOWN_LANGUAGES)
):
    raise ImproperlyConfigured(
        f"PORTAL_LANGUAGES is {','.join(_offered)!r}; it must begin with en and name others of "
        f"{', '.join(KNOWN_LANGUAGES)}, each once, with commas between."
    )
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [(code, KNOWN_LANGUAGES[code]) for code in _offered]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
WAGTAIL_I18N_ENABLED = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["portal.formats"]

# --- Wagtail --------------------------------------------------------------------------------------

WAGTAIL_SITE_NAME = SITE_NAME
WAGTAILADMIN_BASE_URL = SITE_URL
WAGTAILDOCS_EXTENSIONS = ["csv", "docx", "odt", "pdf", "pptx", "txt", "xlsx", "zip"]
WAGTAILDOCS_MAX_UPLOAD_SIZE = 10 * 1024 * 1024
WAGTAILDOCS_SERVE_METHOD = "serve_view"
WAGTAILIMAGES_MAX_UPLOAD_SIZE = 10 * 1024 * 1024
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAILEMBEDS_FINDERS: list[dict[str, Any]] = []
# For how many days the search counts what was asked for, as editors read it in their report.
WAGTAILSEARCH_HITS_MAX_AGE = 90
# Wagtail's own index: what staff search in the back office. Readers ask home.searching.
WAGTAILSEARCH_BACKENDS = {
    "default": {"BACKEND": "wagtail.search.backends.database", "SEARCH_CONFIG": "english"}
}

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if PORTAL_MODE == "test"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
# A function of the operator's that looks at each file people send (core/uploads.py).
UPLOAD_SCANNER = optional("UPLOAD_SCANNER", "")

# --- E-mail ---------------------------------------------------------------------------------------

# Mail goes by SMTP, or by the API of a service that tells us of bounces and complaints.
EMAIL_SERVICES = {"brevo": "BREVO_API_KEY", "postmark": "POSTMARK_SERVER_TOKEN"}
EMAIL_SERVICE = optional("EMAIL_SERVICE", "")
if EMAIL_SERVICE and EMAIL_SERVICE not in EMAIL_SERVICES:
    raise ImproperlyConfigured(
        f"EMAIL_SERVICE is {EMAIL_SERVICE!r}; set it to {' or '.join(EMAIL_SERVICES)}, or not at all."
    )
ANYMAIL: dict[str, Any] = {}
if EMAIL_SERVICE:
    ANYMAIL = {
        EMAIL_SERVICES[EMAIL_SERVICE]: required("EMAIL_SERVICE_KEY"),
        # What the service sends along with its word of a bounce: name:password.
        "WEBHOOK_SECRET": required("EMAIL_SERVICE_WEBHOOK_SECRET"),
    }
    _name, _, _password = ANYMAIL["WEBHOOK_SECRET"].partition(":")
    if not _name or not _password:
        raise ImproperlyConfigured("EMAIL_SERVICE_WEBHOOK_SECRET must look like name:password.")
    refuse_in_production(
        "EMAIL_SERVICE_WEBHOOK_SECRET",
        len(_password) < 20,
        "its password must be a random text of at least 20 characters",
    )
_email_url = optional("EMAIL_URL", "dummymail://") if EMAIL_SERVICE else required("EMAIL_URL")
try:
    _email = env.email_url_config(_email_url)
except (ValueError, ImproperlyConfigured):
    raise ImproperlyConfigured(
        "EMAIL_URL must look like smtp+tls://user:password@mail.example.org:587, "
        "with special characters of the password written as %XX."
    ) from None
EMAIL_BACKEND = (
    f"anymail.backends.{EMAIL_SERVICE}.EmailBackend"
    if EMAIL_SERVICE
    else str(_email["EMAIL_BACKEND"])
)
if PORTAL_MODE == "demo":
    # Nothing leaves the demo: mail is kept in a folder and shown at /demo/mail/.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_HOST = str(_email.get("EMAIL_HOST") or "")
EMAIL_PORT = int(_email.get("EMAIL_PORT") or 25)
EMAIL_HOST_USER = str(_email.get("EMAIL_HOST_USER") or "")
EMAIL_HOST_PASSWORD = str(_email.get("EMAIL_HOST_PASSWORD") or "")
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL", False))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = optional("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <mail@{_site.hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
refuse_in_production(
    "EMAIL_URL",
    not EMAIL_SERVICE and (not EMAIL_BACKEND.endswith("smtp.EmailBackend") or not EMAIL_HOST),
    "give an SMTP address such as smtp+tls://user:password@mail.example.org:587",
)
refuse_in_production(
    "EMAIL_URL",
    not (EMAIL_SERVICE or EMAIL_USE_TLS or EMAIL_USE_SSL or EMAIL_HOST in LOOPBACK),
    f"codes to sign in would go to {EMAIL_HOST} unencrypted; use smtp+tls:// or smtp+ssl://",
)

# --- Stripe, or its sandbox -----------------------------------------------------------------------

STRIPE_API_BASE = optional("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
STRIPE_SECRET_KEY = required("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRETS = [
    secret.strip() for secret in required("STRIPE_WEBHOOK_SECRETS").split(",") if secret.strip()
]
refuse_in_production(
    "STRIPE_API_BASE",
    STRIPE_API_BASE != "https://api.stripe.com",
    "leave it unset; the sandbox moves no money",
)
refuse_in_production(
    "STRIPE_SECRET_KEY",
    not STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")),
    "it must be a live key (sk_live_… or rk_live_…)",
)
refuse_in_production(
    "STRIPE_WEBHOOK_SECRETS",
    any(not secret.startswith("whsec_") or len(secret) < 20 for secret in STRIPE_WEBHOOK_SECRETS),
    "each must be an endpoint's signing secret (whsec_…)",
)
# Currencies in which payers may also pay by bank debit (docs/settings.md).
STRIPE_BANK_DEBITS = frozenset(
    currency.strip().upper()
    for currency in optional("STRIPE_BANK_DEBITS", "" if IN_PRODUCTION else "USD,EUR,GBP").split(
        ","
    )
    if currency.strip()
)
if STRIPE_BANK_DEBITS - {"USD", "EUR", "GBP"}:
    raise ImproperlyConfigured(
        "STRIPE_BANK_DEBITS names a currency that has no bank debit here; use USD, EUR, GBP."
    )

# --- The ledger's public log (docs/ledger-format.md) ----------------------------------------------

# The log's private key; its name is the log's origin. What is wrong with it, portal.checks says.
LEDGER_SIGNING_KEY = required("LEDGER_SIGNING_KEY")
LEDGER_WITNESSES = [
    witness.strip() for witness in optional("LEDGER_WITNESSES", "").split(",") if witness.strip()
]
LEDGER_CHECKPOINT_DIR = optional("LEDGER_CHECKPOINT_DIR", str(VAR_DIR / "checkpoints"))

# --- Open data (docs/open-data.md) ------------------------------------------------------------------

# The foundation's identifier at IATI; without one there are no IATI files. Ours until then stands
# under the agency that IATI keeps for examples.
IATI_ORGANISATION = optional("IATI_ORGANISATION", "" if IN_PRODUCTION else "XE-EXAMPLE-FOUNDATION")
if IATI_ORGANISATION and not re.fullmatch(r"[A-Z]{2}-[A-Z0-9]+-[A-Za-z0-9._-]+", IATI_ORGANISATION):
    raise ImproperlyConfigured(
        f"IATI_ORGANISATION is {IATI_ORGANISATION!r}; it must look like XI-WIKIDATA-Q0000000: "
        "a registration agency of org-id.guide, then the foundation's number there."
    )
refuse_in_production(
    "IATI_ORGANISATION",
    IATI_ORGANISATION.startswith("XE-EXAMPLE"),
    "leave it empty until the foundation has an identifier of its own",
)
# How many requests one address may make of the API and the IATI files in a minute.
API_REQUESTS_PER_MINUTE = whole_number("API_REQUESTS_PER_MINUTE", 120)

# --- What the portal asks and tells others --------------------------------------------------------

# The daily check of links asks other people's servers; a demo and tests leave the world alone.
_checks = optional("CHECK_OUTSIDE_LINKS", "true" if IN_PRODUCTION else "false")
if _checks not in ("true", "false"):
    raise ImproperlyConfigured(f"CHECK_OUTSIDE_LINKS is {_checks!r}; set it to true or false.")
CHECK_OUTSIDE_LINKS = _checks == "true"
# Where a security hole is reported: /.well-known/security.txt (RFC 9116). Empty: no such file.
SECURITY_CONTACT = optional(
    "SECURITY_CONTACT", "" if IN_PRODUCTION else "mailto:security@example.org"
)
if SECURITY_CONTACT and not re.fullmatch(
    r"(mailto:\S+@\S+|https://\S+|tel:\+\S+)", SECURITY_CONTACT
):
    raise ImproperlyConfigured(
        f"SECURITY_CONTACT is {SECURITY_CONTACT!r}; it must look like "
        "mailto:security@foundation.example.org or https://…"
    )

# --- Security -------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = USE_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = USE_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if USE_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = USE_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # Wagtail's preview and its form for page privacy use frames
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # which wants DENY

_self = "'self'"
_none = "'none'"
# Public and member pages: no script at all, no inline style. portal.policy loosens this for the
# Wagtail admin alone, which renders inline scripts without a nonce.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [_none],
        "style-src": [_self],
        "img-src": [_self, "data:"],
        "font-src": [_self],
        "form-action": [
            _self,
            STRIPE_API_BASE,
            "https://checkout.stripe.com",
            "https://billing.stripe.com",
        ],
        "base-uri": [_none],
        "frame-ancestors": [_self],
        "upgrade-insecure-requests": USE_HTTPS,
    }
}

# --- Logs -----------------------------------------------------------------------------------------

LOG_LEVEL = optional("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(
        f"LOG_LEVEL is {LOG_LEVEL!r}; set it to DEBUG, INFO, WARNING, ERROR or CRITICAL."
    )
refuse_in_production("LOG_LEVEL", LOG_LEVEL == "DEBUG", "it would write personal data to the log")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": LOG_LEVEL, "propagate": False},
        # Every scanner that knows the address but not the name; the answer is 400 all the same.
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
        # Two lines for each of Wagtail's index jobs, six of them a page; core.jobs tells of ours.
        "django_tasks": {"level": "WARNING"},
        # Two lines for each call, with all its parameters.
        "stripe": {"level": "WARNING"},
    },
}

if PORTAL_MODE == "test":
    # Hashing at full cost would be most of the suite's time.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    LOGGING["root"] = {"handlers": ["stderr"], "level": "WARNING"}
