# `faceoff serve` in an image of its own; see docs/live.md. This project's tests never build it, as
# they have no container engine.
#   docker build -f containers/live.Dockerfile -t faceoff-live .
#   docker run --rm --read-only --tmpfs /tmp -e FACEOFF_TOKEN -p 127.0.0.1:8000:8000 faceoff-live
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /faceoff
COPY Makefile pyproject.toml setup.py README.md ./
COPY requirements requirements
COPY workflow workflow
RUN make .venv-live/.ready PIP_FLAGS="--no-cache-dir --disable-pip-version-check --no-input"

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home faceoff && install -d -o faceoff /cache
COPY --from=build /faceoff /faceoff
ENV PATH=/faceoff/.venv-live/bin:$PATH FACEOFF_CACHE=/cache PYTHONDONTWRITEBYTECODE=1
USER faceoff
WORKDIR /home/faceoff
EXPOSE 8000
# Without FACEOFF_TOKEN or FACEOFF_TOKEN_FILE the server refuses this address, and ends.
ENTRYPOINT ["faceoff"]
CMD ["serve", "--host", "0.0.0.0"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/v1/health', timeout=4)"]
