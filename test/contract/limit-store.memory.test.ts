import { ManualClock } from '../../src/clock.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { ReferenceLimitStore } from '../support/reference-limit-store.ts';
import { limitStoreContract } from './limit-store.contract.ts';

limitStoreContract('memory', () => {
  const clock = new ManualClock();
  const store = new MemoryLimitStore({ clock });
  return Promise.resolve({ store, setNowUs: (nowUs) => clock.setMs(nowUs / 1000), close: () => Promise.resolve() });
});

limitStoreContract('the reference arithmetic', () => {
  let now = 0;
  const store = new ReferenceLimitStore(() => now);
  return Promise.resolve({
    store,
    setNowUs: (nowUs) => {
      now = nowUs;
    },
    close: () => Promise.resolve(),
  });
});
