import type { Health } from '../api/readiness.ts';
import type { Context } from './context.ts';
import { adapter } from './engines.ts';
import { listen } from './listen.ts';
import type { MetricsSide } from './metrics-side.ts';
import type { Opened } from './opened.ts';

export interface ProbeSideOptions {
  readonly health: Health;
  /** Where no --port is given. */
  readonly defaultPort: number;
  readonly opened: Opened;
  readonly metrics: MetricsSide;
}

/** Serves `/livez`, `/readyz` and `/metrics` of a process without an API, unless the port is `none`. */
export const openProbeSide = async (context: Context, options: ProbeSideOptions): Promise<void> => {
  const { config, logger } = context;
  if (config.port === 'none') return;
  const { createProbes } = await adapter(() => import('../api/server.ts'));
  const probes = options.opened.add(await createProbes(options.health, logger, options.metrics.scrape), (server) =>
    server.close(),
  );
  const url = await listen(probes, config.host, config.port ?? options.defaultPort);
  logger.info({ url }, `probes at ${url}/livez and ${url}/readyz, metrics at ${url}/metrics`);
};
