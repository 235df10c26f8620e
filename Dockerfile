# The session service as an image, for a team that deploys it: `make image`, then `docker run session-service config` or
# deploy/compose.yaml. deploy/README.md says which file serves which situation.
#
# The base is any image with Python 3.11 or newer as python3, with its venv module, and with CA certificates.
# To run your own agents by the launchers `process` or `python`, build on the result: FROM session-service.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_QUIET=1
WORKDIR /src

# pip and the build backends live in a virtual environment of their own and stay behind in this stage. Without build
# isolation nothing is fetched that requirements/ does not name with its hash.
COPY requirements/build.txt requirements/service.txt requirements/
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
 && /opt/build/bin/pip wheel --require-hashes --no-build-isolation -w wheels -r requirements/service.txt

COPY LICENSE README.md pyproject.toml ./
COPY agent_helpers agent_helpers
COPY session_service session_service
# Byte code is written here, because at run time nothing is. It is not compared with its source's time stamp, which a
# copy between stages may change.
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps -w wheels . \
 && python3 -m venv --without-pip /opt/venv \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --no-index --no-deps --no-compile wheels/*.whl \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

FROM ${BASE}
# Some bases come without byte code for the standard library; a first start compiles it every time then.
RUN python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3|ensurepip|site-packages|dist-packages)/' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/venv /opt/venv

# Where sessions are kept, so that a new container knows of the agents that the last one left. A volume even where nobody
# names one: the rest of the file system may be read-only.
RUN install -d -m 0700 -o 65532 -g 65532 /var/lib/session-service
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SESSION_HOST=0.0.0.0 \
    STATE_DIRECTORY=/var/lib/session-service
VOLUME /var/lib/session-service
# By number, so that Kubernetes' runAsNonRoot can tell that it is not root.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s --retries=3 \
  CMD ["/opt/venv/bin/session-service", "healthcheck"]
ENTRYPOINT ["/opt/venv/bin/session-service"]
CMD ["serve"]
