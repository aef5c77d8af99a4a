import { randomBytes } from 'node:crypto';
import type { SampleWindow } from '../alert/definition.ts';
import { gateSamples, tellsOfGates } from '../alert/gate-samples.ts';
import { HealthPublisher } from '../alert/health-publisher.ts';
import { HealthTail } from '../alert/health-tail.ts';
import { HeldSamples } from '../alert/held-samples.ts';
import { systemRandom } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { EventLog } from '../event/event-log.ts';
import type { GateBeat } from '../limiter/gate-report.ts';
import type { Sample, SampleCommand } from '../metrics/sample.ts';
import type { Context } from './context.ts';
import { schemeOf } from './engines.ts';
import type { MetricsSide } from './metrics-side.ts';
import type { Opened } from './opened.ts';

export interface HealthSideOptions {
  readonly command: Exclude<SampleCommand, 'gate'>;
  readonly log: EventLog;
  readonly metrics: MetricsSide;
  readonly opened: Opened;
}

/** A gate of this process, and what it knows of the others. */
export interface FleetView {
  readonly gateId: string;
  gates(): Promise<readonly GateBeat[]>;
}

export interface HealthSide {
  /** What all processes told lately, as far as this one hears of it. Nothing in `ingest` and `detect`. */
  readonly samples: SampleWindow;
  /** From now on this process tells of embedded gates, too, when it is its turn. */
  tellOf(fleet: FleetView): void;
}

/** Publishes what this process tells of itself; `up` and `serve` also hear what the others tell. */
export const openHealthSide = (context: Context, options: HealthSideOptions): HealthSide => {
  const { config, clock, logger } = context;
  const { command, log, metrics, opened } = options;
  const { region } = config;
  const process = `${region.slice(0, 64)}-${command}-${randomBytes(6).toString('hex')}`;
  const held = new HeldSamples({ clock });
  const isListening = command === 'up' || command === 'serve';
  let fleet: FleetView | null = null;
  const ofGates = async (atMs: number): Promise<readonly Sample[]> => {
    if (fleet === null) return [];
    try {
      const beats = await fleet.gates();
      return tellsOfGates(beats, fleet.gateId) ? gateSamples(beats, atMs) : [];
    } catch (error) {
      // The store is away: that is told by other numbers, and this process still tells of itself.
      logger.debug({ err: messageOf(error) }, 'nothing is known of embedded gates');
      return [];
    }
  };
  const { tell } = metrics;
  let omittedNumbers = 0;
  if (tell !== null) {
    const read = async (): Promise<readonly Sample[]> => {
      const { numbers, omitted } = await tell();
      omittedNumbers += omitted;
      const atMs = clock.nowMs();
      const own = numbers.map((number): Sample => ({ atMs, process, command, region, ...number }));
      return [...own, ...(await ofGates(atMs))];
    };
    const onRead = (samples: readonly Sample[]): void => {
      if (isListening) held.add(samples);
    };
    const publisher = new HealthPublisher({ log, process, read, onRead, clock, random: systemRandom, logger });
    opened.add(publisher, (closing) => closing.stop());
    metrics.measuring.observeHealth({ stats: () => ({ ...publisher.stats(), omitted: omittedNumbers }) });
    publisher.start();
  }
  // In a log of this process there is nothing but its own, which it has already.
  if (isListening && schemeOf(config.kafkaUrl) !== 'memory:') {
    const tail = new HealthTail({ log, process, onSamples: (samples) => held.add(samples), clock, logger });
    opened.add(tail, (closing) => closing.stop());
    tail.start();
  }
  return {
    samples: held,
    tellOf(view) {
      fleet = view;
    },
  };
};
