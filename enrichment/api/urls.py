"""The addresses of the import API."""

from django.urls import path

from enrichment.api import books, data, imports, live, rows, uploads

urlpatterns = [
    path("upload", uploads.UploadView.as_view(), name="upload"),
    path("status/<uuid:pk>", uploads.StatusView.as_view(), name="import-status"),
    path("data/<uuid:pk>", data.DataView.as_view(), name="import-data"),
    path("imports", imports.ImportListView.as_view(), name="imports"),
    path("imports/<uuid:pk>", imports.ImportDetailView.as_view(), name="import"),
    path("imports/<uuid:pk>/events", imports.ImportEventsView.as_view(), name="import-events"),
    path("imports/<uuid:pk>/stream", live.ImportStreamView.as_view(), name="import-stream"),
    path("imports/<uuid:pk>/cancel", imports.CancelView.as_view(), name="import-cancel"),
    path("imports/<uuid:pk>/retry", imports.RetryView.as_view(), name="import-retry"),
    path("imports/<uuid:pk>/redrive", imports.RedriveView.as_view(), name="import-redrive"),
    path("imports/<uuid:pk>/re-enrich", imports.ReEnrichView.as_view(), name="import-re-enrich"),
    path("imports/<uuid:pk>/give-up-source", imports.GiveUpView.as_view(), name="import-give-up-source"),
    path("imports/<uuid:pk>/unmatched.csv", rows.UnmatchedView.as_view(), name="import-unmatched"),
    path("imports/<uuid:pk>/rows", rows.RowListView.as_view(), name="rows"),
    path("imports/<uuid:pk>/rows/<int:number>", rows.RowDetailView.as_view(), name="row"),
    path("imports/<uuid:pk>/rows/<int:number>/retry", rows.RowRetryView.as_view(), name="row-retry"),
    path("imports/<uuid:pk>/rows/<int:number>/choose", rows.RowChooseView.as_view(), name="row-choose"),
    path("dead-letters", rows.DeadLetterView.as_view(), name="dead-letters"),
    path("books", books.BookListView.as_view(), name="books"),
    path("books/<uuid:public_id>", books.BookDetailView.as_view(), name="book"),
    path("books/<uuid:public_id>/lock", books.BookLockView.as_view(), name="book-lock"),
    path("books/<uuid:public_id>/unlock", books.BookUnlockView.as_view(), name="book-unlock"),
]
