import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { shippedFiles } from '../../src/cli/dashboards/shipped.ts';
import { systemClock } from '../../src/clock.ts';

/** What was built beforehand; see docs/guides/grafana.md. */
export interface Built {
  /** The program `grafana`. */
  readonly server: string;
  /** The folder with its `conf` and `public`. */
  readonly home: string;
  /** The folder with `plugin.json` and the data source's program. */
  readonly plugin: string;
}

interface StartOptions {
  /** Where the database answers. */
  readonly clickhousePort: number;
  /** Of which files. Default: all. */
  readonly parts?: RegExp;
}

export interface GrafanaServer {
  readonly url: string;
  api(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
  close(): Promise<void>;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const settings = (folder: string, port: number): string => `
[server]
http_addr = 127.0.0.1
http_port = ${port}
[paths]
data = ${folder}/data
logs = ${folder}/logs
plugins = ${folder}/plugins
provisioning = ${folder}/provisioning
[security]
admin_password = tidegate
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
[plugins]
allow_loading_unsigned_plugins = grafana-clickhouse-datasource
[alerting]
enabled = false
[unified_alerting]
enabled = true
`;

/** Rules are for Grafana 12 and newer: the one that can be built is older, and knows neither of these. */
export const inOlderWords = (text: string): string =>
  text.replaceAll('State: KeepLast', 'State: Error').replaceAll(/^ +keepFiringFor: .*\n/gm, '');

/** What `tidegate dashboards build` writes, with the folder of dashboards of this machine. */
const writeFiles = (folder: string, { clickhousePort, parts = /./ }: StartOptions): void => {
  const ofThisMachine = (text: string): string =>
    text
      .replaceAll('/var/lib/grafana/dashboards/tidegate', join(folder, 'json'))
      .replaceAll('port: 8123', `port: ${clickhousePort}`);
  for (const kind of ['datasources', 'dashboards', 'alerting', 'plugins', 'notifiers']) {
    mkdirSync(join(folder, 'provisioning', kind), { recursive: true });
  }
  for (const [path, text] of shippedFiles()) {
    if (!parts.test(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const here = path.replace(/^opt-in\//, 'provisioning/alerting/');
    writeFileSync(join(folder, here), inOlderWords(ofThisMachine(text)));
  }
};

const started = async (child: ChildProcess, url: string): Promise<void> => {
  for (let tries = 0; tries < 240 && child.exitCode === null; tries += 1) {
    const health = await fetch(`${url}/api/health`).catch(() => null);
    if (health?.ok === true) return;
    await systemClock.sleep(500);
  }
  throw new Error('Grafana did not start');
};

/** Starts Grafana with what the package ships, asking the database at `clickhousePort`. `parts`: of which files. */
export const startGrafana = async ({ server, home, plugin }: Built, options: StartOptions): Promise<GrafanaServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-grafana-home-'));
  const port = await freePort();
  writeFiles(folder, options);
  cpSync(plugin, join(folder, 'plugins', 'clickhouse'), { recursive: true });
  writeFileSync(join(folder, 'grafana.ini'), settings(folder, port));
  const env = {
    PATH: process.env['PATH'] ?? '',
    TIDEGATE_CLICKHOUSE_HOST: '127.0.0.1',
    TIDEGATE_CLICKHOUSE_USER: 'default',
    TIDEGATE_CLICKHOUSE_DATABASE: 'default',
  };
  const child = spawn(server, ['server', '--homepath', home, '--config', join(folder, 'grafana.ini')], {
    env,
    stdio: ['ignore', openSync(join(folder, 'told.txt'), 'a'), openSync(join(folder, 'told.txt'), 'a')],
  });
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  const authorization = `Basic ${Buffer.from('admin:tidegate').toString('base64')}`;
  const api: GrafanaServer['api'] = async (path, body) => {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  try {
    await started(child, url);
  } catch (error) {
    const told = readFileSync(join(folder, 'told.txt'), 'utf8').split('\n').slice(-5).join('\n');
    await close();
    throw new Error(`${String(error)}:\n${told}`, { cause: error });
  }
  return { url, api, close };
};
