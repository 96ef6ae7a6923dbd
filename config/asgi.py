"""The ASGI entry point: HTTP by Django, websockets by Channels."""

import gc
import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_app = get_asgi_application()  # sets Django up, so it comes before what needs it

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from bookops.body_limit import App, BodyLimit  # noqa: E402
from config.urls import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(cast(App, django_app), most=settings.UPLOAD_MAX_BYTES),
        "websocket": URLRouter(websocket_urlpatterns),
    }
)

# What was loaded stays: a collection that looks at all of it again holds up whatever is being answered for a tenth of a second.
gc.freeze()
