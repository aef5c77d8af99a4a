import { signal } from '@preact/signals';
import { after, nowMs } from './time.ts';

/** Since when the API has been silent; null: it answers. */
export const silentSince = signal<number | null>(null);

const probeEveryMs = 2000;
const probeTimeoutMs = 4000;
const listeners = new Set<() => void>();

/** Runs when the API answers again. The answer takes the listener back. */
export const onBack = (run: () => void): (() => void) => {
  listeners.add(run);
  return () => void listeners.delete(run);
};

/** `/livez` says that the process is there, and nothing else: not that it is ready. */
const probe = async (): Promise<boolean> => {
  try {
    const { ok } = await fetch('livez', { cache: 'no-store', signal: AbortSignal.timeout(probeTimeoutMs) });
    return ok;
  } catch {
    return false;
  }
};

const probeAgain = async (): Promise<void> => {
  if (silentSince.peek() === null) return;
  heard(await probe());
  if (silentSince.peek() !== null) watch();
};

const watch = (): void => {
  after(probeEveryMs, () => void probeAgain());
};

/** What every request tells: whether somebody answered. While nobody does, the API is asked for a sign of life. */
export const heard = (isThere: boolean): void => {
  if (isThere === (silentSince.peek() === null)) return;
  silentSince.value = isThere ? null : nowMs();
  if (!isThere) watch();
  else for (const run of [...listeners]) run();
};
