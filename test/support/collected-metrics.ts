import type { Attributes } from '@opentelemetry/api';
import { MeterProvider, type MetricData, MetricReader } from '@opentelemetry/sdk-metrics';

class ReaderOnDemand extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

export interface CollectedMetrics {
  readonly meterProvider: MeterProvider;
  /** Everything that has a value now, by name. */
  collect(): Promise<ReadonlyMap<string, MetricData>>;
  /** The values of one metric, each with its attributes; empty when it has none. */
  valuesOf(name: string): Promise<readonly (readonly [Attributes, unknown])[]>;
  /** The value of a metric that has no attributes; undefined when it has none. */
  numberOf(name: string): Promise<unknown>;
}

/** A real meter provider whose metrics are read when a test asks. */
export const collectedMetrics = (): CollectedMetrics => {
  const reader = new ReaderOnDemand();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw new AggregateError(errors, 'collecting metrics failed');
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return new Map(metrics.map((metric) => [metric.descriptor.name, metric]));
  };
  const valuesOf = async (name: string) =>
    ((await collect()).get(name)?.dataPoints ?? []).map(({ attributes, value }) => [attributes, value] as const);
  return { meterProvider, collect, valuesOf, numberOf: async (name) => (await valuesOf(name))[0]?.[1] };
};
