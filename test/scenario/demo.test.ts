import { expect, it } from 'vitest';
import { describeWith } from '../support/engines.ts';
import { runTidegate, TidegateProcess } from '../support/tidegate-process.ts';

interface DemoSummary {
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
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
  }, 90_000);

  it('shows itself on a page that loads nothing from elsewhere, and ends cleanly at Ctrl-C', async () => {
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
    demo.signal('SIGINT');
    const { exitCode, stdout, stderr } = await demo.ended();
    expect(exitCode, stderr).toBe(0);
    const { decisions, clickhouse } = summaryIn(stdout);
    expect(clickhouse.decisions).toBe(decisions);
  }, 60_000);
});
