# The server: docker build -t finetune . && docs/serve.md
FROM python:3.11-slim AS installed
COPY . /source
# The same script that `make` runs, and so the checks of every change.
RUN /source/.ci/install /opt/finetune

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 finetune && mkdir /data && chown finetune /data
COPY --from=installed /opt/finetune /opt/finetune
ENV PATH=/opt/finetune/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FINETUNE_CACHE=/data/cache \
    HF_HOME=/data/hub
USER finetune
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# SIGTERM ends it kindly: what trains is kept and goes on with the next start.
STOPSIGNAL SIGTERM
ENTRYPOINT ["finetune"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--data-dir", "/data/service"]
