/**
 * A cell is a flush interval and a latency bucket in one number, so that comparing both is comparing one. It is small,
 * because V8 keeps small whole numbers in place and others in an object of their own.
 */
const bucketsPerInterval = 64;

/** The cell of rows that are told apart by neither, and tell no latency. */
export const anyCell = 0;

/**
 * No store is asked in so short a time, microseconds. What is quicker was decided in this process, and differs by what else
 * the processor did: telling it apart would make several rows of one.
 */
const leastLatencyUs = 16;
const leastBucket = 5;

/** Which logarithmic bucket a latency falls in: n for at most 2^(n - 1) µs, from 5 to 32. */
export const bucketOf = (latencyUs: number): number =>
  latencyUs <= leastLatencyUs ? leastBucket : 33 - Math.clz32(Math.min(Math.ceil(latencyUs), 2 ** 31) - 1);

/** What the cells of an interval begin with; a bucket is added. `interval`: counted from some interval near it, both ways. */
export const firstCellOf = (interval: number): number => (interval < 0 ? interval : interval + 1) * bucketsPerInterval;

/** The upper bound of the cell's bucket, microseconds: a power of two; 0 for {@link anyCell}. */
export const latencyUsOf = (cell: number): number => {
  const bucket = cell & (bucketsPerInterval - 1);
  return bucket === 0 ? 0 : 2 ** (bucket - 1);
};
