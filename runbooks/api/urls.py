"""The addresses of the evaluations' API."""

from django.urls import path

from runbooks.api import imports, live

urlpatterns = [
    path("books/import-ebay", imports.ImportEbayView.as_view(), name="import-ebay"),
    path("books/import", imports.ExecutionListView.as_view(), name="executions"),
    path("books/import/<uuid:pk>", imports.ExecutionDetailView.as_view(), name="execution"),
    path("books/import/<uuid:pk>/status", imports.ExecutionStatusView.as_view(), name="execution-status"),
    path("books/import/<uuid:pk>/events", imports.ExecutionEventsView.as_view(), name="execution-events"),
    path("books/import/<uuid:pk>/stream", live.ExecutionStreamView.as_view(), name="execution-stream"),
    path("books/import/<uuid:pk>/cancel", imports.CancelExecutionView.as_view(), name="execution-cancel"),
    path("books/import/<uuid:pk>/retry", imports.RetryFailedView.as_view(), name="execution-retry"),
    path("books/import/<uuid:pk>/steps/<str:step>/retry", imports.RetryStepView.as_view(), name="step-retry"),
]
