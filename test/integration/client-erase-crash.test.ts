import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compiledScript } from '../services/compiled.ts';
import { describeWith } from '../support/engines.ts';
import type { EraseJob, EraseReport } from '../support/erase-child.ts';

const child = compiledScript('test/support/erase-child.ts');

/** Null: it was killed. */
const live = (job: EraseJob): Promise<EraseReport | null> =>
  new Promise((resolve, reject) => {
    const args = [child, JSON.stringify(job)];
    execFile(process.execPath, args, { timeout: 120_000 }, (error, output, errors) => {
      if (error?.signal === 'SIGKILL') resolve(null);
      else if (error) reject(new Error(errors));
      else resolve(JSON.parse(output) as EraseReport);
    });
  });

/** Before and within every statement that changes something: the notes, the changes of tables, the moves of denials. */
const deaths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].flatMap((change) => [
  { change, delayMs: null },
  ...(change > 1 && change < 9 ? [{ change, delayMs: change % 2 === 0 ? 1 : 4 }] : []),
]);

describeWith('chdb', 'an erasure that is killed with SIGKILL', (url) => {
  it('is finished by the next one, wherever it died, with every total as it was and the client nowhere', async () => {
    const folder = url.slice('chdb:'.length);
    mkdirSync(folder, { recursive: true });
    const clients = deaths.length;
    const filled = await live({ folder, does: 'fill', clients });
    let killed = 0;
    for (const [client, death] of deaths.entries()) {
      if ((await live({ folder, does: 'die', client, ...death })) === null) killed += 1;
    }
    expect(killed).toBeGreaterThanOrEqual(deaths.length - 4);
    const finished = await live({ folder, does: 'finish', clients });
    expect(finished).toEqual({ ...filled, named: 0 });
    expect(filled?.named).toBeGreaterThan(clients * 60);
  }, 600_000);
});
