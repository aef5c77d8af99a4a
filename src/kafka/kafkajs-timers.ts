import { createRequire } from 'node:module';

interface RequestQueue {
  pending: unknown[];
  throttleCheckTimeoutId: unknown;
}

interface RequestQueueClass {
  prototype: { scheduleCheckPendingRequests?: (this: RequestQueue) => void };
}

const queuePath = 'kafkajs/src/network/requestQueue/index.js';
const isMended = Symbol.for('tidegate.kafkajs-timers');

/**
 * kafkajs 2.2.4 arms a timer with a negative delay whenever a connection has nothing to send, and again when that timer
 * fires: a loop of one wake-up each millisecond per connection, and from Node 24 on a TimeoutNegativeWarning. This
 * arms it only where requests wait. Does nothing when kafkajs has changed: then it has its own remedy.
 */
export const mendKafkajsTimers = (): void => {
  const { prototype } = createRequire(import.meta.url)(queuePath) as RequestQueueClass;
  const original = prototype?.scheduleCheckPendingRequests;
  if (typeof original !== 'function' || isMended in original) return;
  const mended = function (this: RequestQueue): void {
    if (this.pending.length > 0) original.call(this);
  };
  prototype.scheduleCheckPendingRequests = Object.assign(mended, { [isMended]: true });
};
