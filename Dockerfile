# All commands of pyresque, for a machine without Python, and a base for an image with jobs of your own: docs/installing.md.
#
# No init is in it: a worker waits for its own children and hears signals as the first process, too. TERM means what docker stop
# means: no further job, and time for the one that runs (GRACEFUL_TERM).

FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/pyresque \
    && /opt/pyresque/bin/pip install --no-cache-dir --disable-pip-version-check '.[web,scheduler,async]' \
    && /opt/pyresque/bin/pip check

FROM python:3.13-slim
RUN groupadd --gid 10001 pyresque \
    && useradd --uid 10001 --gid pyresque --no-create-home --shell /usr/sbin/nologin pyresque
COPY --from=build /opt/pyresque /opt/pyresque
ENV PATH=/opt/pyresque/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRACEFUL_TERM=1
WORKDIR /srv
USER 10001:10001
ENTRYPOINT ["pyresque"]
CMD ["--help"]
