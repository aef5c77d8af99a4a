import { ManualClock } from '../../src/clock.ts';
import { MemoryLimitStore } from '../../src/limiter/memory-limit-store.ts';
import { limitStoreContract } from './limit-store.contract.ts';

limitStoreContract('memory', async () => {
  const clock = new ManualClock();
  const store = new MemoryLimitStore({ clock });
  return { store, setNowUs: (nowUs) => clock.setMs(nowUs / 1000), close: () => Promise.resolve() };
});
