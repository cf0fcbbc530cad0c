"""The one place that reads the environment. A wrong value stops the start with a sentence."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

_read = environ.Env()


@dataclass(frozen=True)
class ObjectStorage:
    """An S3-compatible bucket that mirrors the clip folders, so that workers on several machines share them."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str


def _whole_number(name: str, default: int, *, least: int = 0) -> int:
    raw = _read.str(name, default=str(default))
    try:
        value = int(raw)
    except ValueError:
        value = least - 1
    if value < least:
        raise ImproperlyConfigured(f"{name} is {raw!r}; set it to a whole number of {least} or more, or unset it.")
    return value


def _yes_or_no(name: str, *, default: bool) -> bool:
    raw = _read.str(name, default="1" if default else "0").strip().lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} is {raw!r}; set it to 1 or 0.")


def _price(name: str) -> float:
    raw = _read.str(name, default="0")
    try:
        value = float(raw)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ImproperlyConfigured(f"{name} is {raw!r}; set it to what an hour costs, as a number like 0.35.")
    return value


def _url(name: str, schemes: tuple[str, ...]) -> str:
    raw: str = _read.str(name, default="").strip()
    if raw and urlsplit(raw).scheme not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} is {raw!r}; it must begin with one of {known}.")
    return raw


def home() -> Path:
    """Everything that is written lies below this folder: database, clips, deliveries, logs."""
    return Path(_read.str("LOUPE_HOME", default=str(BASE_DIR / "var"))).expanduser().resolve()


def secret_key(folder: Path, *, production: bool) -> str:
    """SECRET_KEY from the environment; on one machine, a key made once and kept in LOUPE_HOME."""
    given: str = _read.str("SECRET_KEY", default="")
    if given:
        return given
    if production:
        raise ImproperlyConfigured("SECRET_KEY is not set; set it to 50 or more random characters and keep it secret.")
    kept = folder / "secret_key"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(secrets.token_urlsafe(50))
        kept.chmod(0o600)
    return kept.read_text().strip()


def object_storage() -> ObjectStorage | None:
    """None where clip folders live on the local disk only."""
    bucket = _read.str("S3_BUCKET", default="")
    if not bucket:
        return None
    missing = [name for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY") if not _read.str(name, default="")]
    if missing:
        raise ImproperlyConfigured(f"S3_BUCKET is set but {' and '.join(missing)} is not; set it, or unset S3_BUCKET.")
    return ObjectStorage(
        endpoint=_url("S3_ENDPOINT", ("http", "https")),
        bucket=bucket,
        access_key=_read.str("S3_ACCESS_KEY"),
        secret_key=_read.str("S3_SECRET_KEY"),
        region=_read.str("S3_REGION", default="us-east-1"),
    )


HOME = home()
DATABASE_URL = _url("DATABASE_URL", ("postgres", "postgresql", "sqlite"))
REDIS_URL = _url("REDIS_URL", ("redis", "rediss"))
CELERY_BROKER_URL = _url("CELERY_BROKER_URL", ("redis", "rediss", "amqp", "amqps", "filesystem")) or REDIS_URL
# One machine without services is the default; naming a database server is what makes it a deployment.
PRODUCTION = _yes_or_no("LOUPE_PRODUCTION", default=False)
DEBUG = _yes_or_no("DEBUG", default=False)
ALLOWED_HOSTS = _read.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = _read.list("CSRF_TRUSTED_ORIGINS", default=[])
SECRET_KEY = secret_key(HOME, production=PRODUCTION)
OBJECT_STORAGE = object_storage()
MAX_UPLOAD_BYTES = _whole_number("LOUPE_MAX_UPLOAD_BYTES", 20 * 1024**3, least=1)
MAX_FRAMES = _whole_number("LOUPE_MAX_FRAMES", 600_000, least=1)
MAX_PIXELS = _whole_number("LOUPE_MAX_PIXELS", 8192 * 4320, least=1)
EMBEDDING_BYTES = _whole_number("LOUPE_EMBEDDING_BYTES", 512 * 1024**2, least=1)
# One folder for each checkpoint: config.json and *.safetensors, as Hugging Face lays them out.
WEIGHTS = Path(_read.str("LOUPE_WEIGHTS", default=str(HOME / "weights"))).expanduser().resolve()
# Real clips whose actions were annotated by hand (benchmarks/truth); they are not part of the project.
REAL_CLIPS = _read.str("LOUPE_SAMPLES", default="")
# Benchmarks run the counts by which things are promised, not those that are quick.
LONG = _yes_or_no("LOUPE_LONG", default=False)
# Engines that run on either device go to the queue of the workers with a GPU, if there are any.
GPU_WORKERS = _yes_or_no("LOUPE_GPU_WORKERS", default=Path("/dev/nvidiactl").exists())
# What each worker process may hold of decoded frames, so that layers over the same frames share one decoding.
FRAMES_BYTES = _whole_number("LOUPE_FRAMES_BYTES", 512 * 1024**2)
STILLS_BYTES = _whole_number("LOUPE_STILLS_BYTES", 8 * 1024**3, least=1)
# What a machine with a worker may hold of clips that object storage has; 0: all that it ever looked at. What was used
# within a day stays all the same.
LOCAL_BYTES = _whole_number("LOUPE_LOCAL_BYTES", 0)
# Threads that one worker process computes and decodes with; 0: as many as the libraries like, which is right for one
# process a machine. Several share its cores: set cores / processes, or they get in each other's way.
THREADS = _whole_number("LOUPE_THREADS", 0)
LEASE_SECONDS = _whole_number("LOUPE_LEASE_SECONDS", 20, least=2)
# A batch that takes longer is stopped, so that a worker which got stuck does other work again.
BATCH_SECONDS = _whole_number("LOUPE_BATCH_SECONDS", 1680, least=1)
# Alerts by e-mail, like smtp+tls://user:password@mail.example.org:587; without it none are sent.
EMAIL_URL = _read.str("EMAIL_URL", default="dummymail://")
EMAIL_FROM = _read.str("EMAIL_FROM", default="loupe@localhost")
# Hosts in a private network that webhooks may call all the same.
HOOK_HOSTS = _read.list("LOUPE_HOOK_HOSTS", default=[])
# What may read /metrics beside superusers: `Authorization: Bearer …`.
METRICS_TOKEN = _read.str("LOUPE_METRICS_TOKEN", default="")
# Services that caption pictures. A server of one's own that speaks OpenAI's language is named by its address.
REMOTE_MODELS = {
    "gemini": (
        _url("GEMINI_URL", ("http", "https")) or "https://generativelanguage.googleapis.com",
        _read.str("GEMINI_API_KEY", default="").strip(),
    ),
    "openai": (
        _url("OPENAI_URL", ("http", "https")) or "https://api.openai.com",
        _read.str("OPENAI_API_KEY", default="").strip(),
    ),
}
REMOTE_CALLS_PER_MINUTE = _whole_number("LOUPE_CALLS_PER_MINUTE", 60, least=1)
# What an hour of a worker costs, in dollars as paid calls are; 0 leaves machine time out of the costs.
PRICES = {"cpu": _price("LOUPE_CPU_HOUR_PRICE"), "gpu": _price("LOUPE_GPU_HOUR_PRICE")}
