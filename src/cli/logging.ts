import { type LoggerOptions, type Logger as Pino, pino } from 'pino';
import type { Config } from './settings.ts';

export interface LoggingOptions {
  readonly level: Config['logLevel'];
  /** Applied to every line that leaves. */
  readonly redact: (text: string) => string;
  /** Whether a person reads along: then lines are pretty, else JSON. Default: stderr is a terminal. */
  readonly pretty?: boolean;
}

const stderr = 2;

/** The log of a process: on stderr, because stdout belongs to what a command answers. */
export const createLogger = async ({ level, redact, pretty }: LoggingOptions): Promise<Pino> => {
  const options: LoggerOptions = {
    level,
    base: { service: 'tidegate' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    hooks: { streamWrite: redact },
  };
  // Synchronous: the last lines before an exit are the ones that somebody needs.
  if (!(pretty ?? process.stderr.isTTY)) return pino(options, pino.destination({ dest: stderr, sync: true }));
  const { default: prettyStream } = await import('pino-pretty');
  return pino(
    options,
    prettyStream({ destination: stderr, sync: true, ignore: 'pid,hostname,service', translateTime: 'HH:MM:ss.l' }),
  );
};
