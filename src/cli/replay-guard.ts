import type { Clock, Timer } from '../clock.ts';
import { TidegateError } from '../errors.ts';

/** Thrown after Ctrl-C; never shown. */
export class Interrupted extends Error {}

/** What ends a replay from outside. */
export interface ReplayGuard {
  /** Never resolves; rejects with {@link Interrupted}, or with ENGINE_UNREACHABLE when nothing has moved for too long. */
  readonly ended: Promise<never>;
  /** Something moved; the next thing may take `patienceMs`. Throws {@link Interrupted} after a signal. */
  alive(patienceMs: number): void;
  release(): void;
}

export const interruptedExitCode = 130;
/** A replay that moves ends in order at its next step; one that hangs is left where it is. */
const abruptlyAfterMs = 2000;

/** Watches signals and progress. A second signal ends the process at once. */
export const guardReplay = (clock: Clock): ReplayGuard => {
  let end: (why: Error) => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    end = reject;
  });
  // Whoever races against it hears of it; when the replay is over first, nobody does, and nobody needs to.
  ended.catch(() => undefined);
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals > 1) process.exit(interruptedExitCode);
    clock.schedule(abruptlyAfterMs, () => end(new Interrupted('interrupted')));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  let timer: Timer | undefined;
  return {
    ended,
    alive: (patienceMs) => {
      timer?.cancel();
      if (signals > 0) throw new Interrupted('interrupted');
      timer = clock.schedule(patienceMs, () => {
        const message = `The replay got no further for ${patienceMs / 1000} s: an engine went away`;
        end(new TidegateError('ENGINE_UNREACHABLE', message));
      });
    },
    release: () => {
      timer?.cancel();
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    },
  };
};
