# One service: docker build --build-arg SERVICE=plans -t milepost-plans .
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/runtime.txt /requirements.txt
COPY deploy/slim.py /slim.py
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --only-binary :all: -r /requirements.txt \
    && /opt/venv/bin/pip uninstall -y pip \
    && python /slim.py /opt/venv/lib/python3.13/site-packages \
    && find /opt/venv -name '*.so*' -exec strip --strip-unneeded {} +
WORKDIR /app
COPY shared shared
COPY services services
COPY deploy/__init__.py deploy/migrate.py deploy/topics.py deploy/
COPY deploy/sql deploy/sql
COPY deploy/sources deploy/sources
COPY deploy/local/__init__.py deploy/local/home.py deploy/local/console.py \
     deploy/local/dead_letters.py deploy/local/
COPY deploy/operations deploy/operations
RUN python -m compileall -q /app

FROM python:3.13-slim
ARG SERVICE
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="milepost-${SERVICE}" \
      org.opencontainers.image.description="Milepost: ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MILEPOST_SERVICE=${SERVICE} \
    MILEPOST_SOURCES=/app/deploy/sources \
    MILEPOST_HOST=0.0.0.0 \
    MILEPOST_PORT=8000
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['MILEPOST_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["python", "-c", "import os, runpy; runpy.run_module('services.' + os.environ['MILEPOST_SERVICE'], run_name='__main__', alter_sys=True)"]
