import type { Cursor } from '../blocklist/block-feed.ts';

/** Epoch and number, as callers hand a position back. */
export const cursorPattern = '^[A-Za-z0-9_-]{1,64}\\.(?:0|[1-9]\\d{0,14})$';

export const cursorText = ({ epoch, sequence }: Cursor): string => `${epoch}.${sequence}`;

const parts = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9]\d{0,14})$/;

/** Null: it is none. */
export const cursorFrom = (text: string): Cursor | null => {
  const [, epoch, sequence] = parts.exec(text) ?? [];
  return epoch === undefined ? null : { epoch, sequence: Number(sequence) };
};
