import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alertCatalogue } from '../../../src/alert/catalogue/catalogue.ts';
import { alertSettings } from '../../../src/cli/alert-settings.ts';
import { readAlertmanagers } from '../../../src/cli/alertmanagers.ts';
import { alertsCommand } from '../../../src/cli/alerts/alerts-command.ts';
import { readAlertsFile } from '../../../src/cli/alerts-file.ts';
import { runCommand } from '../../support/command-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileWith = (text: string): string => {
  const path = join(folder, 'alerts.yaml');
  writeFileSync(path, text);
  return path;
};

describe('the alerts file', () => {
  it('is not needed: then every alert is in force as the catalogue has it', () => {
    const { rules, off, mutes, objectives } = readAlertsFile(null);
    expect(rules.map(({ id }) => id)).toEqual(alertCatalogue.map(({ id }) => id));
    expect([off, mutes, objectives]).toEqual([[], [], {}]);
  });

  it('says what is different: off, severity, threshold, how long, labels, mutes and objectives', () => {
    const path = fileWith(
      `
version: 1
objectives: { deniedShare: 0.1, deadline: 50ms }
alerts:
  dead-letters: { off: true }
  throttle-spike: { severity: ticket, labels: { team: payments } }
  store-breaker-open: { threshold: 2, for: 5m, keepFiring: 0s }
mute:
  - alerts: [throttle-spike]
    labels: { tenant: acme }
    from: 2026-12-01T08:00:00Z
    until: 2026-12-01T12:00:00+01:00
    reason: load test
`.replace('until: 2026-12-01T12:00:00+01:00', 'until: 2026-12-01T12:00:00+01:00'),
    );
    const { rules, off, mutes, objectives } = readAlertsFile(path);
    expect(off.map(({ id }) => id)).toEqual(['dead-letters']);
    expect(rules.find(({ id }) => id === 'throttle-spike')).toMatchObject({
      severity: 'ticket',
      extraLabels: { team: 'payments' },
    });
    expect(rules.find(({ id }) => id === 'store-breaker-open')).toMatchObject({
      question: { bound: { above: 2 } },
      forMs: 300_000,
      keepFiringMs: 0,
      when: expect.stringContaining('(here: above 2)'),
    });
    expect(objectives).toEqual({ deniedShare: 0.1, deadlineUs: 50_000 });
    expect(mutes).toEqual([
      {
        ...{ alerts: ['throttle-spike'], labels: { tenant: 'acme' }, reason: 'load test' },
        ...{ fromMs: Date.UTC(2026, 11, 1, 8), untilMs: Date.UTC(2026, 11, 1, 11) },
      },
    ]);
  });

  it('is refused with every problem and its place', async () => {
    const path = fileWith(`
version: 1
alerts:
  no-such: { off: true }
  throttle-spike: { threshold: 3 }
  dead-letters: { for: forever }
mute:
  - { until: tomorrow, reason: x }
  - { alerts: [nope], from: 2026-12-02T00:00:00Z, until: 2026-12-01T00:00:00Z, reason: x }
`);
    const { exitCode, stderr } = await runCommand(alertsCommand, ['check', path]);
    expect(exitCode).toBe(2);
    for (const place of [
      'alerts.no-such',
      'alerts.throttle-spike.threshold',
      'alerts.dead-letters.for',
      'mute[0].until',
      'mute[1].until',
      'mute[1].alerts[0]',
    ]) {
      expect(stderr).toContain(place);
    }
  });

  it.each([
    ['alerts: { throtle-spike: { off: true } }', 'did you mean throttle-spike?'],
    ['mute: [{ alerts: [dead-leters], until: 2026-12-01T00:00:00Z, reason: x }]', 'did you mean dead-letters?'],
    ['alerts: { throtle-spike: { off: 7 } }', 'did you mean throttle-spike?'],
    ['alerts: { dead-letters: { threshold: -5 } }', 'alerts.dead-letters.threshold: must be 0 or more'],
    ['alerts: { dead-letters: { threshold: .nan } }', 'alerts.dead-letters.threshold: must be'],
    ['alerts: { dead-letters: { threshold: .inf } }', 'alerts.dead-letters.threshold: must be'],
    ['alerts: { store-latency: { threshold: 95 } }', 'alerts.store-latency.threshold: is a share'],
    ['alerts: { detector-down: { threshold: 0 } }', 'alerts.detector-down.threshold: must be above 0'],
    ['alerts: { dead-letters: { labels: { severity: low } } }', 'alerts.dead-letters.labels.severity: is set by'],
  ])('with %j is refused, and says what was meant', async (text, said) => {
    const { exitCode, stderr } = await runCommand(alertsCommand, ['check', fileWith(`version: 1\n${text}\n`)]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  it.each([
    ['version: 2', 'version'],
    ['version: 1\nalerts: { dead-letters: { severity: low } }', 'severity'],
    ['version: 1\nobjectives: { deniedShare: 2 }', 'objectives.deniedShare'],
    ['version: 1\nmute: [{ until: 2026-12-01T00:00:00Z }]', 'reason'],
    ['{', 'alerts.yaml'],
  ])('%j is refused, with its place', async (text, place) => {
    const { exitCode, stderr } = await runCommand(alertsCommand, ['check', fileWith(text)]);
    expect([exitCode, stderr.includes(place)]).toEqual([2, true]);
  });
});

describe('Alertmanagers', () => {
  const none = { alertmanagerToken: null, alertmanagerTokenFile: null };

  it('let in by user and password of the URL, by a token, or by the token of a file', () => {
    const alertmanagerUrls = ['https://ann:p%40ss@a:9093', 'http://b:9093/am'];
    const [first, second] = readAlertmanagers({ ...none, alertmanagerUrls, alertmanagerToken: 'secret' });
    expect(first?.url.href).toBe('https://a:9093/');
    expect(first?.authorization).toBe(`Basic ${Buffer.from('ann:p@ss').toString('base64')}`);
    expect(second?.authorization).toBe('Bearer secret');
    const alertmanagerTokenFile = fileWith('from-file\n');
    const [third] = readAlertmanagers({
      alertmanagerUrls: ['http://b'],
      alertmanagerToken: 'x',
      alertmanagerTokenFile,
    });
    expect(third?.authorization).toBe('Bearer from-file');
    expect(readAlertmanagers({ ...none, alertmanagerUrls: ['http://b'] })[0]?.authorization).toBeNull();
  });

  it('whose password is not percent-encoded are refused, and it is not told', () => {
    const alertmanagerUrls = ['https://ann:hunter%zz@a:9093'];
    let told: unknown = null;
    try {
      readAlertmanagers({ ...none, alertmanagerUrls });
    } catch (error) {
      told = error;
    }
    expect(told).toMatchObject({ code: 'CONFIG_INVALID', problems: [{ path: 'alertmanagerUrls' }] });
    expect(JSON.stringify(told)).not.toContain('hunter');
  });

  it('whose token cannot be read are refused, and nothing of the file is told', () => {
    const config = { ...none, alertmanagerUrls: ['http://b'] };
    expect(() => readAlertmanagers({ ...config, alertmanagerTokenFile: join(folder, 'gone') })).toThrow(
      'cannot be read',
    );
    const path = fileWith('two secrets\n');
    expect(() => readAlertmanagers({ ...config, alertmanagerTokenFile: path })).toThrow(/^(?!.*secrets).*holds none/);
  });
});

describe('where alerts point to', () => {
  it.each([
    'javascript:alert(1)',
    'https://admin:hunter2@grafana.example.com',
    'https://grafana.example.com/?auth_token=abc',
    'https://',
    'grafana.example.com',
  ])('is no %j: everybody who is told reads it', (address) => {
    for (const { parse } of [alertSettings.grafanaUrl, alertSettings.docsUrl, alertSettings.publicUrl])
      expect(parse(address)).toEqual({ problem: expect.stringContaining('without user') });
  });

  it.each(['https://grafana.example.com/sub/', 'http://[::1]:3000', 'https://cdn.example.com/tidegate@1.0/docs'])(
    'may be %j',
    (address) => expect(alertSettings.grafanaUrl.parse(address)).toEqual({ value: address }),
  );
});
