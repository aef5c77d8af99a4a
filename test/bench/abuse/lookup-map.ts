import { parentPort, workerData } from 'node:worker_threads';
import { clientKeyOf } from '../../../src/client.ts';
import { bigMap, clientAt } from './big-list.ts';
import { nanosecondsOf } from './lookup-round.ts';

/** What a worker with the bare Map is started with. */
export interface MapOrder {
  /** By their numbers, see clientAt(). */
  readonly asked: Uint32Array;
  readonly isHit: boolean;
  readonly roundMs: number;
}

const { asked, isHit, roundMs } = workerData as MapOrder;
const map = bigMap();
const keys = Array.from(asked, (index) => clientKeyOf(clientAt(index)));
const text = (call: number): string => keys[call] ?? '';

parentPort?.on('message', () => {
  void nanosecondsOf({ text, find: (call) => map.get(text(call)) !== undefined }, isHit, roundMs).then((value) =>
    parentPort?.postMessage(value),
  );
});
