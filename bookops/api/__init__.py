"""What every API of the project shares: pages, throttles, problems, tokens, idempotency."""
