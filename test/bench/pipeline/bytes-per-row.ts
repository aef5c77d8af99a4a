import { join } from 'node:path';
import { openRunFolder, removeFolder } from '../../services/folders.ts';
import type { Contest, Duel, Sample } from '../contest.ts';
import { openBenchDatabase } from './database.ts';
import { firstMs, makeFrames } from './frames.ts';

const emitters = 4;
const rowsPerEmitter = 250_000;
/** Of one emitter in a quarter of a second: a busy gate of a fleet. */
const perFlush = 2_000;

const measured = async (): Promise<{ ours: Sample; theirs: Sample }> => {
  const folder = openRunFolder('bytes-per-row');
  const store = await openBenchDatabase(join(folder, 'chdb'));
  try {
    for (let n = 0; n < emitters; n += 1) {
      const { frames } = await makeFrames({
        emitterId: `gate-${n}`,
        perFlush,
        rows: rowsPerEmitter,
        fromMs: firstMs + n * 50,
      });
      await store.insert('decisions_raw', Buffer.concat(frames.map(({ body }) => body)));
    }
    const [shown] = await store.ask<{ statement: string }>('SHOW CREATE TABLE decisions_raw');
    const plain = (shown?.statement ?? '')
      .replace('decisions_raw', 'decisions_plain')
      .replace(/ CODEC\((?:[^()]|\([^()]*\))*\)/g, '');
    if (plain.includes('CODEC')) throw new Error(`codecs are left in ${plain}`);
    await store.run(plain);
    await store.run('INSERT INTO decisions_plain SELECT * FROM decisions_raw');
    const sample = async (table: string): Promise<Sample> => {
      await store.run(`OPTIMIZE TABLE ${table} FINAL`);
      const [held] = await store.ask<Record<'bytes' | 'decisions' | 'rows', string | number>>(
        `SELECT (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '${table}' AND database = currentDatabase()) AS bytes,
           sum(t.count) AS decisions, count() AS rows FROM ${table} AS t`,
      );
      const bytes = Number(held?.bytes);
      return { '': bytes / Number(held?.rows), 'per-decision': bytes / Number(held?.decisions) };
    };
    return { ours: await sample('decisions_raw'), theirs: await sample('decisions_plain') };
  } finally {
    await store.close();
    removeFolder(folder);
  }
};

/** Bytes do not depend on how busy the machine is: once is enough, for both sides. */
const open = (): Promise<Duel> => {
  let once: ReturnType<typeof measured> | undefined;
  const both = (): ReturnType<typeof measured> => {
    once ??= measured();
    return once;
  };
  return Promise.resolve({
    ours: async () => (await both()).ours,
    theirs: async () => (await both()).theirs,
    close: () => Promise.resolve(),
  });
};

export const bytesPerRow: Contest = {
  name: 'bytes-per-row',
  unit: '',
  better: 'lower',
  facets: [
    { name: '', unit: 'bytes/row', better: 'lower' },
    { name: 'per-decision', unit: 'bytes/decision', better: 'lower' },
  ],
  reference: 'the same rows in the same order, column defaults instead of codecs',
  aim: null,
  about: `What decisions_raw takes on disk once its parts are merged: ${(emitters * rowsPerEmitter).toLocaleString('en-US')} rows of ${emitters} gates that take ${4 * perFlush} decisions a second each. Merging decisions into rows is what makes the difference per decision.`,
  maxRounds: 1,
  open,
};
