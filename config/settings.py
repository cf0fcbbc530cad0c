"""Django's settings: what does not change from one installation to the next. What does comes from config/env.py."""

from __future__ import annotations

import mimetypes

import environ
from csp.constants import NONE, SELF

from config import env

# Browsers refuse a module whose type is text/plain, which some Debian images still answer for .mjs and .js.
mimetypes.add_type("text/javascript", ".js")

BASE_DIR = env.BASE_DIR
HOME = env.HOME
SECRET_KEY = env.SECRET_KEY
DEBUG = env.DEBUG
PRODUCTION = env.PRODUCTION
ALLOWED_HOSTS = env.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = env.CSRF_TRUSTED_ORIGINS

INSTALLED_APPS = [
    "annotation",
    "enrichment",
    "review",
    "delivery",
    "frontend",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "channels",
    "django_htmx",
    "lucide",
    "csp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "frontend.statics.Statics",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "frontend.context.shell",
            ],
        },
    },
]

# ---- data ----------------------------------------------------------------------------------------------------------

DATABASES = {
    "default": environ.Env.db_url_config(env.DATABASE_URL or f"sqlite:///{HOME / 'loupe.sqlite3'}"),
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The web process and the worker write to one file: WAL lets readers go on, IMMEDIATE makes writers queue
    # at the start of a transaction instead of failing in the middle of it.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CLIPS_DIR = HOME / "clips"
UPLOADS_DIR = HOME / "uploads"
STILLS_DIR = HOME / "stills"
DELIVERIES_DIR = HOME / "deliveries"
LOGS_DIR = HOME / "logs"

MAX_UPLOAD_BYTES = env.MAX_UPLOAD_BYTES
MAX_FRAMES = env.MAX_FRAMES
MAX_PIXELS = env.MAX_PIXELS
STILLS_BYTES = env.STILLS_BYTES
FRAMES_BYTES = env.FRAMES_BYTES
LOCAL_BYTES = env.LOCAL_BYTES
WORKER_THREADS = env.THREADS
EMBEDDING_BYTES = env.EMBEDDING_BYTES
WEIGHTS_DIR = env.WEIGHTS
GPU_WORKERS = env.GPU_WORKERS
SPEEDS_FILE = HOME / "engine_speeds.json"
OBJECT_STORAGE = env.OBJECT_STORAGE
# What keeps a second copy of every clip folder, as a dotted name: the ground floor must not import config.
CLIP_MIRROR = "config.storage.bucket" if OBJECT_STORAGE else ""
# How long a worker may be silent before another takes its batch over.
LEASE_SECONDS = env.LEASE_SECONDS
BATCH_SECONDS = env.BATCH_SECONDS

# ---- machine work --------------------------------------------------------------------------------------------------

REDIS_URL = env.REDIS_URL
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

_broker_dir = HOME / "broker"
# The host is never asked for, but without one every process warns that it misses it.
CELERY_BROKER_URL = env.CELERY_BROKER_URL or "filesystem://localhost"
if CELERY_BROKER_URL.startswith("filesystem://"):
    # A broker that needs no server: a message is a file. The database is the ledger, so losing one costs a minute.
    for _folder in (_broker_dir / "messages", _broker_dir / "control"):
        _folder.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker_dir / "messages"),
        "data_folder_out": str(_broker_dir / "messages"),
        "control_folder": str(_broker_dir / "control"),
        "store_processed": False,
        "polling_interval": 0.2,
    }
    # A disk that is full or away while a worker starts is no reason for it to end.
    CELERY_BROKER_CHANNEL_ERROR_RETRY = True
elif CELERY_BROKER_URL.startswith("redis"):
    # Longer than the longest batch, or Redis hands a running batch to a second worker.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": max(3600, 2 * BATCH_SECONDS)}
else:
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 1800
CELERY_TASK_DEFAULT_QUEUE = "cpu"
# Uploads, deliveries, surveys and gathered metadata lie in LOUPE_HOME, so their jobs go to workers that share it with
# the web server, and beside them goes what may have to wait for a mail server; layers go to any worker, which has the
# clip folders from the bucket. What is short and keeps everything else going has a queue of its own: behind a line of
# batches it would expire unread. A worker takes from its queues in turn.
CELERY_TASK_ROUTES = {
    "annotation.jobs.*": {"queue": "files"},
    "delivery.jobs.*": {"queue": "files"},
    **{f"enrichment.jobs.{job}": {"queue": "files"} for job in ("survey", "gather", "tell")},
    **{f"enrichment.jobs.{job}": {"queue": "control"} for job in ("plan", "reconcile", "watch", "sweep")},
    # Scores are not among them: after an upgrade there is one for every clip, and they may wait behind batches.
    **{f"review.jobs.{job}": {"queue": "control"} for job in ("compare", "reconcile")},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The reconciler runs often because it is cheap: one indexed query that mostly finds nothing.
_every = {
    "enrichment.jobs.reconcile": 10.0,
    # Short enough for a machine that is on for less than an hour a day: a scheduler counts from its start.
    "enrichment.jobs.sweep": 1200.0,
    "enrichment.jobs.watch": 120.0,
    "enrichment.jobs.tell": 60.0,
    "enrichment.jobs.gather": 300.0,
    "annotation.jobs.recover_uploads": 10.0,
    "annotation.jobs.housekeep": 60.0,
    "review.jobs.reconcile": 60.0,
    "delivery.jobs.reconcile": 30.0,
}
CELERY_BEAT_SCHEDULE = {
    # A message that no worker took before the next one is due has nothing to add to it.
    job: {"task": job, "schedule": seconds, "options": {"expires": seconds}}
    for job, seconds in _every.items()
}
# Kept in memory: all of it comes again within the hour, and a scheduler that keeps a file ends when the disk is away.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"

HOOK_HOSTS = env.HOOK_HOSTS
METRICS_TOKEN = env.METRICS_TOKEN
PRICES = env.PRICES
REMOTE_MODELS = env.REMOTE_MODELS
REMOTE_CALLS_PER_MINUTE = env.REMOTE_CALLS_PER_MINUTE
globals().update(environ.Env.email_url_config(env.EMAIL_URL))
# Seconds; without it a server that does not answer is waited for for minutes.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.EMAIL_FROM

# ---- people --------------------------------------------------------------------------------------------------------

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first one decides how a missing log-in is answered: 401 and not 403.
        "rest_framework.authentication.TokenAuthentication",
        "annotation.api.sessions.OwnSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "annotation.api.pagination.ByCursor",
    "EXCEPTION_HANDLER": "annotation.api.errors.answer",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loupe",
    "DESCRIPTION": "Everything a page of Loupe does, for scripts. Send `Authorization: Token …`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
}

# ---- the browser ---------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "frontend.pages.errors.stale_form"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.PRODUCTION else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024**2

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "frontend.statics.HashedStorage"
        )
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django.request": {"level": "ERROR"}},
}
