import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import { readAccessLogs } from '../../src/replay/access-log.ts';
import { type Got, gotFrom } from '../../src/replay/scenario-judge.ts';
import { runScenario } from '../../src/replay/scenario-run.ts';

const shipped = (name: string): string => readFileSync(new URL(`../../policies/${name}`, import.meta.url), 'utf8');
const policies = parsePolicies(shipped('policies.yaml'));
const rules = parseRules(shipped('rules.yaml'));

/** Real logs that are no part of the project: see what a fresh checkout has beside it. */
const folder = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const hasLogs = existsSync(folder);
if (!hasLogs) process.stderr.write('\n!!! SKIPPING scenarios of real logs: no ../shared/data beside the checkout\n');

const fileOf = (name: string): string => `${folder}/${name}.log.gz`;

const replayed = async (name: string): Promise<{ got: Got; beganMs: number }> => {
  const { requests } = await readAccessLogs({ files: [fileOf(name)], stdin: Readable.from([]) });
  const outcome = await runScenario({
    ...{ policies, rules, allow: [], startMs: 0, wallClock: systemClock },
    input: { kind: 'access-log', requests },
    open: (clock) => ({ blockList: new MemoryBlockList({ clock }), log: new MemoryEventLog({ clock }) }),
  });
  return { got: gotFrom(outcome), beganMs: outcome.beganMs };
};

/**
 * Every block of the log, looked at by hand: what the address asked for. Another line here is a block that somebody has to
 * explain first.
 */
const explained = [
  [
    '2025-12-22T13:26',
    'ip:103.218.243.43',
    'scanner of shops and betting sites: /mfzbs/config/base, /mobile/login.html',
  ],
  [
    '2026-01-05T00:09',
    'ip:213.209.159.150',
    'scanner of secrets: .git/config in every folder, phpinfo.php by twenty names',
  ],
  ['2026-01-05T10:01', 'ip:91.92.241.149', 'scanner of secrets: 1,260 names of configuration files, five times over'],
  ['2026-01-07T06:32', 'ip:139.144.52.241', 'scanner of management consoles: /Portal/Portal.mwsl, /geoserver/web/'],
  ['2026-01-08T05:10', 'ip:91.92.241.149', 'the same, second time: the strike of the first doubles the block'],
  ['2026-01-09T04:23', 'ip:91.92.241.149', 'the same, third time'],
  ['2026-01-11T06:17', 'ip:172.234.218.10', 'scanner of known holes: 278 paths of 278 products in 25 seconds'],
  ['2026-01-12T07:27', 'ip:91.92.241.149', 'the same, fourth time'],
  ['2026-01-14T22:52', 'ip:91.92.241.149', 'the same, fifth time'],
] as const;

/** The share of an address's requests that its server answered with an error: what nobody here has decided. */
const failedShareOf = (address: string): number => {
  const lines = gunzipSync(readFileSync(fileOf('nginx-2025')))
    .toString('latin1')
    .split('\n');
  const statuses = lines
    .filter((line) => line.startsWith(`${address} `))
    .flatMap((line) => /" (\d{3}) \d+ "/.exec(line)?.[1] ?? []);
  return statuses.filter((status) => status >= '400').length / statuses.length;
};

describe.skipIf(!hasLogs)('the shipped rules on real logs', () => {
  it('block the scanners of a server of 2025, each block explained, and the same to the byte each time', async () => {
    const first = await replayed('nginx-2025');
    const { got, beganMs } = first;
    const at = (afterMs: number): string => new Date(beganMs + afterMs).toISOString().slice(0, 16);
    expect(got.blocks.map(({ subject, afterMs }) => [at(afterMs), subject])).toEqual(
      explained.map(([minute, subject]) => [minute, subject]),
    );
    expect(new Set(got.blocks.map(({ rule }) => rule))).toEqual(new Set(['many-routes']));
    expect(got).toMatchObject({ proposed: [], shadow: [], suppressed: [], decided: { decisions: 21_640 } });
    expect(JSON.stringify(await replayed('nginx-2025'))).toBe(JSON.stringify(first));
  });

  it('block only addresses to which the server itself said no nine times out of ten', () => {
    const shares = [...new Set(explained.map(([, subject]) => subject.slice(3)))].map(failedShareOf);
    expect(Math.min(...shares)).toBeGreaterThan(0.9);
  });

  it('block, propose and shadow nobody on a site that people read', async () => {
    const { got } = await replayed('apache-2015-10k');
    expect(got).toMatchObject({ blocks: [], proposed: [], shadow: [], suppressed: [], decided: { decisions: 10_000 } });
  });
});
