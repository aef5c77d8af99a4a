/** Numbers that look random and are the same in every run. */
export interface Chance {
  /** 0 to 1, 1 left out. */
  next(): number;
  normal(): number;
  poisson(mean: number): number;
  /** 1, 2, 3, … */
  geometric(mean: number): number;
}

const exactBelow = 60;

export const chanceOf = (seed: number): Chance => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    poisson: (mean) => {
      if (mean >= exactBelow) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
      const least = Math.exp(-mean);
      let count = 0;
      for (let left = next(); left > least; left *= next()) count += 1;
      return count;
    },
    geometric: (mean) => (mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - next()) / Math.log(1 - 1 / mean))),
  };
};

/** One seed out of several numbers. */
export const seedOf = (...parts: readonly number[]): number => {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part | 0), 0x01000193) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
    hash = (hash ^ (hash >>> 16)) >>> 0;
  }
  return hash;
};

/** Adds up what clients were denied. */
export type DenialSink = (client: number, denied: number) => void;

export interface Denials {
  readonly mean: number;
  /** Denials of one client in a row, on average: above 1 they come in clusters, and stray more than chance would. */
  readonly inARow: number;
  /** Clients that are denied now and then; some of them far more often than others. */
  readonly clients: number;
}

/** How many denials there are, by clients. */
export const drawDenials = (chance: Chance, { mean, inARow, clients }: Denials, sink?: DenialSink): number => {
  const clusters = chance.poisson(mean / inARow);
  let total = 0;
  for (let cluster = 0; cluster < clusters; cluster += 1) {
    const size = chance.geometric(inARow);
    const client = Math.floor(clients * chance.next() ** 2);
    total += size;
    sink?.(client, size);
  }
  return total;
};
