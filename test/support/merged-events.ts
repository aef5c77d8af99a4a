import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { decodeFrame, formatFrameHeaders } from '../../src/event/frame.ts';
import { FrameBuilder } from '../../src/event/frame-builder.ts';
import type { MergedRow } from '../../src/event/row-index.ts';

/** What becomes of rows: events of one partition, in the rows' order, through bytes and back. */
export const eventsOf = (rows: readonly MergedRow[]): DecisionEvent[] =>
  [...new FrameBuilder({ emitterId: 'e1', region: 'local', partitions: 1 }).build(rows)].flatMap((frame) =>
    frame ? decodeFrame({ headers: formatFrameHeaders(frame.headers), body: frame.body }).events : [],
  );
