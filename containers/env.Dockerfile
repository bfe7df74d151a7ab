# One environment of envs/, as `--use-conda` makes it, for a cluster where conda may not run; see
# docs/hpc.md. This project's tests never build it.
#   docker build -f containers/env.Dockerfile --build-arg ENV=torch -t faceoff-torch .
FROM mambaorg/micromamba:2.0-debian12-slim
ARG ENV=core
COPY envs/${ENV}.yaml /env.yaml
RUN micromamba install --yes --name base --file /env.yaml && micromamba clean --all --yes
