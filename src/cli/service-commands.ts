import type { Command } from 'commander';
import { alertSettings } from './alert-settings.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import type { Context } from './context.ts';
import { adapter } from './engines.ts';
import { exitCodes } from './failure.ts';
import { type Service, untilStopped } from './lifetime.ts';
import { retentionSettings, type SettingName } from './settings.ts';
import type { RunningService } from './up.ts';

const everywhere: readonly SettingName[] = ['logLevel', 'shutdownTimeoutMs', 'host', 'port'];
const deciding: readonly SettingName[] = [
  'namespace',
  'region',
  'policiesFile',
  'apiTokens',
  'apiTokensFile',
  'events',
  'eventCompression',
  'storeDeadlineMs',
  'blockPollMs',
  'blockListFile',
];
const access: readonly SettingName[] = [
  'oidcIssuer',
  'oidcAudience',
  'oidcNameClaim',
  'oidcRoleClaim',
  'oidcRoles',
  'oidcTenantClaim',
];
const alerting = Object.keys(alertSettings) as (keyof typeof alertSettings)[];
const logs: readonly SettingName[] = ['kafkaUrl', 'partitions'];
const analytics: readonly SettingName[] = ['clickhouseUrl', 'rawTtlDays', 'pseudonymKeysFile', 'auditMinutes'];
const retention: readonly SettingName[] = ['clickhouseCluster', ...retentionSettings];

const stopping = `
SIGTERM and SIGINT stop it without loss, within --shutdown-timeout-ms; a second signal ends it at once.
Exit codes: 0 stopped and everything stored, 1 something failed or was left behind, 2 it cannot start as it was asked to.`;

const runUntilStopped = async (service: Service, { clock, logger, config }: Context): Promise<void> => {
  const complete = await untilStopped(service, {
    clock,
    logger,
    timeoutMs: config.shutdownTimeoutMs,
    signals: process,
    exitNow: (code) => process.exit(code),
  });
  process.exitCode = complete ? exitCodes.done : exitCodes.failed;
};

const announce = ({ url, generatedToken }: RunningService, host: Host): void => {
  host.stdout.write(`tidegate listens on ${url} (console: ${url}/, API reference: ${url}/docs/)\n`);
  if (generatedToken === null) return;
  host.stderr.write(
    `Sign in: ${url}/#token=${generatedToken} (a token of this run, for everything; set TIDEGATE_API_TOKENS to keep one)\n`,
  );
};

export const upCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'up',
    summary: 'Run everything in one process: gate, API, ingest, detector and block list',
    settings: [
      ...everywhere,
      'redisUrl',
      'secondaryRedisUrl',
      ...logs,
      ...analytics,
      ...retention,
      ...deciding,
      ...access,
      'webhooksFile',
      ...alerting,
      'rulesFile',
      'clickhousePort',
      'clickhouseHost',
      'clickhousePassword',
    ],
    help: `
Examples:
  $ tidegate up                                     embedded engines, data in .tidegate/clickhouse
  $ tidegate up --port 9000 --policies policies.yaml
  $ tidegate up --clickhouse-port 8123              its data for Grafana, curl and @clickhouse/client
  $ tidegate up --redis-url redis://localhost:6379 --kafka-url kafka://localhost:9092 \\
                --clickhouse-url http://localhost:8123/default
  $ curl -d '{"key":"user-1","limit":5,"window":60}' -H 'content-type: application/json' \\
         http://127.0.0.1:8080/v1/limiter/check
${stopping}`,
  });
  return command.action(async () => {
    const context = await contextOf(command, host);
    const { startUp } = await adapter(() => import('./up.ts'));
    const service = await startUp(context, host.isTerminal);
    announce(service, host);
    await runUntilStopped(service, context);
  });
};

export const serveCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'serve',
    summary: 'Run the console, the API and a gate; ingest and detect run as processes of their own',
    settings: [
      ...everywhere,
      'redisUrl',
      'secondaryRedisUrl',
      ...logs,
      'clickhouseUrl',
      ...deciding,
      ...access,
      'webhooksFile',
      ...alerting,
    ],
    help: `
Needs a Redis and a Kafka that the other processes reach. Without its ClickHouse it decides all the same.

Example:
  $ tidegate serve --redis-url redis://redis:6379 --kafka-url kafka://kafka:9092 \\
                   --clickhouse-url http://clickhouse:8123/default --host 0.0.0.0
${stopping}`,
  });
  return command.action(async () => {
    const context = await contextOf(command, host);
    const { startServe } = await adapter(() => import('./serve.ts'));
    const service = await startServe(context, host.isTerminal);
    announce(service, host);
    await runUntilStopped(service, context);
  });
};

export const ingestCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'ingest',
    summary: 'Move decisions from Kafka to ClickHouse, each exactly once',
    settings: [...everywhere, ...logs, ...analytics],
    help: `
Run \`tidegate migrate\` first. Several ingest processes share the partitions.
On --port (8081): /livez, /readyz and, for Prometheus, /metrics.

Example:
  $ tidegate ingest --kafka-url kafka://kafka:9092 --clickhouse-url http://clickhouse:8123/default
${stopping}`,
  });
  return command.action(async () => {
    const context = await contextOf(command, host);
    const { startIngest } = await adapter(() => import('./workers.ts'));
    await runUntilStopped(await startIngest(context), context);
  });
};

export const detectCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'detect',
    summary: 'Watch the decisions in Kafka and block the clients that keep hitting limits',
    settings: [...everywhere, 'redisUrl', 'namespace', ...logs, 'rulesFile', 'webhooksFile'],
    help: `
Several detect processes share the partitions.
On --port (8082): /livez, /readyz and, for Prometheus, /metrics.

Example:
  $ tidegate detect --kafka-url kafka://kafka:9092 --redis-url redis://redis:6379 --rules rules.yaml
${stopping}`,
  });
  return command.action(async () => {
    const context = await contextOf(command, host);
    const { startDetect } = await adapter(() => import('./workers.ts'));
    await runUntilStopped(await startDetect(context), context);
  });
};
