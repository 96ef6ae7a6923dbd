"""Real servers that tests start for themselves: Valkey and PostgreSQL."""
