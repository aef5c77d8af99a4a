import type { GateRequest } from '../../../src/gate/gate.ts';

const clientCount = 5_000;
const routeCount = 10;
/** Of ten requests of a client, so many are for its own route. */
const ownOfTen = 9;
/** A power of two: positions in the order are masked. */
const orderLength = 1 << 18;

/** Numbers from 0 to 1, the same in every run. */
export const sequence = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // The low bits of such a generator repeat soon.
    return ((state >>> 8) + 0.5) / 2 ** 24;
  };
};

/** Draws n below `size` with a weight of 1 / (n + 1). */
const skewed = (size: number, next: () => number): (() => number) => {
  const sums: number[] = [];
  for (let n = 0; n < size; n += 1) sums.push((sums[n - 1] ?? 0) + 1 / (n + 1));
  const all = sums[size - 1] ?? 1;
  return () => {
    const drawn = next() * all;
    let low = 0;
    for (let high = size - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? all) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

/** What a service sees: few clients that ask for much, many that ask for little, and mostly for the same. */
export const skewedRequests = (): readonly GateRequest[] => {
  const next = sequence(0x9e3779b9);
  const client = skewed(clientCount, sequence(0x2545f491));
  const all: readonly GateRequest[] = Array.from({ length: clientCount * routeCount }, (_, n) => ({
    clients: [{ kind: 'key', id: `client-${Math.floor(n / routeCount)}` }],
    method: 'GET',
    path: `/api/resource-${n % routeCount}/7`,
    route: `/api/resource-${n % routeCount}/:id`,
  }));
  return Array.from({ length: orderLength }, () => {
    const who = client();
    const where = next() * 10 < ownOfTen ? who % routeCount : Math.floor(next() * routeCount);
    return all[who * routeCount + where] as GateRequest;
  });
};

/** Every one as often as any other, in no order: as unlike a real mix as can be. */
export const evenRequests = (): readonly GateRequest[] => {
  const next = sequence(0x2545f491);
  const all: readonly GateRequest[] = Array.from({ length: 100_000 }, (_, n) => ({
    clients: [{ kind: 'key', id: `client-${n}` }],
    method: 'GET',
    path: '/orders/7',
    route: '/orders/:id',
  }));
  return Array.from({ length: orderLength }, () => all[Math.floor(next() * all.length)] as GateRequest);
};

export const mixAbout = '5,000 clients, the n-th with the weight 1/n, each asking mostly for one of 10 routes';
