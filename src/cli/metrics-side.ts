import { messageOf, TidegateError } from '../errors.ts';
import { type Instrumentation, instrument } from '../metrics/instrument.ts';
import type { Context } from './context.ts';
import { adapter } from './engines.ts';
import { sharing } from './health.ts';
import { manifest } from './manifest.ts';
import type { ToldNumbers } from './metric-samples.ts';
import type { Opened } from './opened.ts';
import { processFigures } from './process-figures.ts';
import type { Prometheus } from './prometheus.ts';

/** What measures a process, and what answers a scrape. */
export interface MetricsSide {
  readonly measuring: Instrumentation;
  /** The text of a scrape; within a second all who ask share one. Null: what it needs is not installed. */
  readonly scrape: (() => Promise<string>) | null;
  /** What is published of this process, a bounded part of it. Null likewise. */
  readonly tell: (() => Promise<ToldNumbers>) | null;
}

export interface MetricsSideOptions {
  /** Which process this is. */
  readonly command: string;
  readonly opened: Opened;
  /** What brings the packages. */
  readonly load?: () => Promise<Pick<typeof import('./prometheus.ts'), 'openPrometheus'>>;
}

type Load = NonNullable<MetricsSideOptions['load']>;

const open = async ({ logger }: Context, load: Load = () => import('./prometheus.ts')): Promise<Prometheus | null> => {
  try {
    const { openPrometheus } = await adapter(load);
    return openPrometheus(logger);
  } catch (error) {
    // What limits requests must not end for want of something that looks on.
    if (!(error instanceof TidegateError) || error.code !== 'ENGINE_MISSING') throw error;
    logger.warn(
      { err: messageOf(error) },
      'no /metrics, and nothing in health_samples: the packages for it are not installed',
    );
    return null;
  }
};

/** Measures a process of its own. Without the packages for it, what a host has set up for this process gets the numbers. */
export const openMetricsSide = async (context: Context, options: MetricsSideOptions): Promise<MetricsSide> => {
  const { clock, config } = context;
  const { command, opened } = options;
  const prometheus = await open(context, options.load);
  if (prometheus) opened.add(prometheus, (closing) => closing.close());
  const measuring = instrument(prometheus ? { meterProvider: prometheus.meterProvider, clock } : {});
  measuring.describe({
    'tidegate.version': manifest().version,
    'tidegate.command': command,
    'tidegate.region': config.region,
  });
  const figures = opened.add(processFigures(), (closing) => closing.stop());
  opened.add(measuring.observeProcess(figures), (stop) => stop());
  return {
    measuring,
    scrape: prometheus ? sharing(clock, () => prometheus.collect()) : null,
    tell: prometheus ? () => prometheus.tell() : null,
  };
};
