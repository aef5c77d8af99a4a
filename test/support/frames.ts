import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { crc32Hex } from '../../src/event/frame.ts';

/** A frame that the event log can carry; its body is any text, not events. */
export const frameOf = (partition: number, body: string | Buffer, emitter = 'emitter-1'): OutgoingFrame => {
  const bytes = Buffer.from(body);
  return {
    partition,
    body: bytes,
    headers: {
      v: 1,
      emitter,
      firstSeq: 1,
      rows: 1,
      deniedRows: 0,
      total: 1,
      minTimeMs: 1_430_000_000_000,
      maxTimeMs: 1_430_000_000_001,
      crc32: crc32Hex([bytes]),
      last: false,
    },
  };
};
