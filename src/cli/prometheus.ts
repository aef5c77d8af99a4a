import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Logger } from '../logger.ts';
import { type Instrument, instruments } from '../metrics/instruments.ts';
import { nameWithUnit } from '../metrics/prometheus-name.ts';
import { type ToldNumbers, toldNumbers } from './metric-samples.ts';

/**
 * What is observed now, and nothing else: cumulative gauges would go on with their last value for ever, and a partition
 * that has gone to another process would seem to be as far behind as it was then.
 */
const temporalityOf = (type: InstrumentType): AggregationTemporality =>
  type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;

/**
 * Series of one instrument. The SDK's own 2,000 are too few for a thousand policies by outcome and source: what is beyond loses
 * its outcome, too, so that denials would be missing from the denied share. Labels are bounded by what is configured.
 */
const maxSeries = 20_000;

class ReaderOnDemand extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: temporalityOf, cardinalitySelector: () => maxSeries });
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

/** Names with their unit, which Prometheus does not know of otherwise. */
const views = Object.values<Instrument>(instruments)
  .filter((instrument) => nameWithUnit(instrument) !== instrument.name)
  .map((instrument) => ({ instrumentName: instrument.name, name: nameWithUnit(instrument) }));

/** Of OpenMetrics, and of units that it does not know; the text format has no such lines. */
const unitLine = /^# UNIT .*\n/gm;

/** Metrics that are collected when they are asked for. */
export interface Prometheus {
  readonly meterProvider: MeterProvider;
  /** Everything as it is now, in the text format 0.0.4. */
  collect(): Promise<string>;
  /** The same, for whoever publishes it. */
  tell(): Promise<ToldNumbers>;
  close(): Promise<void>;
}

/** A meter provider of its own: a host's, should there be one, stays as it is. */
export const openPrometheus = (logger: Logger): Prometheus => {
  const reader = new ReaderOnDemand();
  const meterProvider = new MeterProvider({ readers: [reader], views });
  // No target_info, which says nothing here, and no label for the meter's name: there is one meter.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const read = async (): Promise<ResourceMetrics> => {
    const { resourceMetrics, errors } = await reader.collect();
    for (const err of errors) logger.warn({ err }, 'some metrics could not be read');
    return resourceMetrics;
  };
  return {
    meterProvider,
    collect: async () => serializer.serialize(await read()).replaceAll(unitLine, ''),
    tell: async () => toldNumbers(await read()),
    close: () => meterProvider.shutdown(),
  };
};
