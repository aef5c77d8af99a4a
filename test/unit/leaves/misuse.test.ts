import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { referencePages } from '../../../docs/generate.ts';
import { type MisuseCode, misuseCatalogue, type OnMisuse, watchMisuse } from '../../../src/misuse.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const twice: MisuseCode = 'TIDEGATE_COUNTED_TWICE';

describe('misuse that is found', () => {
  it('is told to the logger once, with its code, what was seen and what to do', () => {
    const logger = recordingLogger();
    const watch = watchMisuse({ logger });
    expect(watch.looksFor(twice)).toBe(true);
    for (let n = 0; n < 3; n += 1) watch.found(twice, 'GET /orders');
    expect(logger.lines).toHaveLength(1);
    const [line] = logger.lines;
    expect(line).toMatchObject({ level: 'warn', fields: { code: twice } });
    expect(line?.message).toContain('Seen: GET /orders.');
    expect(line?.message).toContain(misuseCatalogue[twice].next);
  });

  it('is not looked for any more by anybody who tells the same logger; other kinds are', () => {
    const logger = recordingLogger();
    watchMisuse({ logger }).found(twice);
    const later = watchMisuse({ logger });
    expect([later.looksFor(twice), later.looksFor('TIDEGATE_MANY_GATES')]).toEqual([false, true]);
    expect(watchMisuse({ logger: recordingLogger() }).looksFor(twice)).toBe(true);
  });

  it('is an error every time where that is asked for', () => {
    const logger = recordingLogger();
    const watch = watchMisuse({ logger, onMisuse: 'throw' });
    for (let n = 0; n < 2; n += 1) {
      expect(watch.looksFor(twice)).toBe(true);
      expect(() => watch.found(twice)).toThrow(expect.objectContaining({ code: 'MISUSED' }));
    }
    expect(logger.lines).toEqual([]);
  });

  it('is neither looked for nor told where it is to be ignored', () => {
    const logger = recordingLogger();
    const watch = watchMisuse({ logger, onMisuse: 'ignore' });
    expect(watch.looksFor(twice)).toBe(false);
    watch.found(twice);
    expect(logger.lines).toEqual([]);
  });

  it('is not watched with a reaction that does not exist', () => {
    expect(() => watchMisuse({ onMisuse: 'log' as OnMisuse })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', problems: [expect.objectContaining({ path: 'onMisuse' })] }),
    );
  });

  it('has a section each on the page of misuse', () => {
    const page = referencePages().files.get('misuse.md') ?? '';
    for (const [code, { harm, next }] of Object.entries(misuseCatalogue)) {
      expect(page).toContain(`## ${code}\n`);
      expect(page).toContain(harm);
      expect(page).toContain(next);
    }
  });
});

describe('without a logger', () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  beforeEach(() => {
    emitWarning.mockClear();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('misuse is a warning of the process, once for all who look, and nothing is written to its output', () => {
    const written = vi.spyOn(process.stdout, 'write');
    for (let n = 0; n < 2; n += 1) watchMisuse().found(twice);
    expect(emitWarning.mock.calls).toEqual([
      [expect.stringContaining(misuseCatalogue[twice].meaning), { type: 'TidegateWarning', code: twice }],
    ]);
    expect(written).not.toHaveBeenCalled();
    written.mockRestore();
  });

  it('and in a host that has no process, it hurts nobody', () => {
    vi.stubGlobal('process', undefined);
    expect(() => watchMisuse().found('TIDEGATE_RAW_SECRET')).not.toThrow();
  });
});
