/** What is asked for, in this order. */
export const latencyQuantiles = [0.5, 0.95, 0.99] as const;

/**
 * Quantiles out of `state`, the sumMap of latency buckets (upper bounds, powers of two, and decisions in each): an array in the
 * order of {@link latencyQuantiles}, microseconds. Within a bucket decisions are taken to be spread evenly over the
 * logarithm of their latency. Bucket 0 holds those whose latency is not known; without any other, the answer is zeros.
 */
export const quantilesOf = (state: string): string => {
  const known = `arrayFilter(b -> b.1 > 0 AND b.2 > 0, arrayZip(${state}.1, ${state}.2))`;
  const within = `if(bounds[i] = 1, share, bounds[i] / 2 * exp2(share))`;
  const rank = 'q * upto[-1]';
  const interpolated = `arrayMap(i -> arrayMap(share -> ${within}, [(${rank} - (upto[i] - counts[i])) / counts[i]])[1],
    [arrayFirstIndex(c -> c >= ${rank}, upto)])[1]`;
  // A lambda over an array of one element is SQL's way to name what is used more than once.
  return `arrayMap((bounds, counts, upto) ->
    arrayMap(q -> if(empty(bounds), 0., ${interpolated}), [${latencyQuantiles.join(', ')}]),
    [arrayMap(b -> b.1, ${known})], [arrayMap(b -> b.2, ${known})], [arrayCumSum(arrayMap(b -> b.2, ${known}))])[1]`;
};

/** Decisions in the buckets of `state` whose latency is known. */
export const knownLatenciesOf = (state: string): string =>
  `arraySum(arrayMap((b, n) -> if(b > 0, n, 0), ${state}.1, ${state}.2))`;
