# The whole full environment with the workflow in it; see docs/hpc.md. This project's tests never
# build it, as they have no container engine.
#   docker build -f containers/full.Dockerfile -t faceoff .
#   docker run --rm -v "$PWD:/study" faceoff --cores 8
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /faceoff
COPY Makefile pyproject.toml setup.py README.md ./
COPY requirements requirements
COPY workflow workflow
RUN make .venv-full/.ready .venv-cluster/.ready \
    PIP_FLAGS="--no-cache-dir --disable-pip-version-check --no-input"
COPY Snakefile config.yaml ./
COPY configs configs
COPY envs envs
COPY profiles profiles
ENV PATH=/faceoff/.venv-full/bin:$PATH FACEOFF_CACHE=/study/cache
WORKDIR /study
ENTRYPOINT ["snakemake", "--snakefile", "/faceoff/Snakefile", \
    "--workflow-profile", "/faceoff/profiles/default"]
