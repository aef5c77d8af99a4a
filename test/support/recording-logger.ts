import type { Logger } from '../../src/logger.ts';

export interface RecordingLogger extends Logger {
  readonly lines: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly fields: object;
    readonly message: string;
  }[];
}

/** Remembers every line. */
export const recordingLogger = (): RecordingLogger => {
  const lines: RecordingLogger['lines'] = [];
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { lines, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
};
