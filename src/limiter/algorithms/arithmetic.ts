import type { Algorithm } from '../../policy/policy.ts';
import { concurrency } from './concurrency.ts';
import type { Arithmetic } from './counter.ts';
import { fixedWindow } from './fixed-window.ts';
import { leakyBucket } from './leaky-bucket.ts';
import { slidingWindow } from './sliding-window.ts';
import { tokenBucket } from './token-bucket.ts';

/** Every algorithm, as plain arithmetic. */
export const arithmeticOf: Readonly<Record<Algorithm, Arithmetic>> = {
  'token-bucket': tokenBucket,
  'leaky-bucket': leakyBucket,
  'fixed-window': fixedWindow,
  'sliding-window': slidingWindow,
  concurrency,
};
