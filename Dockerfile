# The worker (and the producer): Debian's Python and pinned wheels, without torch, compiler or pip.
# Runs with `--read-only --cap-drop ALL`. Needs only a user, a port and its settings (MMDIGIT_*).
# `--build-arg REQUIREMENTS=msk` adds IAM login to Amazon MSK, 35 MB; `otel` adds span export; `forms` adds the workers of
# paper forms, 250 MB; `gateway` adds the HTTP API beside forms, 40 MB more; `"msk otel"` adds both of these.

FROM debian:bookworm-slim AS pip
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_REQUIRE_HASHES=1 PIP_ONLY_BINARY=:all:

FROM pip AS builder
# pip is outside the environment, so that the environment copied to the last stage cannot install anything.
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/mmdigit
COPY requirements/worker.txt /tmp/worker.txt
# Only development environments need setuptools, and numpy's own tests never run here.
RUN /opt/pip/bin/pip --python /opt/mmdigit/bin/python install --requirement /tmp/worker.txt \
 && /opt/pip/bin/pip --python /opt/mmdigit/bin/python uninstall --yes setuptools \
 && rm -rf /opt/mmdigit/lib/python3*/site-packages/numpy/*/tests
ARG REQUIREMENTS=""
COPY requirements/msk.txt requirements/otel.txt requirements/forms.txt requirements/gateway.txt /tmp/
RUN for set in $REQUIREMENTS; do \
      /opt/pip/bin/pip --python /opt/mmdigit/bin/python install --requirement "/tmp/$set.txt" || exit 1; \
    done

# The bill of materials of installed packages, with licences. dpkg's status lists Debian's packages.
FROM pip AS sbom
RUN python3 -m venv /opt/sbom
COPY requirements/sbom.txt /tmp/sbom.txt
RUN /opt/sbom/bin/pip install --requirement /tmp/sbom.txt
COPY --from=builder /opt/mmdigit /opt/mmdigit
RUN /opt/sbom/bin/cyclonedx-py environment /opt/mmdigit/bin/python --output-reproducible --of JSON -o /sbom.json

FROM builder AS app
COPY schemas /app/schemas
COPY mmdigit /app/mmdigit
COPY worker /app/worker
COPY producer /app/producer
# unchecked-hash: bytecode stays valid whatever time stamps the copied files have.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app \
 && chmod -R a+rX /app

FROM debian:bookworm-slim
# ca-certificates: the public authorities that sign MSK's and ElastiCache's certificates; the base image has none.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
COPY --from=builder /opt/mmdigit /opt/mmdigit
COPY --from=sbom /sbom.json /usr/share/mmdigit/sbom.json
COPY --from=app /app /app
# ONNX Runtime 1.29 and later sends telemetry to its vendor unless this is set before it is loaded.
ENV ORT_DISABLE_TELEMETRY=1
ENV PATH=/opt/mmdigit/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MMDIGIT_METRICS_HOST=0.0.0.0 \
    MMDIGIT_METRICS_PORT=9100 \
    MMDIGIT_JSON_LOGS=true
WORKDIR /app
USER 10001:10001
EXPOSE 9100
ARG VERSION=0.8.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mmdigit" \
      org.opencontainers.image.description="A streaming worker that reads digits which were both written and spoken" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % os.environ['MMDIGIT_METRICS_PORT'], timeout=4)"]
# Exec form, so that SIGTERM reaches the worker, which finishes its batch, commits and exits.
ENTRYPOINT ["python", "-m", "worker"]
