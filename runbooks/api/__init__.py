"""The REST API and the websocket of evaluations."""
