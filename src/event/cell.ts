/**
 * A cell is a flush interval and a latency bucket in one number, so that comparing both is comparing one. It is small,
 * because V8 keeps small whole numbers in place and others in an object of their own.
 */
const bucketsPerInterval = 64;

/** The cell of rows that are told apart by neither, and tell no latency. */
export const anyCell = 0;

/** Which logarithmic bucket a latency falls in: n for at most 2^(n - 1) µs, from 1 to 32. */
const bucketOf = (latencyUs: number): number =>
  latencyUs <= 1 ? 1 : 33 - Math.clz32(Math.min(Math.ceil(latencyUs), 2 ** 31) - 1);

/** The cell of rows whose intervals are not told apart. */
export const cellOfLatency = bucketOf;

/** `interval`: counted from some interval near it, forwards and backwards. */
export const cellOf = (interval: number, latencyUs: number): number =>
  (interval < 0 ? interval : interval + 1) * bucketsPerInterval + bucketOf(latencyUs);

/** The upper bound of the cell's bucket, microseconds: a power of two; 0 for {@link anyCell}. */
export const latencyUsOf = (cell: number): number => {
  const bucket = cell & (bucketsPerInterval - 1);
  return bucket === 0 ? 0 : 2 ** (bucket - 1);
};
