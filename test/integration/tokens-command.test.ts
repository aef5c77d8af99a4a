import { afterAll, beforeAll, expect, it } from 'vitest';
import { IssuedTokens } from '../../src/api/issued-tokens.ts';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import { tokensCommand } from '../../src/cli/tokens/tokens-command.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { runCommand } from '../support/command-run.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { runTidegate } from '../support/tidegate-process.ts';

describeWith('redis', 'tidegate tokens', (url) => {
  const namespace = freshName('tokens');
  let counters: Counters;
  let issued: IssuedTokens;

  const tokens = (...args: string[]) =>
    runCommand(tokensCommand, [...args, '--redis-url', url, '--namespace', namespace, '--log-level', 'silent']);

  beforeAll(async () => {
    const options = { redisUrl: url, namespace, clock: systemClock, logger: silentLogger, time: 'wall' } as const;
    counters = await openCounters(options);
    issued = new IssuedTokens({ store: counters.tokens, clock: systemClock });
  });
  afterAll(() => counters?.close());

  it('create: the token alone goes to stdout, what it is to stderr, and every process knows it', async () => {
    const flags = [
      '--name',
      'ben',
      '--role',
      'reviewer',
      '--tenant',
      'acme',
      '--tenant',
      'umbrella',
      '--actor',
      'anna',
    ];
    const { exitCode, stdout, stderr } = await tokens('create', ...flags);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^tgt_[\w-]{49}\n$/);
    expect(stderr).toMatch(/Token t-[0-9a-f]{12} of ben: reviewer, tenants acme, umbrella, until .* \(in (?:30|29) d/);
    expect(stderr).not.toContain(stdout.trim());
    expect(await issued.identify(stdout.trim(), false)).toMatchObject({
      kind: 'holder',
      holder: { reviewer: { name: 'ben', role: 'reviewer', tenants: ['acme', 'umbrella'] } },
    });
  });

  it('list: says whose each is, and never the token', async () => {
    const { stdout } = await tokens('list');
    expect(stdout).toMatch(/^t-[0-9a-f]{12} +ben +reviewer +tenants acme, umbrella +until .*made by anna\n$/);
    expect(stdout).not.toContain('tgt_');
  });

  it('revoke: it is good for nothing any more, and a second time it is not there', async () => {
    const made = JSON.parse((await tokens('create', '--name', 'eve', '--role', 'admin', '--json')).stdout);
    const id: string = made.about.id;
    expect((await tokens('revoke', id)).stdout).toMatch(/of eve is revoked: within two seconds/);
    expect((await issued.identify(made.token, false)).kind).toBe('unknown');
    const again = await tokens('revoke', id);
    expect(again).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('No token has the id') });
    expect(JSON.parse((await tokens('list', '--json')).stdout).tokens).toHaveLength(1);
  });

  it('says in the log who made and who revoked which, and never the token', async () => {
    const where = ['--redis-url', url, '--namespace', namespace, '--actor', 'anna'];
    const made = await runTidegate(['tokens', 'create', '--name', 'zoe', '--role', 'viewer', ...where]);
    const linesOf = ({ stderr }: { readonly stderr: string }) =>
      stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    const [line] = linesOf(made);
    expect(line).toMatchObject({ msg: 'a token was made', actor: 'anna', token: { name: 'zoe', role: 'viewer' } });
    expect(made.stderr).not.toContain(made.stdout.trim());
    const revoked = await runTidegate(['tokens', 'revoke', line.token.id, ...where]);
    expect(linesOf(revoked)).toMatchObject([
      { msg: 'a token was revoked', actor: 'anna', token: { id: line.token.id } },
    ]);
  }, 30_000);

  it.each([
    [['create', '--role', 'viewer'], '--name is missing'],
    [['create', '--name', 'ben'], '--role is missing'],
    [['create', '--name', 'detector', '--role', 'viewer'], 'name is the name of no person'],
    [['create', '--name', 'ben', '--role', 'viewer', '--expires', '400d'], '--expires must be a duration'],
    [['create', '--name', 'ben', '--role', 'viewer', '--tenant', 'a/b'], 'tenants must each be'],
    [['create', '--name', 'ben', '--role', 'root'], 'root'],
  ])('%j is refused, and nothing is made', async (args, text) => {
    const { exitCode, stdout, stderr } = await tokens(...args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(text);
    expect(await counters.tokens.list()).toHaveLength(1);
  });
});
