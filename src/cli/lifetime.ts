import { MessageChannel } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** One step of a stop. */
export interface Stage {
  readonly name: string;
  run(): Promise<void>;
}

/** A process that runs until it is told to stop. */
export interface Service {
  /** Called once, first: from now on it is not ready. */
  drain(): void;
  /** In order; one that fails is reported and the next one runs. */
  readonly stages: readonly Stage[];
  /** What would be lost, or has to be done again, if the process ended now; null: nothing. */
  leftBehind(): string | null;
}

/** The part of `process` that announces signals. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export interface LifetimeOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a stop may take. */
  readonly timeoutMs: number;
  readonly signals: SignalSource;
  /** Ends the process at once; the second signal calls it. */
  readonly exitNow: (exitCode: number) => void;
}

const signalNames = ['SIGTERM', 'SIGINT'] as const;
const exitCodeOnSecondSignal = 1;

/** Calls back for every signal; gives the way to stop. */
const onSignals = (signals: SignalSource, listener: (name: string) => void): (() => void) => {
  const listeners = signalNames.map((name) => ({ name, listener: () => listener(name) }));
  for (const each of listeners) signals.on(each.name, each.listener);
  return () => {
    for (const each of listeners) signals.off(each.name, each.listener);
  };
};

const runStages = async (service: Service, { logger }: LifetimeOptions): Promise<boolean> => {
  let complete = true;
  for (const { name, run } of service.stages) {
    logger.debug({ stage: name }, 'stopping');
    try {
      await run();
    } catch (error) {
      complete = false;
      logger.error({ stage: name, err: messageOf(error) }, 'a step of the stop failed');
    }
  }
  return complete;
};

const stop = async (service: Service, options: LifetimeOptions): Promise<boolean> => {
  const { clock, logger, timeoutMs } = options;
  service.drain();
  let giveUp: () => void = () => undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    giveUp = () => resolve(false);
  });
  const timer = clock.schedule(timeoutMs, giveUp);
  const complete = await Promise.race([runStages(service, options), tooLate]);
  timer.cancel();
  const leftBehind = service.leftBehind();
  if (leftBehind !== null) logger.error({ leftBehind, timeoutMs }, `stopped, but not all is stored: ${leftBehind}`);
  else if (!complete) logger.error({ timeoutMs }, 'stopped without having closed everything');
  else logger.info({}, 'stopped: everything is stored');
  return complete && leftBehind === null;
};

/**
 * Waits for SIGTERM or SIGINT, then stops the service within `timeoutMs`. A second signal ends the process at
 * once. True: nothing was left behind.
 */
export const untilStopped = async (service: Service, options: LifetimeOptions): Promise<boolean> => {
  const { logger, signals, exitNow } = options;
  // Timers of a Clock do not keep a process alive, and a service may have nothing else: an open port does.
  const { port1: anchor } = new MessageChannel();
  anchor.on('message', () => undefined);
  let stopListening: () => void = () => undefined;
  const signalled = new Promise<string>((resolve) => {
    let seen = 0;
    stopListening = onSignals(signals, (name) => {
      seen += 1;
      if (seen === 1) resolve(name);
      else exitNow(exitCodeOnSecondSignal);
    });
  });
  try {
    const signal = await signalled;
    logger.info({ signal }, 'stopping; a second signal ends the process at once');
    return await stop(service, options);
  } finally {
    stopListening();
    anchor.close();
  }
};
