"""Django's settings, from typed environment variables (see env.py and docs/operations.md)."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from comptoir import embedded, env

HOME = env.home()
BASE_DIR = Path(__file__).resolve().parent
DEBUG = False
TESTING = env.flag("COMPTOIR_TESTING")
SECRET_KEY = env.secret_key()

PORT = env.whole("PORT", 8000)
PUBLIC_URL = env.text("COMPTOIR_URL", f"http://localhost:{PORT}").rstrip("/")
_secure = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = env.words(
    "COMPTOIR_HOSTS", "*"
)  # every absolute link is made from PUBLIC_URL, never from the Host header
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
TRUSTED_PROXIES = env.words("COMPTOIR_PROXIES")  # addresses whose X-Forwarded-For is believed


def _database(url: str) -> dict[str, object]:
    """Return Django's description of the database behind a postgresql:// URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise env.SettingError("comptoir: DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": unquote(
            parts.netloc.rpartition("@")[2].partition(":")[0] if "%2F" in parts.netloc else parts.hostname or ""
        ),
        "PORT": str(parts.port or "") if "%2F" not in parts.netloc else "",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": unquote(parts.path.lstrip("/")) or "comptoir",
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **dict(parse_qsl(parts.query)),
            # A pool instead of persistent connections: under ASGI every request has a thread of its own.
            "pool": {"min_size": 0, "max_size": env.whole("COMPTOIR_POOL", 10), "timeout": 10, "max_idle": 60},
        },
    }


DATABASE_URL = env.text("DATABASE_URL") or embedded.place(HOME).url()
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "comptoir.core",
    "comptoir.journal",
    "comptoir.accounts",
    "comptoir.calendars",
    "comptoir.channels",
    "comptoir.channels.webform",
    "comptoir.channels.webchat",
    "comptoir.inbound",
    "comptoir.contacts",
    "comptoir.conversations",
    "comptoir.outbound",
    "comptoir.drafts",
    "comptoir.knowledge",
    "comptoir.routing",
    "comptoir.viewing",
    "comptoir.reminders",
    "comptoir.notifications",
    "comptoir.moving",
    "comptoir.listening",
    "comptoir.desk",
    "comptoir.api",
    "comptoir.demo",
]

MIDDLEWARE = [
    "comptoir.core.middleware.SecurityMiddleware",
    "comptoir.core.middleware.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "comptoir.accounts.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "comptoir.accounts.middleware.SessionMiddleware",
]

ROOT_URLCONF = "comptoir.urls"
ASGI_APPLICATION = "comptoir.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "comptoir.core.folding.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "comptoir.desk.context.desk",
            ],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "comptoir.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key,20/5m/ip", "reset_password": "5/h/ip,3/h/key"}
ACCOUNT_EMAIL_NOTIFICATIONS = False  # the journal tells; many installations have no mail server of their own

# The second factor: an authenticator application with recovery codes, and passkeys, which need no password.
MFA_ADAPTER = "comptoir.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Comptoir"
MFA_TOTP_TOLERANCE = 1  # steps of 30 s: telephones' clocks are seldom exact
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are given by administrators and by the accepted invitation
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _secure  # browsers themselves allow it on localhost alone

# Single sign-on: the one provider is a row that an administrator fills in (accounts.SignOn).
SOCIALACCOUNT_ADAPTER = "comptoir.accounts.openid.SignOnAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form may not lead to another site (form-action), a link may
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # SignOnAdapter links people itself, by verified address alone

# Shared by all web processes: the rate limits of sign-in and of the public endpoints count in it.
# Far above what it holds: beyond MAX_ENTRIES Django drops a third of it, and with that the counts of failed sign-ins.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "comptoir.desk.errors.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
MAX_RECORD_BYTES = env.whole("COMPTOIR_MAX_RECORD_MB", 50) * 1024 * 1024

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("COMPTOIR_STATIC", str(HOME / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": HOME / "files"}},
    "attachments": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env.text("COMPTOIR_FILES", str(HOME / "attachments"))},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING
        else "comptoir.core.staticfiles.BundledStaticFilesStorage"
    },
}
WHITENOISE_MAX_AGE = (
    600  # seconds, for names without a hash (the scripts that other sites embed); hashed ones are for ever
)

SERVER_EMAIL = DEFAULT_FROM_EMAIL = env.text("COMPTOIR_MAIL_FROM", "comptoir@localhost")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if env.text("COMPTOIR_SMTP_HOST")
    else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = env.text("COMPTOIR_SMTP_HOST", "localhost")
EMAIL_PORT = env.whole("COMPTOIR_SMTP_PORT", 25)
EMAIL_TIMEOUT = 10  # seconds: a person waits for the page that sends

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("COMPTOIR_LOG", "WARNING")},
}

# Outbound requests to private addresses are refused (SSRF) unless the operator names them.
ALLOWED_PRIVATE_HOSTS = env.words("COMPTOIR_ALLOW_PRIVATE")
DIGEST_BATCH = env.whole(
    "COMPTOIR_DIGEST_BATCH", 500
)  # measured in bench: beyond 500 the gain per message is under 3 %
SEND_LEASE = env.whole("COMPTOIR_SEND_LEASE", 120)  # seconds; longer than the timeouts of any client together
UNDO_SECONDS = env.whole("COMPTOIR_UNDO_SECONDS", 10)
