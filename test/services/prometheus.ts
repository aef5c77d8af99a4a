import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { killDaemon, startDaemon } from './daemon.ts';
import { usablePorts } from './ports.ts';

const healthyWithinMs = 30_000;

/** A server of one test, gone with {@link stop} or with the process, whichever is first. */
export interface Monitor {
  readonly url: string;
  stop(): Promise<void>;
}

interface MonitorOptions {
  /** The program. */
  readonly program: string;
  /** Empty: its configuration, data and log. */
  readonly folder: string;
}

interface Server extends MonitorOptions {
  readonly name: string;
  readonly config: object;
  argsOf(port: number): readonly string[];
}

const answersOk = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
};

const startMonitor = async ({ name, program, folder, config, argsOf }: Server): Promise<Monitor> => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yml'), stringify(config));
  const [port] = await usablePorts(undefined);
  const url = `http://127.0.0.1:${port}`;
  const id = await startDaemon({
    ...{ name, folder, healthyWithinMs, command: program, tied: true, logPath: join(folder, 'log') },
    args: [`--config.file=${join(folder, 'config.yml')}`, ...argsOf(port)],
    isHealthy: () => answersOk(`${url}/-/ready`),
  });
  return { url, stop: () => killDaemon(id) };
};

/** Tells nobody of what it is told, and holds nothing back: groups show at once. */
export const startAlertmanager = (options: MonitorOptions): Promise<Monitor> =>
  startMonitor({
    ...options,
    name: 'Alertmanager',
    config: { route: { receiver: 'nobody', group_wait: '0s' }, receivers: [{ name: 'nobody' }] },
    argsOf: (port) => [
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.path=${join(options.folder, 'data')}`,
      // A cluster of its own would listen on a port that others want as well.
      '--cluster.listen-address=',
    ],
  });

export interface PrometheusOptions extends MonitorOptions {
  /** `host:port` of what it scrapes, every second, as the job `tidegate`. */
  readonly targets: readonly string[];
  /** Of Alertmanagers, `host:port`. */
  readonly alertmanagers: readonly string[];
  /** Paths of rules, evaluated every second where they say nothing else. */
  readonly rules: readonly string[];
}

export const startPrometheus = (options: PrometheusOptions): Promise<Monitor> =>
  startMonitor({
    ...options,
    name: 'Prometheus',
    config: {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: options.rules,
      scrape_configs: [{ job_name: 'tidegate', static_configs: [{ targets: options.targets }] }],
      alerting: { alertmanagers: [{ static_configs: [{ targets: options.alertmanagers }] }] },
    },
    argsOf: (port) => [
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${join(options.folder, 'data')}`,
      '--log.level=warn',
    ],
  });
