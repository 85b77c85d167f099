# syntax=docker/dockerfile:1
# Stage 1 builds and leaves what the program needs to run in /image; stage 2 has Node and nothing else: no shell, no npm.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && test/components/image-tree.sh /image

FROM gcr.io/distroless/nodejs24-debian12
COPY --from=build /image/ /
WORKDIR /opt/meshbridge
ENV NODE_ENV=production
EXPOSE 9529 9411
VOLUME /var/lib/meshbridge
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "/opt/meshbridge/dist/main.js"]
CMD ["run"]
