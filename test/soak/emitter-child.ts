/**
 * A gate under load: decides as fast as its share of the machine allows, counts for itself, and emits through the real
 * emitter into Kafka. Some answers of the log are withheld from the emitter, and some sends come twice.
 */

import { clientOf } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { messageOf, TidegateError } from '../../src/errors.ts';
import { createEmitter } from '../../src/event/emitter.ts';
import type { FrameWriter } from '../../src/event/event-log.ts';
import { createGate } from '../../src/gate/gate.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { patiently } from './patiently.ts';
import { seeded } from './points.ts';

export interface EmitterJob {
  readonly kafkaUrl: string;
  readonly topic: string;
  readonly partitions: number;
  readonly emitterId: string;
  readonly seed: number;
  /** Of one core, 0 to 1. */
  readonly share: number;
}

/** From the parent. */
export type EmitterOrder = { readonly close: true } | { readonly double: true };

/** To the parent: what it has decided, by its own count, and what its emitter says. */
export interface EmitterReport {
  readonly taken: number;
  readonly sent: number;
  readonly lost: number;
  readonly failures: number;
  /** Its last word. */
  readonly done: boolean;
}

const sliceMs = 4;
const reportEveryMs = 200;
const closeWithinMs = 90_000;
/** One answer in so many is withheld: the emitter must send the same frames again. */
const withheldEvery = 150;

const policies = definePolicies([
  { name: 'per-client', limit: 600, window: '1s', burst: 300, scope: ['client'] },
  { name: 'reports', match: { routes: ['GET /reports/*'] }, limit: 50, window: '1s', burst: 20, scope: ['client'] },
]);

const routes = ['/orders/:id', '/orders', '/reports/:id', '/users/:id', '/search'];
const clients = Array.from({ length: 48 }, (_, index) =>
  index % 3 === 0 ? clientOf('key', `key-${index}`) : clientOf('ip', `198.51.100.${index}`),
);

/** Unreliable in the ways in which a network is: what was sent arrived, and nobody says so, or it arrived twice. */
const unreliable = (writer: FrameWriter, random: () => number, isDoubled: () => boolean): FrameWriter => ({
  partitions: writer.partitions,
  append: async (frames) => {
    if (isDoubled()) await writer.append(frames);
    const positions = await writer.append(frames);
    if (random() * withheldEvery < 1)
      throw new TidegateError('LOG_FAILED', 'the answer was withheld', { retryable: true });
    return positions;
  },
  close: () => writer.close(),
});

const live = async (job: EmitterJob): Promise<void> => {
  const { kafkaUrl, topic, partitions, emitterId, seed, share } = job;
  const random = seeded(seed);
  const log = await patiently(() => openKafkaEventLog({ url: kafkaUrl, clock: systemClock, partitions }));
  const writer = await patiently(() => log.writer(topic));
  let toDouble = 0;
  let isClosing = false;
  process.on('message', (order: EmitterOrder) => {
    if ('double' in order) toDouble += 1;
    else isClosing = true;
  });
  const isDoubled = (): boolean => {
    if (toDouble === 0) return false;
    toDouble -= 1;
    return true;
  };
  const emitter = createEmitter({
    writer: unreliable(writer, random, isDoubled),
    clock: systemClock,
    emitterId,
    region: 'eu-west',
  });
  const gate = createGate({ policies, store: new MemoryLimitStore(), events: emitter, random });
  let taken = 0;
  const report = (done: boolean): EmitterReport => {
    const { sent, lost, failures } = emitter.stats();
    return { taken, sent, lost, failures, done };
  };
  const reporting = setInterval(() => process.send?.(report(false)), reportEveryMs);
  while (!isClosing) {
    const startUs = systemClock.monotonicUs();
    while (systemClock.monotonicUs() - startUs < sliceMs * 1000) {
      // Few clients make most of the requests.
      const client = clients[Math.floor(random() ** 3 * clients.length)];
      const route = routes[Math.floor(random() * routes.length)] ?? '/';
      if (!client) continue;
      await gate.check({ clients: [client], tenant: `tenant-${seed % 3}`, method: 'GET', path: route, route });
      taken += 1;
    }
    await systemClock.sleep(sliceMs * (1 / share - 1));
  }
  clearInterval(reporting);
  await gate.close();
  await emitter.close(closeWithinMs);
  await log.close();
  await new Promise((resolve) => process.send?.(report(true), resolve));
};

process.once('disconnect', () => process.exit(1));
live(JSON.parse(process.argv[2] ?? '{}') as EmitterJob).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
