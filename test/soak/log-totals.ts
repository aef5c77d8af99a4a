import { type FrameHeaders, parseFrameHeaders } from '../../src/event/frame.ts';
import { readHeaders } from './read-topic.ts';

/** What one emitter says that it has sent to one partition, by the last of its frames that the log holds. */
export interface EmitterTotal {
  readonly emitter: string;
  readonly partition: number;
  readonly decisions: number;
  readonly lastSeq: number;
  readonly ended: boolean;
}

const headersIn = (headers: Readonly<Record<string, string>>): FrameHeaders | null => {
  try {
    return parseFrameHeaders(headers);
  } catch {
    // Poison: it is among the dead letters.
    return null;
  }
};

/** Reads the whole log, headers alone. */
export const totalsInLog = async (kafkaUrl: string, topic: string): Promise<EmitterTotal[]> => {
  const totals = new Map<string, EmitterTotal>();
  await readHeaders(kafkaUrl, topic, (partition, raw) => {
    const headers = headersIn(raw);
    if (!headers) return;
    const { emitter, firstSeq, rows, total, last } = headers;
    const key = `${partition} ${emitter}`;
    const before = totals.get(key);
    totals.set(key, {
      emitter,
      partition,
      decisions: Math.max(total, before?.decisions ?? 0),
      lastSeq: Math.max(firstSeq + rows - 1, before?.lastSeq ?? 0),
      ended: last || (before?.ended ?? false),
    });
  });
  return [...totals.values()];
};
