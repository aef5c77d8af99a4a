import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mendKafkajsTimers } from '../../../src/kafka/kafkajs-timers.ts';

interface Queue {
  pending: unknown[];
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (
  options: object,
) => Queue;

const logger = { debug: () => undefined, warn: () => undefined };
const newQueue = (): Queue =>
  new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1, clientId: '', broker: '', logger });

describe("kafkajs' request queue", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    mendKafkajsTimers();
    mendKafkajsTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('arms no timer while nothing waits to be sent', () => {
    newQueue().scheduleCheckPendingRequests();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('still looks again soon while something waits', () => {
    const queue = newQueue();
    queue.pending.push({});
    queue.scheduleCheckPendingRequests();
    expect(vi.getTimerCount()).toBe(1);
    queue.destroy();
  });
});
