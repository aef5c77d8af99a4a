import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksCommand } from '../../src/cli/blocks/blocks-command.ts';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import type { BlockSubject } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { runCommand } from '../support/command-run.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { promotionOf } from '../support/promotions.ts';
import { runTidegate } from '../support/tidegate-process.ts';

const note = ['--note', 'a test', '--actor', 'anna'];

describeWith('redis', 'tidegate blocks', (url) => {
  const namespace = freshName('blocks');
  let folder: string;
  let counters: Counters;

  const where = ['--redis-url', url, '--namespace', namespace, '--log-level', 'silent'];
  const blocks = (...args: string[]) => runCommand(blocksCommand, [...args, ...where]);
  const json = async (...args: string[]) => JSON.parse((await blocks(...args, '--json')).stdout || 'null');

  /** A block by the detector. */
  const promote = async (subject: BlockSubject, rule = 'many-routes'): Promise<string> => {
    const verdict = { id: freshName('v'), atMs: systemClock.nowMs(), subject, rule };
    const result = await counters.blockList.promote(promotionOf(verdict));
    if (!('block' in result)) throw new Error(`not promoted: ${result.kind}`);
    return result.block.id;
  };
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-blocks-'));
    const options = { redisUrl: url, namespace, clock: systemClock, logger: silentLogger, time: 'wall' } as const;
    counters = await openCounters(options);
  });
  afterAll(async () => {
    await counters.close();
    rmSync(folder, { recursive: true });
  });

  it('add, extend, change, confirm and lift: one block through its life, each step with who and why', async () => {
    const added = await json('add', '198.51.100.7', '--for', '2h', ...note);
    expect(added).toMatchObject({
      added: true,
      block: {
        state: 'active',
        subject: { kind: 'ip', id: '198.51.100.7' },
        origin: 'person',
        actor: 'anna',
        version: 1,
      },
    });
    const { id } = added.block;
    const extended = await json('extend', id, '--for', '7d', ...note);
    expect(Date.parse(extended.expiresAt) - Date.parse(added.block.expiresAt)).toBeGreaterThan(6 * 86_400_000);
    expect(await json('change', id, '--limit-to', '60/1m', ...note)).toMatchObject({
      action: { kind: 'limit', limit: 60, windowMs: 60_000 },
    });
    expect(await json('confirm', '198.51.100.7', ...note)).toMatchObject({ id, state: 'confirmed' });
    const late = await blocks('lift', id, '--reason', 'goodwill', '--if-version', '1', ...note);
    expect(late).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/is confirmed, version 4.*BLOCK_CONFLICT/s),
    });
    const lifted = await blocks('lift', id, '--reason', 'false-positive', '--if-version', '4', ...note);
    expect(lifted).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('198.51.100.7 is free again') });
    expect(lifted.stdout).not.toContain('strike');
    expect((await blocks('show', id)).stdout).toMatch(/state +lifted, version 5, last changed by anna/);
  });

  it('refuses a write without a note, without an end, and one that names nobody, with what to write instead', async () => {
    const refusals: [string[], RegExp][] = [
      [['add', '198.51.100.8', '--for', '2h'], /--note is missing/],
      [['add', '198.51.100.8', '--note', 'x'], /An end is missing: --for 2h/],
      [
        ['add', '198.51.100.8', '--until', '2020-01-01T00:00:00Z', '--note', 'x'],
        /--until 2020-01-01T00:00:00Z is over/,
      ],
      [
        ['add', '203.0.113.9/24', '--for', '2h', '--note', 'x'],
        /bits set behind its prefix; did you mean 203.0.113.0\/24\?/,
      ],
      [['add', '0.0.0.0/0', '--for', '2h', '--note', 'x'], /is every address there is/],
      [['add', '10.0.0.0/7', '--for', '2h', '--note', 'x'], /is wider than \/8/],
      [['lift', '198.51.100.8', '--note', 'x'], /--reason is missing/],
      [['lift', '--reason', 'goodwill', '--note', 'x'], /Name a block or its subject/],
    ];
    for (const [args, message] of refusals) {
      const { exitCode, stderr } = await blocks(...args);
      expect(stderr).toMatch(message);
      expect(exitCode, args.join(' ')).toBe(2);
    }
    expect(await json('list', '--subject', '198.51.100.8', '--state', 'all')).toEqual({ blocks: [], more: false });
  });

  it('allow: a block of somebody on the allow list is refused with the entry and its owner, and by a canary, too', async () => {
    await blocks('allow', '192.0.2.10', '--canary', '--for', '90d', '--note', 'uptime monitor', '--actor', 'ops');
    await blocks('allow', 'user:carol', '--for', '30d', '--note', 'partner', '--actor', 'sales');
    const network = await blocks('add', '192.0.2.0/24', '--for', '1h', ...note);
    expect(network.exitCode).toBe(1);
    expect(network.stderr).toMatch(/declared good: canary ip:192\.0\.2\.10 by ops until .*: uptime monitor/);
    const user = await blocks('add', 'user:carol', '--for', '1h', ...note);
    expect(user).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/on the allow list: allow user:carol by sales/),
    });
    const foreseen = await blocks('add', '192.0.2.0/24', '--for', '1h', '--dry-run', ...note);
    expect(foreseen.stdout).toMatch(
      /would block network:192\.0\.2\.0\/24: 256 addresses[\s\S]*refused: 1 allow entry[\s\S]*Nothing was changed/,
    );
    expect((await blocks('allowed')).stdout).toMatch(/user:carol +allow +in 29 d +sales +partner/);
    expect(await json('disallow', 'user:carol', ...note)).toMatchObject({ ended: true });
    expect(await blocks('disallow', 'user:carol', ...note)).toMatchObject({ exitCode: 1 });
    expect(await json('add', 'user:carol', '--tenant', 'acme', '--for', '1h', ...note)).toMatchObject({
      block: { subject: { kind: 'user', id: 'carol', tenant: 'acme' } },
    });
  });

  it('list: shows what waits for a person and what each block kept away', async () => {
    const id = await promote({ kind: 'key', id: 'k-list' }, 'listed');
    const lastAtMs = systemClock.nowMs() - 3000;
    await counters.blockList.noteRefusals([{ blockId: id, refused: 4210, commands: 4210, bytes: 1_200_000, lastAtMs }]);
    const { stdout } = await blocks('list', '--rule', 'listed');
    expect(stdout).toMatch(new RegExp(`^${id} +key:k-list +active +refuse +listed .*4,210, last \\d s ago$`, 'm'));
    expect(await json('list', '--rule', 'listed')).toMatchObject({
      blocks: [{ id, refusals: { refused: 4210, savedCommands: 4210, savedBytes: 1_200_000 } }],
      more: false,
    });
    expect(await json('list', '--limit', '1', '--state', 'all')).toMatchObject({ blocks: [{}], more: true });
    expect(await blocks('list', '--state', 'asleep')).toMatchObject({ exitCode: 2 });
  });

  it('lift --rule: shows how many and which, and changes nothing without --yes', async () => {
    const ids = await Promise.all(['b1', 'b2', 'b3'].map((id) => promote({ kind: 'key', id }, 'bulk')));
    const preview = await blocks('lift', '--rule', 'bulk', '--since', '1h', '--reason', 'false-positive', ...note);
    expect(preview).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('3 blocks would be lifted. Nothing was changed'),
    });
    for (const id of ids) expect(preview.stdout).toContain(id);
    expect(await json('list', '--rule', 'bulk')).toMatchObject({ blocks: [{ state: 'active' }, {}, {}] });
    expect(await json('lift', '--rule', 'bulk', '--reason', 'false-positive', '--yes', ...note)).toEqual({
      lifted: 3,
      matching: 3,
      conflicts: [],
    });
    expect((await blocks('lift', '--rule', 'bulk', '--reason', 'goodwill', '--yes', ...note)).stdout).toBe(
      'No such block.\n',
    );
  });

  it('explain: says by what somebody is hit, why, who still knocks, what holds for it, and what to do', async () => {
    const id = await promote({ kind: 'ip', id: '203.0.113.77' });
    const lastAtMs = systemClock.nowMs() - 3000;
    await counters.blockList.noteRefusals([{ blockId: id, refused: 4210, commands: 4210, bytes: 1_200_000, lastAtMs }]);
    const { stdout } = await blocks('explain', '203.0.113.77');
    expect(stdout).toMatch(/^ip:203\.0\.113\.77 is refused until /);
    expect(stdout).toMatch(/hit +by an entry of its own: block b-/);
    expect(stdout).toMatch(/evidence +240 denied and 12 allowed on 2 routes, in 3 of 10 windows/);
    expect(stdout).toMatch(
      /still knocking: 4,210 requests, the last \d s ago; spared 4,210 commands to the counter store, 1\.2 MB/,
    );
    expect(stdout).toMatch(new RegExp(`strikes +${id} until`));
    expect(stdout).toContain(`tidegate blocks lift ${id} --reason false-positive`);
    const lifted = await blocks('lift', id, '--reason', 'false-positive', ...note);
    expect(lifted.stdout).toContain('version 2; its strike is taken back.');
    const after = await blocks('explain', '203.0.113.77');
    expect(after.stdout).toMatch(/^ip:203\.0\.113\.77 is not blocked/);
    expect(after.stdout).toMatch(/lifted +the detector leaves it alone until .*\n/);
    expect(after.stdout).toMatch(/strikes +none/);
    expect(await json('explain', '203.0.113.77')).toMatchObject({ blocked: false, entries: [], strikes: [] });
  });

  it('explain: finds the network around an address, and who is exempt from it', async () => {
    await blocks('add', '198.18.4.0/24', '--for', '1h', ...note);
    expect((await blocks('explain', '198.18.4.9')).stdout).toMatch(/by network:198\.18\.4\.0\/24, which it lies in/);
    await blocks('allow', '198.18.4.9', '--for', '1d', '--note', 'partner', '--actor', 'sales');
    expect((await blocks('explain', '198.18.4.9')).stdout).toMatch(
      /^ip:198\.18\.4\.9 is not blocked: allow .* by sales/,
    );
    expect(await json('explain', '198.18.4.10')).toMatchObject({
      blocked: true,
      entries: [{ subjectKey: 'network:198.18.4.0/24' }],
    });
  });

  it('import: counts what was added, renewed and removed, reports bad lines by number, and exports the same again', async () => {
    const first = file(
      'first.txt',
      '# a feed\n100.64.1.1\n100.64.2.0/24\n\nnonsense\n100.64.1.1\n100.64.3.9/24 ; spray\n',
    );
    const end = ['--for', '24h', ...note];
    const imported = await blocks('import', first, '--list', 'feed', ...end);
    expect(imported.stdout).toMatch(/list feed: 2 added, 0 renewed, 0 removed, 0 refused/);
    expect(imported.stderr).toMatch(/first\.txt:5 must be ip:/);
    expect(imported.stderr).toMatch(/first\.txt:7 has bits set behind its prefix; did you mean 100\.64\.3\.0\/24\?/);
    const second = file('second.tsv', '100.64.2.0/24\tx\n100.64.4.4\ty\n');
    const again = ['import', second, '--list', 'feed', '--format', 'tsv', ...end];
    expect(await json(...again, '--dry-run')).toMatchObject({
      dryRun: true,
      added: 1,
      renewed: 1,
      removed: 1,
      shadowed: 0,
    });
    expect(await json(...again)).toMatchObject({ added: 1, renewed: 1, removed: 1, refused: 0, badLines: 0 });
    const exported = await blocks('export', '--list', 'feed');
    expect(exported.stdout.split('\n').filter(Boolean).sort()).toEqual(['100.64.2.0/24', '100.64.4.4']);
    expect((await blocks('explain', '100.64.2.9')).stdout).toMatch(/by network:100\.64\.2\.0\/24.*list feed/);
  });

  it('explain and add: an address behind which an allowed key was served is refused, and the key is named', async () => {
    await blocks('allow', 'key:partner', '--for', '1d', '--note', 'a partner', '--actor', 'sales');
    await counters.blockList.noteIdentities([{ address: '198.19.4.77', clientKey: 'key:partner' }]);
    const { stdout } = await blocks('explain', '198.19.4.77');
    expect(stdout).toMatch(/^ip:198\.19\.4\.77 is not blocked$/m);
    expect(stdout).toMatch(/allowed +allow key:partner by sales.*; was served behind it/);
    expect(stdout).toContain('tidegate blocks disallow key:partner');
    expect(await blocks('add', '198.19.4.77', '--for', '1h', ...note)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('key:partner by sales'),
    });
  });

  it('import: a dry run names whom a person has lifted, and one address of a list is pointed to the allow list', async () => {
    await blocks('add', '100.66.0.1', '--for', '1h', ...note);
    await blocks('lift', '100.66.0.1', '--reason', 'goodwill', ...note);
    const list = ['import', file('some.txt', '100.66.0.1\n100.66.0.2\n'), '--list', 'some', '--for', '1h', ...note];
    expect((await blocks(...list, '--dry-run')).stdout).toMatch(
      /1 lifted by a person lately and left out:\n {2}ip:100\.66\.0\.1\n/,
    );
    expect(await json(...list, '--dry-run')).toMatchObject({ lifted: { asked: 2, subjects: [{ id: '100.66.0.1' }] } });
    expect(await json(...list)).toMatchObject({ added: 1, refused: 1 });
    await expect(blocks('lift', '100.66.0.2', '--reason', 'goodwill', ...note)).resolves.toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('l-some hits it: `tidegate blocks allow ip:100.66.0.2 '),
    });
    const lifted = await blocks('lift', 'l-some', '--reason', 'goodwill', ...note);
    expect(lifted.stdout).toBe('list some is lifted: nobody is blocked by l-some any more, version 2.\n');
  });

  it('import: takes scores of ipsum, and refuses an empty file and one of another format', async () => {
    const scored = file('ipsum.tsv', '# IPsum\n100.65.0.1\t9\n100.65.0.2\t1\n');
    const end = ['--for', '24h', ...note];
    const ipsum = ['import', scored, '--list', 'ipsum', '--format', 'ipsum', '--min-score', '3', ...end];
    expect(await json(...ipsum)).toMatchObject({ added: 1, below: 1 });
    expect(await blocks('import', scored, '--list', 'ipsum', ...end)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('names nobody'),
    });
    const empty = await blocks('import', file('empty.txt', '# nothing\n'), '--list', 'ipsum', ...end);
    expect(empty).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('names nobody; to end a list, lift its block'),
    });
    expect(await blocks('import', join(folder, 'none'), '--list', 'x', ...end)).toMatchObject({ exitCode: 2 });
    expect(await blocks('import', scored, '--list', 'No!', ...end)).toMatchObject({ exitCode: 2 });
  });

  it('says that a block list inside another process cannot be asked from here', async () => {
    const { exitCode, stderr } = await runTidegate(['blocks', 'list']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/memory: lives inside the process that runs/);
  }, 30_000);
});
