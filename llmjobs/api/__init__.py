"""The REST API and the websocket of LLM jobs."""
