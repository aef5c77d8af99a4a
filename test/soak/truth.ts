import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { encodeEvent } from '../../src/event/event-codec.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { crc32Hex } from '../../src/event/frame.ts';
import { baseTimeMs, decisionFrame, FrameSource } from '../support/decision-frames.ts';

/** What must be stored of one partition: sums over its events. */
export interface Sums {
  readonly events: number;
  readonly decisions: number;
  readonly denied: number;
  readonly blocked: number;
  readonly cost: number;
  readonly early: number;
}

export const noSums: Sums = { events: 0, decisions: 0, denied: 0, blocked: 0, cost: 0, early: 0 };

/** Counts what is sent, without any of the code that stores it. */
export class Truth {
  readonly byPartition = new Map<number, Sums>();
  /** Rows and whole records that must be among the dead letters: `partition:offset:index`, index -1 for a record. */
  deadLetters = 0;
  /** Rows that came more than once. */
  doubledRows = 0;

  add(events: readonly DecisionEvent[]): void {
    for (const { partition, count, outcome, cost, early } of events) {
      const sums = this.byPartition.get(partition) ?? noSums;
      this.byPartition.set(partition, {
        events: sums.events + 1,
        decisions: sums.decisions + count,
        denied: sums.denied + (outcome === 'denied' ? count : 0),
        blocked: sums.blocked + (outcome === 'blocked' ? count : 0),
        cost: sums.cost + cost * count,
        early: sums.early + (early ?? 0),
      });
    }
  }

  /** Both together. */
  with(other: Truth): Truth {
    const sum = new Truth();
    for (const truth of [this, other]) {
      sum.deadLetters += truth.deadLetters;
      sum.doubledRows += truth.doubledRows;
      for (const [partition, sums] of truth.byPartition) {
        const before = sum.byPartition.get(partition) ?? noSums;
        sum.byPartition.set(partition, {
          events: before.events + sums.events,
          decisions: before.decisions + sums.decisions,
          denied: before.denied + sums.denied,
          blocked: before.blocked + sums.blocked,
          cost: before.cost + sums.cost,
          early: before.early + sums.early,
        });
      }
    }
    return sum;
  }

  get decisions(): number {
    return [...this.byPartition.values()].reduce((sum, { decisions }) => sum + decisions, 0);
  }
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
const outcomes = ['allowed', 'denied', 'allowed', 'blocked', 'denied'] as const;

/** Differs in everything that a rollup groups or sums by, over two months, many hours and minutes. */
const eventOf = (index: number): Partial<DecisionEvent> => {
  const outcome = outcomes[index % outcomes.length] ?? 'allowed';
  return {
    timeMs: baseTimeMs + (index % 2) * 31 * dayMs + (index % 7) * 97 * minuteMs + index * 13,
    tenant: `tenant-${index % 3}`,
    client: `client-${(index * 31) % 57}`,
    clientKind: index % 2 === 0 ? 'ip' : 'key',
    route: `GET /route-${index % 5}/:id`,
    region: index % 4 === 0 ? 'us-east' : 'eu-west',
    outcome,
    source: outcome === 'blocked' ? 'block-list' : 'store',
    degraded: index % 11 === 0 ? 'timeout' : '',
    shadowDenied: index % 13 === 0 ? ['shadow'] : [],
    cost: 1 + (index % 3),
    latencyUs: 2 ** (index % 9),
    count: 1 + (index % 17),
    early: outcome === 'denied' ? index % 2 : 0,
  };
};

/** A log to be: what is sent, in order, and what must come of it. */
export interface Shipment {
  readonly frames: readonly OutgoingFrame[];
  readonly truth: Truth;
}

export interface ShipmentOptions {
  readonly partitions: number;
  readonly framesPerPartition: number;
  readonly rowsPerFrame: number;
  /** Every so many frames comes again right away, and once more four frames later. 0: none. */
  readonly doubleEvery?: number;
  /** Every so many frames holds two rows that no database can read, and after it comes one with a wrong checksum. 0: none. */
  readonly poisonEvery?: number;
  /** Part of the emitters' names: shipments to one topic differ in it. */
  readonly label?: string;
}

const emittersPerPartition = 3;

/** Whole to look at, impossible to store: `count` is no number. Its emitter goes on as if nothing were wrong. */
const poisoned = (events: readonly DecisionEvent[], badIndexes: readonly number[]): OutgoingFrame => {
  const lines = events.map((event, index) =>
    badIndexes.includes(index) ? encodeEvent(event).replace(/"count":\d+/, '"count":"many"') : encodeEvent(event),
  );
  const body = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const frame = decisionFrame(events);
  return { ...frame, body, headers: { ...frame.headers, crc32: crc32Hex([body]) } };
};

/** Emitters whose numbers go on without a gap, some of whose frames come twice and some of which cannot be read. */
export const shipmentOf = (options: ShipmentOptions): Shipment => {
  const { partitions, framesPerPartition, rowsPerFrame, doubleEvery = 0, poisonEvery = 0, label = 'e' } = options;
  const truth = new Truth();
  const frames: OutgoingFrame[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const sources = Array.from(
      { length: emittersPerPartition },
      (_, index) => new FrameSource({ partition, emitter: `${label}-${partition}-${index}` }),
    );
    const sent: OutgoingFrame[] = [];
    for (let at = 0; at < framesPerPartition; at += 1) {
      const facts = Array.from({ length: rowsPerFrame }, (_, row) => eventOf(at * rowsPerFrame + row));
      const events = sources[at % emittersPerPartition]?.events(...facts) ?? [];
      const isPoisoned = poisonEvery > 0 && at % poisonEvery === poisonEvery - 1;
      const bad = isPoisoned ? [1, Math.floor(rowsPerFrame / 2)] : [];
      const frame = isPoisoned ? poisoned(events, bad) : decisionFrame(events);
      truth.add(events.filter((_, index) => !bad.includes(index)));
      truth.deadLetters += bad.length;
      sent.push(frame);
      if (isPoisoned) {
        sent.push({ ...frame, headers: { ...frame.headers, crc32: '00000000' } });
        truth.deadLetters += 1;
      }
      if (doubleEvery > 0 && at % doubleEvery === doubleEvery - 1 && !isPoisoned) {
        sent.push(frame);
        truth.doubledRows += rowsPerFrame;
        const former = sent.at(-6);
        if (former && former.headers.crc32 !== '00000000' && !isPoisonedFrame(former)) {
          sent.push(former);
          truth.doubledRows += rowsPerFrame;
        }
      }
    }
    frames.push(...sent);
  }
  return { frames, truth };
};

const isPoisonedFrame = ({ body }: OutgoingFrame): boolean => body.includes('"count":"many"');
