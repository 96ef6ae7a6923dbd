"""The servers an operator named instead of our own: each must answer before anything is started."""

from __future__ import annotations

import psycopg
from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from bookops.stack.errors import StackError


def demand_database() -> None:
    """Raise StackError when PostgreSQL takes no connection; SQLite is a file and always there."""
    if connection.vendor != "postgresql":
        return
    # Past the pool, which would try for 20 seconds and say so in many lines.
    try:
        psycopg.connect(**connection.get_connection_params()).close()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise StackError(f"The database does not answer: {reason}. Start it, or put DATABASE_URL right.") from error


def demand_broker() -> None:
    """Raise StackError when the Redis of REDIS_URL does not answer."""
    try:
        cache.get("anything")
    except RedisError as error:
        raise StackError(
            f"The broker does not answer: {error} Start it, put REDIS_URL right, or unset it to get one of our own."
        ) from error
