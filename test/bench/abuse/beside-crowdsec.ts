import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import type { BlockSubject } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';
import { RedisBlockList } from '../../../src/redis/block-list.ts';
import { openRedis } from '../../../src/redis/client.ts';
import { openRunFolder, removeFolder } from '../../services/folders.ts';
import type { Contest, Duel, Sample, Setting } from '../contest.ts';
import { startCrowdSec } from './crowdsec.ts';

const addresses = 120_000;

/** Distinct and spread over everything below 224/8, as on a public list. */
const madeAddresses = (): readonly string[] =>
  Array.from({ length: addresses }, (_, index) => {
    const bits = Math.imul(index + 1, 2654435761) >>> 0;
    return [1 + ((bits >>> 24) % 222), (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');
  });

const mustBe = (what: string, found: number, wanted: number): void => {
  if (found !== wanted) throw new Error(`${what}: ${found} of ${wanted} addresses`);
};

const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const fromMs = performance.now();
  await work();
  return (performance.now() - fromMs) / 1000;
};

const open = async ({ redisUrl, keepFolder }: Setting): Promise<Duel<Sample>> => {
  const folder = openRunFolder('crowdsec');
  const home = join(folder, 'home');
  mkdirSync(home);
  const theirs = await startCrowdSec(home, keepFolder);
  const redis = await openRedis({ url: redisUrl });
  const ids = [...new Set(madeAddresses())];
  const file = join(folder, 'addresses.csv');
  writeFileSync(file, ['value', ...ids].join('\n'));
  const subjects = ids.map((id): BlockSubject => ({ kind: 'ip', id }));
  return {
    ours: async () => {
      const list = new RedisBlockList({ redis, namespace: randomBytes(6).toString('hex') });
      const untilMs = systemClock.nowMs() + 86_400_000;
      const order = { list: 'bench', subjects, action: { kind: 'refuse' } as const, untilMs, actor: 'bench', note: '' };
      const imported = await secondsOf(() => list.importList(order));
      const replica = new BlockListReplica({ feed: list, clock: systemClock });
      const snapshot = await secondsOf(() => replica.sync());
      mustBe('the replica holds', replica.stats().entries, ids.length);
      return { import: imported, snapshot };
    },
    theirs: async () => {
      await theirs.deleteAll();
      const imported = await secondsOf(() => theirs.importFile(file));
      let found = 0;
      const snapshot = await secondsOf(async () => {
        found = await theirs.snapshot();
      });
      mustBe('the answer holds', found, ids.length);
      return { import: imported, snapshot };
    },
    close: async () => {
      theirs.stop();
      redis.disconnect();
      removeFolder(folder);
      await Promise.resolve();
    },
  };
};

/** What CrowdSec is best at: a long public list, handed to whoever enforces it. */
export const besideCrowdSec: Contest = {
  name: 'crowdsec-list',
  unit: '',
  better: 'lower',
  facets: [
    { name: 'import', unit: 's', better: 'lower' },
    { name: 'snapshot', unit: 's', better: 'lower' },
  ],
  reference: 'CrowdSec 1.4 as Debian 12 packages it: cscli and its local API over SQLite with WAL',
  aim: null,
  about: `${addresses.toLocaleString('en')} addresses, imported, then taken whole by one that enforces them and starts. The packages of a Debian without CrowdSec are not changed: its programs are taken out of its package.`,
  needsRedis: true,
  maxRounds: 1,
  timeoutMs: 600_000,
  open,
};
