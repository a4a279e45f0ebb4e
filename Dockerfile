# The image of the GitHub Action; `docker run IMAGE COMMAND` runs any other command of the program.
# Builds with BuildKit and with the legacy builder alike, so nothing here is BuildKit's alone.

FROM python:3.13-slim AS base

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /build
# The first is the image's, the second has what builds the package. Neither needs a pip of its own.
RUN python -m venv --without-pip /opt/provisioner && python -m venv --without-pip /opt/build
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m pip --python /opt/provisioner install --quiet \
        --require-hashes --only-binary :all: --requirement requirements/runtime.txt && \
    python -m pip --python /opt/build install --quiet \
        --require-hashes --only-binary :all: --requirement requirements/build.txt
# What changes most often comes last.
COPY pyproject.toml LICENSE ./
COPY provisioner provisioner
RUN python -m pip --python /opt/build wheel --quiet \
        --no-index --no-deps --no-build-isolation --wheel-dir dist . && \
    python -m pip --python /opt/provisioner install --quiet --no-index --no-deps dist/*.whl

FROM base
# The base comes without its standard library's bytecode, which every run would have to make anew:
# that is most of the time until the first request.
RUN python -m compileall -q -j 0 -x site-packages \
        "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=build /opt/provisioner /opt/provisioner
LABEL org.opencontainers.image.title="Mastodon Provisioner" \
      org.opencontainers.image.description="Mastodon access tokens into GitHub's Actions secrets, rotated without an outage" \
      org.opencontainers.image.source="https://github.com/mastodon-provisioner/mastodon-provisioner" \
      org.opencontainers.image.licenses="MIT"
# No USER: the runner's files for outputs and summary belong to another user, and only root can write
# to them. No WORKDIR: the runner sets its own.
# An absolute path and -I (which includes -P), since the runner passes a job's `env:` on and starts in the user's
# checkout: neither PATH, PYTHONPATH, PYTHONSTARTUP or PYTHONHOME nor a file named httpx.py there may
# say what is run while the secrets are in the environment.
ENTRYPOINT ["/opt/provisioner/bin/python", "-I", "-m", "provisioner"]
