import { expect, it, vi } from 'vitest';
import { describeWith } from '../support/engines.ts';
import { runTidegate, TidegateProcess } from '../support/tidegate-process.ts';

interface DemoSummary {
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
  readonly savedCommands: number;
  readonly savedBytes: number;
  readonly clickhouse: { readonly decisions: number };
  readonly blocks: readonly {
    readonly subject: { readonly id: string };
    readonly rule: string;
    readonly evidence: object;
  }[];
  readonly personas: Readonly<
    Record<
      string,
      {
        readonly requests: number;
        readonly failed: number;
        readonly blocked: boolean;
        readonly outcomes: { readonly allowed: number; readonly denied: number; readonly blocked: number };
      }
    >
  >;
}

interface ShownBlock {
  readonly id: string;
  readonly version: number;
  readonly subject: { readonly kind: string; readonly id: string };
}

/** As the page does it: the first block that there is goes, and who was blocked is let in again. */
const liftOne = async (url: string, token: string): Promise<void> => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const find = async (): Promise<ShownBlock | undefined> => {
    const answer = await fetch(`${url}/v1/blocks?states=active`, { headers });
    return ((await answer.json()) as { blocks: ShownBlock[] }).blocks[0];
  };
  const block = await vi.waitUntil(find, { timeout: 30_000, interval: 200 });
  const decide = async (): Promise<string> => {
    const body = JSON.stringify({ clients: [block.subject], method: 'GET', path: '/demo-lift' });
    const answer = await fetch(`${url}/v1/decisions`, { method: 'POST', headers, body });
    return ((await answer.json()) as { outcome: string }).outcome;
  };
  await vi.waitUntil(async () => (await decide()) === 'blocked', { timeout: 5000, interval: 50 });
  const lifted = await fetch(`${url}/v1/blocks/${block.id}/lift`, {
    method: 'POST',
    headers: { ...headers, 'if-match': `"${block.version}"` },
    body: JSON.stringify({ reason: 'goodwill', note: 'the demo lets it in again' }),
  });
  expect(lifted.status).toBe(200);
  await vi.waitUntil(async () => (await decide()) !== 'blocked', { timeout: 1000, interval: 20 });
};

const summaryIn = (stdout: string): DemoSummary => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');

describeWith('chdb', 'the demo', () => {
  it('blocks the stuffer, the scanner and the storm within twenty seconds, and nobody else', async () => {
    const { exitCode, stdout, stderr } = await runTidegate(['demo', '--seconds', '20', '--json']);
    expect(exitCode, stderr).toBe(0);
    const summary = summaryIn(stdout);
    const { personas, clickhouse, decisions, allowed, denied, blocked } = summary;
    expect(clickhouse.decisions).toBe(decisions);
    expect(allowed + denied + blocked).toBe(decisions);
    const fates = Object.fromEntries(Object.entries(personas).map(([name, fate]) => [name, fate.blocked]));
    expect(fates).toEqual({ steady: false, bursty: false, polite: false, stuffer: true, scanner: true, storm: true });
    expect(summary.blocks.map(({ rule }) => rule).sort()).toEqual(['deaf-retries', 'login-stuffing', 'many-routes']);
    const seen = Object.values(personas);
    expect(seen.reduce((sum, { requests }) => sum + requests, 0)).toBe(decisions);
    expect(seen.reduce((sum, { outcomes }) => sum + outcomes.blocked, 0)).toBe(blocked);
    expect(seen.every(({ failed }) => failed === 0)).toBe(true);
    expect(personas['bursty']?.outcomes.denied).toBeGreaterThan(0);
    expect(summary.savedCommands).toBeGreaterThanOrEqual(blocked);
    // Counters are in this process: nothing goes over a wire.
    expect(summary.savedBytes).toBe(0);
  }, 90_000);

  it('shows itself on a page that loads nothing from elsewhere, lifts a block within a second, and ends cleanly at Ctrl-C', async () => {
    const demo = new TidegateProcess(['demo', '--json']);
    const url = await demo.url();
    const page = await fetch(url);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    for (const [, file = ''] of html.matchAll(/(?:src|href)="([^"#]+)"/g)) {
      if (!file.startsWith('data:')) expect((await fetch(new URL(file, url))).status, file).toBe(200);
    }
    for (const path of [
      '/v1/blocks?states=active,confirmed,proposed&limit=50',
      '/v1/throttle-rates?by=tenant&groups=12',
    ]) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
    const token = await demo.said(/console: \S+#token=(\S+)/);
    await liftOne(url, token);
    demo.signal('SIGINT');
    const { exitCode, stdout, stderr } = await demo.ended();
    expect(exitCode, stderr).toBe(0);
    const { decisions, clickhouse } = summaryIn(stdout);
    expect(clickhouse.decisions).toBe(decisions);
  }, 60_000);
});
