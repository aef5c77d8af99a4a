import { SingleBar } from 'cli-progress';

/** How far a replay is, for whoever watches a terminal; nothing elsewhere. Everything goes to stderr. */
export interface ReplayProgress {
  reading(lines: number): void;
  /** From here on {@link decided} counts towards this. */
  replaying(requests: number): void;
  decided(requests: number): void;
  /** One line that stays. */
  say(line: string): void;
  stop(): void;
}

const readingStep = 50_000;

const plain: Pick<ReplayProgress, 'say'> = {
  say: (line) => void process.stderr.write(`${line}\n`),
};

const silent: ReplayProgress = {
  ...plain,
  reading: () => undefined,
  replaying: () => undefined,
  decided: () => undefined,
  stop: () => undefined,
};

/** A bar when `terminal` is true. */
export const replayProgress = (terminal: boolean): ReplayProgress => {
  if (!terminal) return silent;
  const bar = new SingleBar({
    format: 'replaying {bar} {percentage} %  {value} of {total} requests, {duration_formatted}',
    stream: process.stderr,
    fps: 8,
    hideCursor: true,
    barsize: 30,
    gracefulExit: false,
  });
  let nextReport = readingStep;
  return {
    reading: (lines) => {
      if (lines < nextReport) return;
      nextReport = lines + readingStep;
      process.stderr.write(`\rreading ${lines} lines`);
    },
    replaying: (requests) => bar.start(requests, 0),
    decided: (requests) => bar.update(requests),
    say: (line) => {
      if (bar.isActive) process.stderr.write('\r\u001b[K');
      plain.say(line);
    },
    stop: () => bar.stop(),
  };
};
