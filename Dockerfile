# syntax=docker/dockerfile:1
ARG NODE_IMAGE=node:22-bookworm-slim

# The compiler and its platform packages are optional dependencies, so all are installed; their install scripts
# fetch and build what the image doesn't have (the native TensorFlow binding, the embedded ClickHouse).
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY services services
COPY pipelines pipelines
COPY detection detection
COPY alerting alerting
COPY lib lib
COPY loadtests loadtests
RUN npm run build

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force

# No tsconfig.json here: its absence tells bin/riskwire.mjs that this is an installed package with nothing to build.
FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="riskwire" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    RISKWIRE_HOST=0.0.0.0 \
    KAFKAJS_NO_PARTITIONER_WARNING=1 \
    MALLOC_MMAP_THRESHOLD_=262144
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY bin bin
COPY scripts/ensure.mjs scripts/
COPY schemas schemas
COPY pipelines pipelines
COPY migrations migrations
COPY models models
# what the demo replays
COPY examples examples
COPY deploy/docker/healthcheck.mjs deploy/docker/
USER node
EXPOSE 9400 9401 9402
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "deploy/docker/healthcheck.mjs"]
ENTRYPOINT ["node", "bin/riskwire.mjs"]
CMD ["--help"]
