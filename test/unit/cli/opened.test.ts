import { describe, expect, it } from 'vitest';
import { Opened, openingAll } from '../../../src/cli/opened.ts';

describe('what was opened', () => {
  it('closes backwards, once', async () => {
    const closed: string[] = [];
    const opened = new Opened();
    for (const name of ['redis', 'kafka', 'database']) opened.add(name, (closing) => void closed.push(closing));
    await opened.close();
    await opened.close();
    expect(closed).toEqual(['database', 'kafka', 'redis']);
  });

  it('closes the rest when one fails, and reports the failure', async () => {
    const closed: string[] = [];
    const opened = new Opened();
    opened.add('redis', (closing) => void closed.push(closing));
    opened.add('kafka', () => Promise.reject(new Error('stuck')));
    await expect(opened.close()).rejects.toThrow('stuck');
    expect(closed).toEqual(['redis']);
  });

  it('is closed again when a start fails half-way, and the first error is the one that is told', async () => {
    const closed: string[] = [];
    const start = openingAll(async (opened) => {
      opened.add('redis', (closing) => {
        closed.push(closing);
        throw new Error('second');
      });
      throw new Error('first');
    });
    await expect(start).rejects.toThrow('first');
    expect(closed).toEqual(['redis']);
  });
});
