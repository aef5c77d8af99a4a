import { clientFromKey, clientKinds, clientOf } from '../client.ts';
import { messageOf, type Problem } from '../errors.ts';
import { type DecisionEvent, eventVersion, wireNames } from '../event/decision-event.ts';
import { decodeEvent, encodeEvent } from '../event/event-codec.ts';
import type { FrameWriter, OutgoingFrame, Positions } from '../event/event-log.ts';
import { crc32Hex } from '../event/frame.ts';
import { partitionOf } from '../event/partition.ts';

/** What a line may leave out: a request that a store denied by a limit of its client's own. */
const defaults: Readonly<Record<string, unknown>> = {
  [wireNames.emitter]: 'scenario',
  [wireNames.partition]: 0,
  [wireNames.seq]: 1,
  [wireNames.region]: '',
  [wireNames.tenant]: 'default',
  [wireNames.clientKind]: 'ip',
  [wireNames.address]: '',
  [wireNames.route]: 'GET /',
  [wireNames.method]: '',
  [wireNames.policy]: 'per-client',
  [wireNames.policyVersion]: 'scenario',
  [wireNames.scope]: 'client',
  [wireNames.limit]: 60,
  [wireNames.remaining]: 0,
  [wireNames.outcome]: 'denied',
  [wireNames.source]: 'store',
  [wireNames.degraded]: '',
  [wireNames.shadowDenied]: [],
  [wireNames.cost]: 1,
  [wireNames.latencyUs]: 100,
  [wireNames.early]: null,
  [wireNames.count]: 1,
};

/** Smaller times are from the start of the scenario: ten years. */
const leastEpochMs = 315_360_000_000;
const known: ReadonlySet<string> = new Set(Object.values(wireNames));

/** A line of `events.jsonl`, its time from the start or from the epoch. */
export interface ScenarioEvent extends Omit<DecisionEvent, 'emitter' | 'partition' | 'seq'> {
  readonly relative: boolean;
}

/** `ip:203.0.113.9`, as scenarios, lists and commands write it everywhere else; an id beside its kind stays as it is. */
const spelledClient = (given: Record<string, unknown>): Record<string, unknown> => {
  const client = given[wireNames.client];
  const read = given[wireNames.clientKind] === undefined && typeof client === 'string' ? clientFromKey(client) : null;
  return read === null ? {} : { [wireNames.clientKind]: read.kind, [wireNames.client]: read.id };
};

const eventOf = (line: string): ScenarioEvent => {
  const row: unknown = JSON.parse(line);
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new SyntaxError('is no JSON object');
  const unknown = Object.keys(row).find((name) => !known.has(name));
  if (unknown !== undefined) throw new SyntaxError(`${unknown} is not a known field`);
  const given = row as Record<string, unknown>;
  const method = typeof given[wireNames.route] === 'string' ? String(given[wireNames.route]).split(' ', 1)[0] : 'GET';
  const full: Record<string, unknown> = { ...defaults, [wireNames.method]: method, ...given, ...spelledClient(given) };
  const kind = clientKinds.find((name) => name === full[wireNames.clientKind]);
  const id = full[wireNames.client];
  // `~other` is what a gate calls those it has folded together.
  if (kind && typeof id === 'string' && id !== '~other') full[wireNames.client] = clientOf(kind, id).id;
  const event = decodeEvent(JSON.stringify(full));
  return { ...event, relative: event.timeMs < leastEpochMs };
};

/** Each line a decision event in wire names, in the order in which a gate would have written them. */
export const parseEvents = (
  text: string,
): { readonly events: readonly ScenarioEvent[]; readonly problems: Problem[] } => {
  const events: ScenarioEvent[] = [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('//')) continue;
    try {
      events.push(eventOf(line));
    } catch (error) {
      problems.push({ path: `line ${index + 1}`, message: messageOf(error) });
    }
  }
  if (events.some(({ relative }) => relative !== events[0]?.relative)) {
    problems.push({ path: '', message: 'mixes times from the start with times from the epoch' });
  }
  if (events.length === 0 && problems.length === 0) problems.push({ path: '', message: 'holds no event' });
  return { events, problems };
};

/** Writes events as frames of one gate. */
export class EventFrames {
  readonly #writer: FrameWriter;
  readonly #startMs: number;
  readonly #written = new Map<number, { seq: number; total: number }>();

  constructor(writer: FrameWriter, startMs: number) {
    this.#writer = writer;
    this.#startMs = startMs;
  }

  timeOf(event: ScenarioEvent): number {
    return event.relative ? this.#startMs + event.timeMs : event.timeMs;
  }

  /** Resolves with the positions behind them. */
  append(events: readonly ScenarioEvent[]): Promise<Positions> {
    const byPartition = new Map<number, ScenarioEvent[]>();
    for (const event of events) {
      const client = { kind: event.clientKind, id: event.client };
      const partition = partitionOf(client, this.#writer.partitions);
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), event]);
    }
    return this.#writer.append([...byPartition].map(([partition, list]) => this.#frame(partition, list)));
  }

  #frame(partition: number, events: readonly ScenarioEvent[]): OutgoingFrame {
    const { seq, total } = this.#written.get(partition) ?? { seq: 1, total: 0 };
    const rows = events.map((event, index) => ({
      ...event,
      timeMs: this.timeOf(event),
      emitter: 'scenario',
      partition,
      seq: seq + index,
    }));
    const body = Buffer.from(rows.map((row) => `${encodeEvent(row)}\n`).join(''));
    const totalNow = rows.reduce((sum, { count }) => sum + count, total);
    this.#written.set(partition, { seq: seq + rows.length, total: totalNow });
    const times = rows.map(({ timeMs }) => timeMs);
    const headers = {
      v: eventVersion,
      emitter: 'scenario',
      firstSeq: seq,
      rows: rows.length,
      deniedRows: rows.filter(({ outcome }) => outcome === 'denied').length,
      total: totalNow,
      minTimeMs: Math.min(...times),
      maxTimeMs: Math.max(...times),
      crc32: crc32Hex([body]),
      last: false,
    };
    return { partition, headers, body };
  }
}
