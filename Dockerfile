# No default: which image this is, and its digest, is for deploy/images.env to say (make images).
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE} AS packages
COPY requirements.lock /opt/requirements.lock
RUN python -m venv /opt/haru \
    && /opt/haru/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /opt/requirements.lock

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --create-home --home-dir /var/lib/haru haru
COPY --from=packages /opt/haru /opt/haru
COPY . /app
WORKDIR /app
ENV PATH=/opt/haru/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HARU_DATA_DIR=/var/lib/haru/data \
    HARU_TELEMETRY__LOG_FORMAT=json
USER 10001
VOLUME /var/lib/haru
STOPSIGNAL SIGTERM
ENTRYPOINT ["python"]
CMD ["worker.py"]
