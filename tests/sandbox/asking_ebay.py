"""What the tests of the sandbox's eBay ask it, with a token of their own."""

from __future__ import annotations

from typing import Any

import requests

from sandbox.ebay_tokens import BASIC_SCOPE
from sandbox.running import RunningSandbox

FORM = {"grant_type": "client_credentials", "scope": BASIC_SCOPE}


class EBayCaller:
    """One application that has its token."""

    def __init__(self, sandbox: RunningSandbox, *, client: str = "an-app", scope: str = BASIC_SCOPE, marketplace: str = "") -> None:
        self.url = f"{sandbox.url}/ebay"
        answer = requests.post(f"{self.url}/identity/v1/oauth2/token", auth=(client, "a-secret"), data={**FORM, "scope": scope}, timeout=10)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        if marketplace:
            self.headers["X-EBAY-C-MARKETPLACE-ID"] = marketplace

    def browse(self, path: str, **parameters: Any) -> requests.Response:
        """Call the Browse API."""
        return self.get(f"/buy/browse/v1{path}", **parameters)

    def get(self, path: str, **parameters: Any) -> requests.Response:
        """Call any API."""
        return requests.get(self.url + path, params=parameters, headers=self.headers, timeout=10)

    def item(self, number: str, **parameters: Any) -> requests.Response:
        """Ask for an item by the number in its link."""
        return self.browse("/item/get_item_by_legacy_id", legacy_item_id=number, **parameters)

    def search_answer(self, **parameters: Any) -> requests.Response:
        """Search, and return the answer."""
        return self.browse("/item_summary/search", **parameters)

    def search(self, **parameters: Any) -> dict[str, Any]:
        """Search, and return what is found."""
        answer = self.search_answer(**parameters)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def error_of(answer: requests.Response) -> tuple[int, int]:
    """Return the status and the error id of a refusal."""
    return answer.status_code, answer.json()["errors"][0]["errorId"]
