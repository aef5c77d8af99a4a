import { setImmediate as nextTurn } from 'node:timers/promises';

export const askedClients = 1 << 18;
/** Read right before they are asked about, as a gate has just read them: else the round measures the memory they lie in. */
const clientsPerBatch = 256;
const batchesPerTurn = 64;

export interface Lookup {
  /** What is asked about, as text. */
  readonly text: (call: number) => string;
  /** Whether it is found. */
  readonly find: (call: number) => boolean;
}

/** Nanoseconds for each of the calls that fit into a round. */
export const nanosecondsOf = async ({ text, find }: Lookup, isHit: boolean, roundMs: number): Promise<number> => {
  const startMs = performance.now();
  let calls = 0;
  let agreed = 0;
  let spentMs = 0;
  let touched = 0;
  while (performance.now() - startMs < roundMs) {
    for (let batch = 0; batch < batchesPerTurn; batch += 1) {
      const from = calls & (askedClients - 1);
      for (let call = from; call < from + clientsPerBatch; call += 1) {
        const id = text(call);
        touched += id.charCodeAt(id.length - 1);
      }
      const fromMs = performance.now();
      for (let call = from; call < from + clientsPerBatch; call += 1) if (find(call) === isHit) agreed += 1;
      spentMs += performance.now() - fromMs;
      calls += clientsPerBatch;
    }
    await nextTurn();
  }
  if (agreed !== calls || touched === 0) throw new Error(`${calls - agreed} of ${calls} lookups were wrong`);
  return (spentMs * 1e6) / calls;
};
