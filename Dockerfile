# The image of every process of ours: web, workers, beat, sweeper, Flower. compose says which one a container is.
FROM python:3.11-slim-bookworm AS built
WORKDIR /app
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin bookops \
    && install -d -o bookops -g bookops -m 700 /var/lib/bookops /var/spool/bookops
COPY --from=built /venv /venv
WORKDIR /app
COPY . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/var/lib/bookops STATIC_ROOT=/app/static
# Collected once, at build: the values only satisfy production's checks and end with this line.
RUN ENVIRONMENT=production SECRET_KEY=built-without-any-secret-and-never-used-to-sign-anything CONTACT=build@localhost.example \
    ALLOWED_HOSTS=localhost SOURCES=live ASKS_SOURCES=false python manage.py collectstatic --no-input
USER bookops
EXPOSE 8000
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", "--no-access-log", "--no-server-header", "--no-proxy-headers"]
