# syntax=docker/dockerfile:1
# Stage 1 builds and leaves what the program needs to run in /image; stage 2 is the C and C++ libraries and that: no shell, no npm.
#   docker buildx build --platform linux/amd64,linux/arm64 -t meshbridge:0.1.0 .
ARG BUILD_BASE=node:24-bookworm
ARG BASE=gcr.io/distroless/cc-debian12

FROM ${BUILD_BASE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && test/components/image-tree.sh /image

FROM ${BASE}
COPY --from=build /image/ /
WORKDIR /opt/meshbridge
ENV NODE_ENV=production
EXPOSE 9529 9411
# Where nobody says otherwise it is root, since the kubelet's log files are root's; it needs none of root's capabilities.
# No VOLUME: what is mounted tells where the data goes, and runtimes would mount one of their own.
ENTRYPOINT ["/opt/meshbridge/launch", "/nodejs/bin/node", "--max-semi-space-size=4", "/opt/meshbridge/dist/main.js"]
CMD ["run"]
