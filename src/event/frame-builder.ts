import { type DecisionEvent, eventVersion } from './decision-event.ts';
import { encodeEvent } from './event-codec.ts';
import { maxFrameBytes, type OutgoingFrame } from './event-log.ts';
import { crc32Hex } from './frame.ts';
import type { MergedRow } from './merge-buffer.ts';
import { partitionOf } from './partition.ts';

const maxFrameRows = 500;

interface PartitionState {
  nextSeq: number;
  total: number;
}

export interface FrameBuilderOptions {
  readonly emitterId: string;
  readonly region: string;
  readonly partitions: number;
}

/** Numbers rows and makes frames of them. The numbers belong to the frames: a frame that fails is sent again as it is. */
export class FrameBuilder {
  readonly #options: FrameBuilderOptions;
  readonly #states = new Map<number, PartitionState>();

  constructor(options: FrameBuilderOptions) {
    this.#options = options;
  }

  build(rows: readonly MergedRow[]): OutgoingFrame[] {
    const byPartition = new Map<number, MergedRow[]>();
    for (const row of rows) {
      const { clientKind: kind, client: id } = row.first;
      const partition = partitionOf({ kind, id }, this.#options.partitions);
      const share = byPartition.get(partition);
      if (share) share.push(row);
      else byPartition.set(partition, [row]);
    }
    return [...byPartition].flatMap(([partition, share]) => this.#frames(partition, share));
  }

  /** One closing frame for every partition that was written to. */
  buildLast(timeMs: number): OutgoingFrame[] {
    return [...this.#states.keys()].map((partition) => this.#closing(partition, timeMs));
  }

  #closing(partition: number, timeMs: number): OutgoingFrame {
    const { nextSeq, total } = this.#stateOf(partition);
    const { emitterId: emitter } = this.#options;
    const crc32 = crc32Hex([]);
    return {
      partition,
      headers: {
        v: eventVersion,
        emitter,
        firstSeq: nextSeq,
        rows: 0,
        deniedRows: 0,
        total,
        minTimeMs: timeMs,
        maxTimeMs: timeMs,
        crc32,
        last: true,
      },
      body: Buffer.alloc(0),
    };
  }

  /** As few frames as rows and bytes allow: one that is too large for the log would be refused for good. */
  #frames(partition: number, rows: readonly MergedRow[]): OutgoingFrame[] {
    const frames: OutgoingFrame[] = [];
    let lines: string[] = [];
    let from = 0;
    let bytes = 0;
    const { nextSeq } = this.#stateOf(partition);
    const close = (until: number): void => {
      if (lines.length > 0)
        frames.push(this.#frame(partition, rows.slice(from, until), Buffer.from(lines.join(''), 'utf8')));
      lines = [];
      from = until;
      bytes = 0;
    };
    for (const [index, row] of rows.entries()) {
      const line = `${encodeEvent(this.#event(row, partition, nextSeq + index))}\n`;
      const lineBytes = Buffer.byteLength(line, 'utf8');
      if (lines.length === maxFrameRows || bytes + lineBytes > maxFrameBytes) close(index);
      lines.push(line);
      bytes += lineBytes;
    }
    close(rows.length);
    return frames;
  }

  #frame(partition: number, rows: readonly MergedRow[], body: Buffer): OutgoingFrame {
    const state = this.#stateOf(partition);
    const firstSeq = state.nextSeq;
    const times = rows.map((row) => row.first.timeMs);
    state.nextSeq += rows.length;
    state.total += rows.reduce((sum, row) => sum + row.count, 0);
    return {
      partition,
      body,
      headers: {
        v: eventVersion,
        emitter: this.#options.emitterId,
        firstSeq,
        rows: rows.length,
        deniedRows: rows.filter((row) => row.first.outcome === 'denied').length,
        total: state.total,
        minTimeMs: Math.min(...times),
        maxTimeMs: Math.max(...times),
        crc32: crc32Hex([body]),
        last: false,
      },
    };
  }

  /** Written out: spreading a row of this size and adding to it takes V8 many times as long as everything else here. */
  #event({ first, remaining, early, count }: MergedRow, partition: number, seq: number): DecisionEvent {
    const { emitterId: emitter, region } = this.#options;
    return {
      timeMs: first.timeMs,
      emitter,
      partition,
      seq,
      region,
      tenant: first.tenant,
      clientKind: first.clientKind,
      client: first.client,
      address: first.address,
      route: first.route,
      method: first.method,
      policy: first.policy,
      policyVersion: first.policyVersion,
      scope: first.scope,
      limit: first.limit,
      remaining,
      outcome: first.outcome,
      source: first.source,
      degraded: first.degraded,
      shadowDenied: first.shadowDenied,
      candidateOutcome: first.candidateOutcome,
      compensated: first.compensated,
      cost: first.cost,
      latencyUs: first.latencyUs,
      early,
      count,
    };
  }

  #stateOf(partition: number): PartitionState {
    const known = this.#states.get(partition);
    if (known) return known;
    const made = { nextSeq: 1, total: 0 };
    this.#states.set(partition, made);
    return made;
  }
}
