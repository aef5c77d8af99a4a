# tidegate with the drivers of Redis, Kafka and ClickHouse over HTTP. Without the embedded ClickHouse, which is 550 MB: name
# a server by TIDEGATE_CLICKHOUSE_URL.

FROM node:24.9.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY build.mjs tsconfig.json ./
COPY src src
COPY lua lua
COPY migrations migrations
COPY policies policies
COPY dashboards/json dashboards/json
COPY dashboards/provisioning dashboards/provisioning
COPY dashboards/opt-in dashboards/opt-in
COPY dashboards/prometheus dashboards/prometheus
COPY dashboards/clickhouse dashboards/clickhouse
COPY CHANGELOG.md SECURITY.md README.md LICENSE ./
RUN npm run build --silent && npm pack --silent --ignore-scripts
# The optional packages that the commands use, in the versions that the tests ran with.
RUN node -e "\
const { peerDependencies } = require('./package.json');\
const { packages } = require('./package-lock.json');\
const names = Object.keys(peerDependencies).filter((name) => name !== 'chdb');\
console.log(names.map((name) => name + '@' + packages['node_modules/' + name].version).join('\n'))" > peers.txt

FROM node:24.9.0-bookworm-slim AS install
WORKDIR /app
COPY --from=build /build/tidegate-*.tgz /build/peers.txt /tmp/
RUN echo '{ "private": true }' > package.json \
  && npm install --omit=dev --omit=peer --no-audit --no-fund /tmp/tidegate-*.tgz $(cat /tmp/peers.txt)

FROM node:24.9.0-bookworm-slim
ENV NODE_ENV=production TIDEGATE_HOST=0.0.0.0 TIDEGATE_PORT=8080
WORKDIR /app
COPY --from=install /app/node_modules node_modules
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "node_modules/tidegate/dist/cli/main.js"]
CMD ["up"]
