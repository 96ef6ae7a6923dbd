"""The addresses of the site: the admin, the API, its documents, health, metrics; and the websockets."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from bookops.health import healthz, readyz
from bookops.metrics import CoreCollector, metrics_view
from enrichment.api.live import ImportConsumer
from enrichment.metrics import ImportCollector
from llmjobs.api.live import JobConsumer
from llmjobs.metrics import JobCollector
from runbooks.api.live import ExecutionConsumer
from runbooks.metrics import EvaluationCollector

handler400 = "bookops.api.problems.bad_request"
handler403 = "bookops.api.problems.permission_denied"
handler404 = "bookops.api.problems.not_found"
handler500 = "bookops.api.problems.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("bookops.api.urls")),
    path("api/", include("enrichment.api.urls")),
    path("api/", include("runbooks.api.urls")),
    path("api/", include("llmjobs.api.urls")),
    # They tell nothing of anybody, so they ask nobody who they are.
    path("api/schema", SpectacularJSONAPIView.as_view(authentication_classes=[]), name="schema"),
    # The split view serves its script as a file, so that no page of ours needs inline scripts.
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema", authentication_classes=[]), name="docs"),
    # Browsers ask for it on pages that name no icon.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}bookops/icon.svg")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics_view(CoreCollector(), ImportCollector(), EvaluationCollector(), JobCollector()), name="metrics"),
]

websocket_urlpatterns = [
    path("ws/imports/<uuid:pk>", ImportConsumer.as_asgi(), name="ws-import"),
    path("ws/import/<uuid:pk>", ExecutionConsumer.as_asgi(), name="ws-execution"),
    path("ws/llm-jobs/<uuid:pk>", JobConsumer.as_asgi(), name="ws-llm-job"),
]
