/** The part of pino that tidegate uses. The host's own pino instance fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = (): void => undefined;

/** Says nothing. The default of the library: a host that wants to read tidegate's log passes its own logger. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const warn = (_fields: object, message: string): void =>
  globalThis.process?.emitWarning?.(message, { type: 'TidegateWarning' });

/** For what must be heard even where nobody gave a logger: warnings and errors go to `process.emitWarning`. */
export const warningLogger: Logger = { debug: ignore, info: ignore, warn, error: warn };
