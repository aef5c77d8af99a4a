import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { after, nowMs } from './time.ts';

const tickMs = 1000;
const ticking = signal(nowMs());
let watchers = 0;
let cancel = (): void => undefined;

const tick = (): void => {
  ticking.value = nowMs();
  cancel = after(tickMs, tick);
};

/** Now, in ms since 1970; the component is drawn again each second: for ages and what is left of something. */
export const useNow = (): number => {
  useEffect(() => {
    watchers += 1;
    if (watchers === 1) tick();
    return () => {
      watchers -= 1;
      if (watchers === 0) cancel();
    };
  }, []);
  return ticking.value;
};
