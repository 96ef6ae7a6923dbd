"""Every setting of the project, read from the environment here and nowhere else; a bad value stops the start.

Each variable is named with its default in .env.example. A variable may also come from a file: NAME_FILE=/run/secrets/name.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import environment as env
from config.redis_urls import celery_url, channels_host, client_url

BASE_DIR = Path(__file__).resolve().parent.parent
env.load(BASE_DIR / ".env")
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
# Empty when nobody names a broker; `manage.py up` then starts one of its own.
REDIS_URL_GIVEN = env.text("REDIS_URL")
# While `manage.py up` runs, this file says how to reach its broker and sandbox, so that a command in another terminal joins it.
STACK_FILE = VAR_DIR / "stack.env"
if not REDIS_URL_GIVEN:
    env.load(STACK_FILE)

# --- Core -------------------------------------------------------------------------------------------------------------

ENVIRONMENT = env.choice("ENVIRONMENT", "development", ["development", "production"])
PRODUCTION = ENVIRONMENT == "production"

INSECURE_SECRET_KEY = "for-development-only-never-for-a-machine-that-others-reach"  # noqa: S105 - refused in production below
SECRET_KEY = env.text("SECRET_KEY", INSECURE_SECRET_KEY)
DEBUG = env.switch("DEBUG", False)
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")
CORS_ORIGINS = env.names("CORS_ORIGINS")
CONTACT = env.text("CONTACT")
PUBLIC_URL = env.address("PUBLIC_URL", "http://127.0.0.1:8000")

if PRODUCTION:
    if SECRET_KEY == INSECURE_SECRET_KEY or len(SECRET_KEY) < 40:
        raise ImproperlyConfigured("SECRET_KEY is unset or short: set it to 50 random characters.")
    if DEBUG:
        raise ImproperlyConfigured("DEBUG is on: it shows settings to strangers. Unset it.")
    if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS is empty or '*': name the hosts this site answers for.")

SECURE_COOKIES = env.switch("SECURE_COOKIES", PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = env.whole("SESSION_SECONDS", 12 * 3600, least=60)
SECURE_SSL_REDIRECT = env.switch("SSL_REDIRECT", PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.switch("BEHIND_TLS_PROXY", PRODUCTION):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many proxies of ours stand in front; 0 trusts no X-Forwarded-For.
TRUSTED_PROXIES = env.whole("TRUSTED_PROXIES", 0)

ROOT_URLCONF = "config.urls"
CSRF_FAILURE_VIEW = "bookops.api.problems.csrf_failure"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"  # beat's crontab would otherwise follow Django's default, Chicago
USE_TZ = True

# --- Apps -------------------------------------------------------------------------------------------------------------

# unfold gives the desk its look; False falls back to Django's own admin, with the same pages.
ADMIN_THEME = env.choice("ADMIN_THEME", "unfold", ["unfold", "stock"])

UNFOLD = {
    "SITE_TITLE": "bookops",
    "SITE_HEADER": "bookops",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SIDEBAR": {"show_search": True, "navigation": "bookops.navigation.navigation"},
}

INSTALLED_APPS = [
    *(["unfold", "unfold.contrib.filters"] if ADMIN_THEME == "unfold" else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_structlog",
    "bookops",
    "enrichment",
    "runbooks",
    "llmjobs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "bookops.responses.StaticFilesMiddleware",
    "bookops.cors.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "bookops.responses.ContentSecurityMiddleware",
    "bookops.responses.UnavailableMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of an admin's theme: what ours says otherwise.
        "DIRS": [BASE_DIR / "bookops" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Who opens the login page itself gets to the desk from there.
LOGIN_REDIRECT_URL = "/admin/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Database ---------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL", sqlite=VAR_DIR / "bookops.sqlite3")}
DATABASE = DATABASES["default"]
DATABASE["ATOMIC_REQUESTS"] = False
DATABASE_IS_SQLITE = DATABASE["ENGINE"].endswith("sqlite3")
if DATABASE_IS_SQLITE:
    # IMMEDIATE: a transaction that reads first and writes later would otherwise fail with "database is locked".
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY;",
    }
else:
    DATABASE["CONN_MAX_AGE"] = 0  # the pool keeps connections; Django gives each back after its request or batch
    DATABASE["OPTIONS"] = DATABASE.get("OPTIONS", {}) | {
        "pool": {"min_size": 1, "max_size": env.whole("DATABASE_POOL", 10, least=1), "timeout": 20},
        "connect_timeout": 5,
    }
    if sslmode := env.choice("DATABASE_SSLMODE", "", ["", "require", "verify-ca", "verify-full"]):
        DATABASE["OPTIONS"]["sslmode"] = sslmode
    if ca := env.text("DATABASE_CA"):
        DATABASE["OPTIONS"]["sslrootcert"] = ca

# --- Redis: broker, channel layer, cache, quotas ------------------------------------------------------------------------

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
if urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured("REDIS_URL must start with redis://, rediss:// or unix://.")
REDIS_CA = env.text("REDIS_CA")
REDIS_PREFIX = env.text("REDIS_PREFIX", "bookops:")
REDIS_TLS = {"ssl_cert_reqs": ssl.CERT_REQUIRED, **({"ssl_ca_certs": REDIS_CA} if REDIS_CA else {})}
USES_REDIS_TLS = REDIS_URL.startswith("rediss://")
# A Redis that accepts and never answers must not hold a request: connect and read give up after these many seconds.
REDIS_TIMEOUT = env.number("REDIS_TIMEOUT", 2, least=0.1)

QUOTA_REDIS_URL = client_url(REDIS_URL, 4)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": client_url(REDIS_URL, 2),
        "KEY_PREFIX": REDIS_PREFIX + "cache",
        "OPTIONS": {
            "socket_timeout": REDIS_TIMEOUT,
            "socket_connect_timeout": REDIS_TIMEOUT,
            **({"ssl_ca_certs": REDIS_CA} if USES_REDIS_TLS and REDIS_CA else {}),
        },
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [channels_host(REDIS_URL, 3, REDIS_CA)], "prefix": REDIS_PREFIX + "asgi", "expiry": 60},
    }
}

# --- Celery -----------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = celery_url(REDIS_URL, 0)
CELERY_RESULT_BACKEND = celery_url(REDIS_URL, 1)
if USES_REDIS_TLS:
    CELERY_BROKER_USE_SSL = CELERY_REDIS_BACKEND_USE_SSL = REDIS_TLS
VISIBILITY_TIMEOUT = env.whole("VISIBILITY_TIMEOUT", 900, least=60)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": VISIBILITY_TIMEOUT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "max_connections": 400,
    "socket_timeout": 5,
    "socket_connect_timeout": REDIS_TIMEOUT,
    "health_check_interval": 25,
    "global_keyprefix": REDIS_PREFIX,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"global_keyprefix": REDIS_PREFIX + "result:", "retry_policy": {"timeout": 2.0, "max_retries": 1}}
CELERY_REDIS_SOCKET_TIMEOUT = 5
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = REDIS_TIMEOUT
CELERY_REDIS_MAX_CONNECTIONS = 400
CELERY_BROKER_CONNECTION_TIMEOUT = REDIS_TIMEOUT
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Publishing never waits for a broker that is away: rows are the truth and the sweeper rings again.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = timedelta(hours=6)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Threads cannot be cancelled (each try is an error in the log), and what they store is fenced by its lease anyway.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_SEND_TASK_EVENTS = env.switch("TASK_EVENTS", True)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# A task of thousands keeps no short one waiting. A name comes before a pattern.
CELERY_TASK_ROUTES = {
    "enrichment.tasks.enrich_book": {"queue": "enrichment"},
    "enrichment.tasks.*": {"queue": "imports"},
    "runbooks.tasks.work_on_images": {"queue": "images"},
    "runbooks.tasks.work_on_bulk_step": {"queue": "bulk"},
    "runbooks.tasks.*": {"queue": "runbooks"},
    "llmjobs.tasks.*": {"queue": "llm"},
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "bookops.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "send notices": {"task": "bookops.send_notices", "schedule": 10.0, "options": {"expires": 20}},
    "forget what is old": {"task": "bookops.forget", "schedule": 3600.0},
    "fetch exchange rates": {"task": "runbooks.tasks.fetch_exchange_rates", "schedule": 3600.0},
}

# --- Storage: uploads and dashboards -------------------------------------------------------------------------------------

STORAGE_BUCKET = env.text("STORAGE_BUCKET")
STORAGE_SECRET = env.text("STORAGE_SECRET")
if STORAGE_BUCKET:
    from botocore.config import Config  # not needed, and not quick to import, without a bucket

    _files: dict[str, Any] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": STORAGE_BUCKET,
            "endpoint_url": env.address("STORAGE_URL") or None,
            "region_name": env.text("STORAGE_REGION") or None,
            "access_key": env.text("STORAGE_KEY") or None,
            "secret_key": STORAGE_SECRET or None,
            "verify": env.text("STORAGE_CA") or True,
            "file_overwrite": True,
            "default_acl": None,
            "querystring_auth": True,
            "object_parameters": {"ServerSideEncryption": "AES256"} if env.switch("STORAGE_ENCRYPT", False) else {},
            # Stores other than Amazon's refuse today's default checksums (django-storages #1482).
            "client_config": Config(request_checksum_calculation="when_required", response_checksum_validation="when_required"),
        },
    }
else:
    _files = {
        "BACKEND": "bookops.atomic_files.AtomicFileStorage",
        "OPTIONS": {
            "location": env.text("STORAGE_DIR", str(VAR_DIR / "files")),
            "allow_overwrite": True,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }
STORAGES = {
    "default": _files,
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
WHITENOISE_USE_FINDERS = not PRODUCTION
# Larger uploads go to a temporary file as they arrive, so that the web process does not grow with them.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 << 20

# --- REST ---------------------------------------------------------------------------------------------------------------

THROTTLE_RATES = {
    "upload": env.rate("THROTTLE_UPLOAD", "10/min"),
    "status": env.rate("THROTTLE_STATUS", "600/min"),
    "login": env.rate("THROTTLE_LOGIN", "10/min"),
    "user": env.rate("THROTTLE_USER", "1200/min"),
    "anon": env.rate("THROTTLE_ANON", "60/min"),
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "bookops.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "bookops.api.pagination.NewestFirst",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["bookops.api.throttles.UserThrottle", "bookops.api.throttles.AnonThrottle"],
    "DEFAULT_THROTTLE_RATES": THROTTLE_RATES,
    "EXCEPTION_HANDLER": "bookops.api.problems.problem_details",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {
    "TOKEN_TTL": timedelta(hours=env.number("TOKEN_HOURS", 24 * 30, least=0.01)),
    "TOKEN_LIMIT_PER_USER": env.whole("TOKENS_PER_USER", 20, least=1),
    "AUTO_REFRESH": False,
    "AUTH_HEADER_PREFIX": "Token",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "bookops",
    "DESCRIPTION": "Enrich library exports, evaluate old books, and put questions about them to language models.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "bookops.api.schema.add_problems"],
    # Names for clients' generated code: fields of one name have other choices here and there.
    "ENUM_NAME_OVERRIDES": {
        "RunState": "bookops.runs.State",
        "ServiceTier": "bookops.language_models.Tier",
        "SeedStatus": "enrichment.api.seed_serializers.SEED_STATUS",
        "ImportStage": "enrichment.models.LibraryImport.Stage",
        "SourcePolicy": "enrichment.models.LibraryImport.Policy",
        "MatchOutcome": "enrichment.models.ImportRow.Outcome",
        "CopyStatus": "runbooks.models.Copy.Status",
        "OutwardStatus": "runbooks.api.import_serializers.STATUS",
        "StepStatus": "runbooks.api.import_serializers.STEP_STATUS",
        "JobStage": "llmjobs.models.LLMJob.Stage",
        "JobStatus": "llmjobs.api.job_serializers.STATUS",
        "ItemStatus": "llmjobs.api.answer_serializers.ITEM_STATUS",
        "ApplyPolicy": "llmjobs.api.plan_serializers.POLICIES",
    },
}
IDEMPOTENCY_HOURS = env.number("IDEMPOTENCY_HOURS", 24, least=0.01)

# --- Background work: leases, attempts, chunks -----------------------------------------------------------------------------

# A lease is short and kept alive by a heartbeat; every outbound deadline lies below it.
LEASE_SECONDS = env.number("LEASE_SECONDS", 30, least=5)
MAX_ATTEMPTS = env.whole("MAX_ATTEMPTS", 5, least=1)
MAX_LOSSES = env.whole("MAX_LOSSES", 5, least=1)
RETRY_BASE_SECONDS = env.number("RETRY_BASE_SECONDS", 2)
RETRY_MOST_SECONDS = env.number("RETRY_MOST_SECONDS", 120)
SWEEP_SECONDS = env.number("SWEEP_SECONDS", 2, least=0.1)
# A message that was rung and not answered for this long is rung again.
RING_AGAIN_SECONDS = env.number("RING_AGAIN_SECONDS", 20, least=1)

CHUNK_SIZE = env.whole("CHUNK_SIZE", 350, least=1)
CHUNK_PAUSE = env.number("CHUNK_PAUSE", 0)
CHUNKS_AT_ONCE = env.whole("CHUNKS_AT_ONCE", 2, least=1)
BOOK_CONCURRENCY = env.whole("BOOK_CONCURRENCY", 350, least=1)
# Of each of the two enrichment workers: books that are asked about at once, and a third more threads, which claim and store meanwhile.
BOOK_SLOTS = -(-BOOK_CONCURRENCY // 2)
BOOK_THREADS = BOOK_SLOTS * 4 // 3
BOOK_DEADLINE = env.number("BOOK_DEADLINE", 300, least=1)
# Of the workers that `manage.py up` starts: on a machine with few processors a request would wait behind all the rows they have taken.
WORKER_NICENESS = env.whole("WORKER_NICENESS", 10)
UPLOAD_MAX_BYTES = env.whole("UPLOAD_MAX_BYTES", 50 * 1024 * 1024, least=1)
UPLOAD_MAX_ROWS = env.whole("UPLOAD_MAX_ROWS", 100_000, least=1)
SAMPLE_LIBRARY = BASE_DIR / "enrichment" / "sample" / "library.csv"  # what `manage.py up` imports when nobody names a file
DASHBOARD_REBUILD_SECONDS = env.number("DASHBOARD_REBUILD_SECONDS", 5)

# --- Money ----------------------------------------------------------------------------------------------------------------

# Dollars that an owner without a budget of their own may spend on language models a day.
SPEND_PER_DAY = env.number("SPEND_PER_DAY", 20)

# --- Third parties ---------------------------------------------------------------------------------------------------------

SOURCES = env.choice("SOURCES", "sandbox", ["sandbox", "live"])
SANDBOX_URL = env.address("SANDBOX_URL", "http://127.0.0.1:8090")
_sandboxed = SOURCES == "sandbox"
if _sandboxed and PRODUCTION:
    raise ImproperlyConfigured("SOURCES is sandbox: production would answer with invented data. Set SOURCES=live.")
OPEN_LIBRARY_URL = env.address("OPEN_LIBRARY_URL", f"{SANDBOX_URL}/openlibrary" if _sandboxed else "https://openlibrary.org")
OPEN_LIBRARY_PER_SECOND = env.number("OPEN_LIBRARY_PER_SECOND", 3 if CONTACT or _sandboxed else 1, least=0.01)
GOOGLE_BOOKS_URL = env.address(
    "GOOGLE_BOOKS_URL", f"{SANDBOX_URL}/googlebooks/books/v1" if _sandboxed else "https://www.googleapis.com/books/v1"
)
GOOGLE_BOOKS_KEY = env.text("GOOGLE_BOOKS_KEY", "sandbox-key" if _sandboxed else "")
if not _sandboxed:
    _missing = []
    if "@" not in CONTACT and "://" not in CONTACT:
        _missing.append("CONTACT is unset or no address: SOURCES=live needs an e-mail or web address for Open Library's User-Agent.")
    if not GOOGLE_BOOKS_KEY and env.switch("ASKS_SOURCES", True):
        _missing.append("GOOGLE_BOOKS_KEY is unset: SOURCES=live needs a key of the Google Books API.")
    if _missing:
        raise ImproperlyConfigured(" ".join([*_missing, "Set what is missing, here or in .env."]))
GOOGLE_BOOKS_PER_DAY = env.whole("GOOGLE_BOOKS_PER_DAY", 1000)
GOOGLE_BOOKS_PER_100_SECONDS = env.whole("GOOGLE_BOOKS_PER_100_SECONDS", 100, least=1)
USER_AGENT = f"bookops/0.1 (+{PUBLIC_URL}; {CONTACT or 'books@sandbox.example'})"
SOURCE_CONNECT_SECONDS = env.number("SOURCE_CONNECT_SECONDS", 5, least=0.1)
SOURCE_DEADLINE_SECONDS = env.number("SOURCE_DEADLINE_SECONDS", 20, least=0.1)
if SOURCE_DEADLINE_SECONDS >= LEASE_SECONDS:
    raise ImproperlyConfigured(
        f"SOURCE_DEADLINE_SECONDS is {SOURCE_DEADLINE_SECONDS:g}: it must be below LEASE_SECONDS ({LEASE_SECONDS:g}), "
        "or a row is taken for lost while its source is still asked."
    )
if SOURCE_CONNECT_SECONDS >= SOURCE_DEADLINE_SECONDS:
    raise ImproperlyConfigured(
        f"SOURCE_CONNECT_SECONDS is {SOURCE_CONNECT_SECONDS:g}: it must be below SOURCE_DEADLINE_SECONDS ({SOURCE_DEADLINE_SECONDS:g})."
    )
SOURCE_MAX_BYTES = env.whole("SOURCE_MAX_BYTES", 8 << 20, least=1024)
# frugal asks the next source only where the first left a gap; thorough asks both for each book, as the first design did.
SOURCE_POLICY = env.choice("SOURCE_POLICY", "frugal", ["frugal", "thorough"])
SOURCE_BATCHING = env.switch("SOURCE_BATCHING", True)
SOURCE_JOINED_SEARCH = env.switch("SOURCE_JOINED_SEARCH", True)
SOURCE_MEMORY = env.switch("SOURCE_MEMORY", True)
SOURCE_QUOTAS = env.switch("SOURCE_QUOTAS", True)
SOURCE_CA = env.text("SOURCE_CA")
REMEMBER_DAYS = env.number("REMEMBER_DAYS", 90)
REMEMBER_MISSING_DAYS = env.number("REMEMBER_MISSING_DAYS", 14)
SHOW_OUTSIDE_COVERS = env.switch("SHOW_OUTSIDE_COVERS", False)

# --- Evaluations ----------------------------------------------------------------------------------------------------------

EBAY_URL = env.address("EBAY_URL", f"{SANDBOX_URL}/ebay" if _sandboxed else "https://api.ebay.com")
# Without them no link can be fetched; listings can still be pasted.
EBAY_CLIENT_ID = env.text("EBAY_CLIENT_ID", "sandbox-client" if _sandboxed else "")
EBAY_CLIENT_SECRET = env.text("EBAY_CLIENT_SECRET", "sandbox-secret" if _sandboxed else "")
EBAY_MARKETPLACE = env.text("EBAY_MARKETPLACE", "EBAY_US")
EBAY_PER_DAY = env.whole("EBAY_PER_DAY", 5000, least=10)
# Marketplace Insights, which eBay grants to few.
EBAY_SOLD = env.switch("EBAY_SOLD", False)
# Where photos may be fetched from; in the sandbox, from its own address too.
EBAY_IMAGE_HOSTS = env.names("EBAY_IMAGE_HOSTS", ["i.ebayimg.com"])
# What eBay calls our endpoint for closed accounts: the token that was told to it.
EBAY_DELETION_TOKEN = env.text("EBAY_DELETION_TOKEN")
# Its terms forbid reading pages by machine: off outside the sandbox until the operator has read them.
ABEBOOKS = env.switch("ABEBOOKS", _sandboxed)
ABEBOOKS_URL = env.address("ABEBOOKS_URL", f"{SANDBOX_URL}/abebooks" if _sandboxed else "https://www.abebooks.com")
ABEBOOKS_PER_SECOND = env.number("ABEBOOKS_PER_SECOND", 5 if _sandboxed else 0.5, least=0.01)
FRANKFURTER_URL = env.address("FRANKFURTER_URL", f"{SANDBOX_URL}/frankfurter" if _sandboxed else "https://api.frankfurter.app")
# What of a listing may go to a language model.
PHOTOS_TO_MODEL = env.switch("PHOTOS_TO_MODEL", True)
TEXT_TO_MODEL = env.switch("TEXT_TO_MODEL", True)
CLAUDE_MODEL = env.text("CLAUDE_MODEL", "claude-sonnet-5-5")
STEPS_OFF = [
    *([] if ABEBOOKS else ["abebooks_fmv"]),
    *([] if TEXT_TO_MODEL or PHOTOS_TO_MODEL else ["claude_analysis"]),
]
SAMPLE_LISTING = "https://www.ebay.com/itm/256800100001"  # the sandbox's; what `manage.py up` evaluates
# Executions of one bulk import at work at once, so that an interactive one never waits behind them.
BULK_AT_ONCE = env.whole("BULK_AT_ONCE", 8, least=1)
# Photos and texts of what was never acquired are forgotten after so many days.
LISTING_DAYS = env.number("LISTING_DAYS", 30, least=1)

# --- Language models ------------------------------------------------------------------------------------------------------

ANTHROPIC_URL = env.address("ANTHROPIC_URL", f"{SANDBOX_URL}/anthropic" if _sandboxed else "https://api.anthropic.com")
ANTHROPIC_KEY = env.text("ANTHROPIC_KEY", "sandbox-key" if _sandboxed else "")
OPENAI_URL = env.address("OPENAI_URL", f"{SANDBOX_URL}/openai/v1" if _sandboxed else "https://api.openai.com/v1")
OPENAI_KEY = env.text("OPENAI_KEY", "sandbox-key" if _sandboxed else "")
OPENAI_WEBHOOK_SECRET = env.text("OPENAI_WEBHOOK_SECRET")
# Beat's first row for the poller; it can be changed in the admin afterwards.
POLL_SECONDS = env.number("POLL_SECONDS", 30, least=1)
# The seconds after which a tick asks no more, so that ticks never overlap.
TICK_SECONDS = env.number("TICK_SECONDS", 25, least=1)
# Polls in flight at once, and items of one job that one tick asks for.
CONCURRENT_BATCH_SIZE = env.whole("CONCURRENT_BATCH_SIZE", 64, least=1)
MAX_ITEMS_PER_JOB = env.whole("MAX_ITEMS_PER_JOB", 10_000, least=1)
# Hours from their submission after which a background item, a batch and a job are given up.
ITEM_HOURS = env.number("ITEM_HOURS", 2, least=0.001)
BATCH_HOURS = env.number("BATCH_HOURS", 25, least=0.001)
JOB_HOURS = env.number("JOB_HOURS", 48, least=0.001)
# Prompts and answers as evidence are kept for so many days after their job has ended.
ANSWER_DAYS = env.number("ANSWER_DAYS", 180, least=1)

# --- Notices ------------------------------------------------------------------------------------------------------------

EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
vars().update(env.email("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.text("FROM_EMAIL", "bookops@localhost")
WEBHOOK_SECONDS = env.number("WEBHOOK_SECONDS", 10, least=1)

# --- Logs ---------------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOG_FORMAT = env.choice("LOG_FORMAT", "json" if PRODUCTION else "console", ["json", "console"])
# Whoever scrapes /metrics from outside sends this as a bearer token; without one, only private addresses may.
METRICS_TOKEN = env.text("METRICS_TOKEN")
# What is blacked out wherever it turns up in a log line.
SECRETS = [
    secret
    for secret in (
        SECRET_KEY,
        GOOGLE_BOOKS_KEY,
        EBAY_CLIENT_SECRET,
        EBAY_DELETION_TOKEN,
        ANTHROPIC_KEY,
        OPENAI_KEY,
        OPENAI_WEBHOOK_SECRET,
        STORAGE_SECRET,
        DATABASE.get("PASSWORD"),
        urlsplit(REDIS_URL).password,
        vars().get("EMAIL_HOST_PASSWORD"),
        METRICS_TOKEN,
    )
    if secret
]

from bookops.logs import logging_config  # noqa: E402 - it needs nothing of Django, and the level above

LOGGING = logging_config(LOG_LEVEL, LOG_FORMAT, SECRETS)
