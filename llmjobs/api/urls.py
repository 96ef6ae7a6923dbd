"""The addresses of the jobs' API."""

from django.urls import path

from llmjobs.api import actions, answers, jobs, live, planning, poller, reference

urlpatterns = [
    path("llm-jobs", jobs.JobListView.as_view(), name="llm-jobs"),
    path("llm-jobs/preview", planning.PreviewView.as_view(), name="llm-jobs-preview"),
    path("llm-jobs/estimate", planning.EstimateView.as_view(), name="llm-jobs-estimate"),
    path("llm-jobs/validate", planning.ValidateView.as_view(), name="llm-jobs-validate"),
    path("llm-jobs/count-scope", planning.CountScopeView.as_view(), name="llm-jobs-count-scope"),
    path("llm-jobs/purposes", reference.PurposesView.as_view(), name="llm-jobs-purposes"),
    path("llm-jobs/models", reference.ModelsView.as_view(), name="llm-jobs-models"),
    path("llm-jobs/spend", reference.SpendView.as_view(), name="llm-jobs-spend"),
    path("llm-jobs/measures", answers.MeasuresView.as_view(), name="llm-jobs-measures"),
    path("llm-jobs/unseen-count", jobs.UnseenCountView.as_view(), name="llm-jobs-unseen-count"),
    path("llm-jobs/ticks", poller.TickListView.as_view(), name="llm-jobs-ticks"),
    path("llm-jobs/poll-now", poller.PollNowView.as_view(), name="llm-jobs-poll-now"),
    path("llm-jobs/openai-webhook", poller.OpenAIWebhookView.as_view(), name="openai-webhook"),
    path("llm-jobs/<uuid:pk>", jobs.JobDetailView.as_view(), name="llm-job"),
    path("llm-jobs/<uuid:pk>/events", jobs.JobEventsView.as_view(), name="llm-job-events"),
    path("llm-jobs/<uuid:pk>/stream", live.JobStreamView.as_view(), name="llm-job-stream"),
    path("llm-jobs/<uuid:pk>/cancel", actions.CancelView.as_view(), name="llm-job-cancel"),
    path("llm-jobs/<uuid:pk>/pause", actions.PauseView.as_view(), name="llm-job-pause"),
    path("llm-jobs/<uuid:pk>/resume", actions.ResumeView.as_view(), name="llm-job-resume"),
    path("llm-jobs/<uuid:pk>/retry", actions.RetryView.as_view(), name="llm-job-retry"),
    path("llm-jobs/<uuid:pk>/retry-items", actions.RetryItemsView.as_view(), name="llm-job-retry-items"),
    path("llm-jobs/<uuid:pk>/append-items", actions.AppendView.as_view(), name="llm-job-append-items"),
    path("llm-jobs/<uuid:pk>/clone", actions.CloneView.as_view(), name="llm-job-clone"),
    path("llm-jobs/<uuid:pk>/mark-seen", actions.MarkSeenView.as_view(), name="llm-job-mark-seen"),
    path("llm-jobs/<uuid:pk>/measures", answers.JobMeasuresView.as_view(), name="llm-job-measures"),
    path("llm-jobs/<uuid:pk>/undo", answers.UndoJobView.as_view(), name="llm-job-undo"),
    path("llm-jobs/<uuid:pk>/items", answers.ItemListView.as_view(), name="llm-items"),
    path("llm-jobs/<uuid:pk>/items/<int:number>", answers.ItemDetailView.as_view(), name="llm-item"),
    path("llm-jobs/<uuid:pk>/items/<int:number>/undo", answers.UndoItemView.as_view(), name="llm-item-undo"),
    path("llm-jobs/<uuid:pk>/proposals", answers.ProposalListView.as_view(), name="llm-proposals"),
    path("llm-jobs/<uuid:pk>/proposals/accept", answers.AcceptView.as_view(), name="llm-proposals-accept"),
    path("llm-jobs/<uuid:pk>/proposals/reject", answers.RejectView.as_view(), name="llm-proposals-reject"),
    path("llm-jobs/<uuid:pk>/proposals/<int:proposal>", answers.ProposalDetailView.as_view(), name="llm-proposal"),
    path("llm-jobs/<uuid:pk>/proposals/<int:proposal>/correct", answers.CorrectView.as_view(), name="llm-proposal-correct"),
]
