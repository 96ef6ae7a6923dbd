"""The addresses of what every API of the project shares."""

from django.urls import path

from bookops.api import notices, sources, tokens

urlpatterns = [
    path("login", tokens.LoginView.as_view(), name="login"),
    path("tokens", tokens.TokensView.as_view(), name="tokens"),
    path("tokens/<str:key>", tokens.TokenView.as_view(), name="token"),
    path("tickets", tokens.TicketsView.as_view(), name="tickets"),
    path("notices", notices.NoticeListView.as_view(), name="notices"),
    path("notices/choice", notices.NoticeChoiceView.as_view(), name="notice-choice"),
    path("notices/<uuid:pk>/read", notices.NoticeReadView.as_view(), name="notice-read"),
    path("webhooks", notices.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:pk>", notices.WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:pk>/secret", notices.WebhookSecretView.as_view(), name="webhook-secret"),
    path("sources", sources.SourcesView.as_view(), name="sources"),
]
