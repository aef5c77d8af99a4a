import { systemClock } from '../../src/clock.ts';

const askAgainMs = 200;

/**
 * Asks until it succeeds: a broker that has just come does not know all of its topics yet, and on a busy machine it may not
 * answer within what a user would wait for.
 */
export const patiently = async <T>(ask: () => Promise<T>, attempts = 100): Promise<T> => {
  for (let left = attempts; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (left <= 0) throw error;
      await systemClock.sleep(askAgainMs);
    }
  }
};
