import { describe, expect, it } from 'vitest';
import { applyPlan } from '../../../../src/cli/dashboards/apply.ts';
import { Grafana } from '../../../../src/cli/dashboards/grafana.ts';
import { changesNothing, planFor } from '../../../../src/cli/dashboards/plan.ts';
import { rulesIn } from '../../../../src/cli/dashboards/shipped.ts';
import { ManualClock } from '../../../../src/clock.ts';
import { FakeGrafana } from '../../../support/fake-grafana.ts';

const file = (rules: readonly string[], interval = '30s') =>
  rulesIn(
    new Map([
      [
        'provisioning/alerting/rules.yaml',
        `apiVersion: 1\ngroups:\n  - name: tidegate\n    folder: Tidegate\n    interval: ${interval}\n    rules:\n${rules.join('')}`,
      ],
    ]),
  );
const rule = (uid: string, { span = '2m', sql = 'SELECT 1' } = {}) => `      - uid: ${uid}
        title: ${uid}
        condition: C
        for: ${span}
        keepFiringFor: 5m
        noDataState: OK
        execErrState: Error
        dashboardUid: tidegate-overview
        panelId: 12
        labels: { severity: page }
        annotations: { summary: 'many' }
        data:
          - refId: A
            relativeTimeRange: { from: 600, to: 0 }
            datasourceUid: tidegate-clickhouse
            model: { refId: A, rawSql: '${sql}', queryType: table, format: 1 }
`;

const setUp = () => {
  const fake = new FakeGrafana();
  fake.folders.set('tidegate', 'Tidegate');
  const grafana = new Grafana({
    url: new URL(fake.url),
    token: fake.token,
    clock: new ManualClock(),
    fetch: fake.fetch,
  });
  const push = async (rules: ReturnType<typeof file>) => {
    const plan = await planFor(grafana, { dashboards: [], rules, folderUid: 'tidegate' });
    const options = { folderUid: 'tidegate', message: '', overwrite: false, done: () => undefined };
    await applyPlan(grafana, plan, options);
    return plan;
  };
  return { fake, push };
};

describe('alert rules that are pushed', () => {
  it('are those of the files in the words of the API, linked to their panel, and editable in Grafana', async () => {
    const { fake, push } = setUp();
    await push(file([rule('tidegate-a')]));
    expect(fake.rules.get('tidegate-a')).toMatchObject({
      orgID: 1,
      folderUID: 'tidegate',
      ruleGroup: 'tidegate',
      for: '2m',
      keep_firing_for: '5m',
      isPaused: false,
      annotations: { summary: 'many', __dashboardUid__: 'tidegate-overview', __panelId__: '12' },
    });
    expect(Object.keys(fake.rules.get('tidegate-a') ?? {})).not.toContain('keepFiringFor');
    for (const { method, headers } of fake.asked) {
      if (method !== 'GET') expect(headers.get('x-disable-provenance')).toBe('true');
    }
  });

  it('are evaluated as often as the files say, together with rules that others made in the group', async () => {
    const { fake, push } = setUp();
    fake.rules.set('theirs', { uid: 'theirs', ruleGroup: 'tidegate' });
    await push(file([rule('tidegate-a')]));
    expect(fake.intervals.get('tidegate')).toBe(30);
    expect([...fake.rules.keys()].sort()).toEqual(['theirs', 'tidegate-a']);
  });

  it('are written once: what Grafana adds, and another spelling of a duration, is no difference', async () => {
    const { fake, push } = setUp();
    const rules = file([rule('tidegate-a', { span: '60s' }), rule('tidegate-b')]);
    await push(rules);
    expect(fake.rules.get('tidegate-a')?.['for']).toBe('1m');
    const { length } = fake.writes;
    expect(changesNothing(await push(rules))).toBe(true);
    expect(fake.writes).toHaveLength(length);
  });

  it('are updated when what they ask or how long they wait is another, and say so', async () => {
    const { fake, push } = setUp();
    await push(file([rule('tidegate-a'), rule('tidegate-b')]));
    const plan = await push(file([rule('tidegate-a', { span: '3m' }), rule('tidegate-b', { sql: 'SELECT 2' })]));
    expect(plan.rules.map(({ uid, act, fields }) => [uid, act, fields])).toEqual([
      ['tidegate-a', 'update', ['for']],
      ['tidegate-b', 'update', ['data']],
    ]);
    expect(fake.rules.get('tidegate-a')?.['for']).toBe('3m');
  });

  it('stay paused when somebody paused them', async () => {
    const { fake, push } = setUp();
    await push(file([rule('tidegate-a')]));
    fake.rules.set('tidegate-a', { ...fake.rules.get('tidegate-a'), isPaused: true });
    expect(changesNothing(await push(file([rule('tidegate-a')])))).toBe(true);
    await push(file([rule('tidegate-a', { span: '9m' })]));
    expect(fake.rules.get('tidegate-a')).toMatchObject({ isPaused: true, for: '9m' });
  });

  it('are left to the files that Grafana loaded them from', async () => {
    const { fake, push } = setUp();
    fake.fromFiles.add('tidegate-a');
    fake.rules.set('tidegate-a', { uid: 'tidegate-a', ruleGroup: 'tidegate' });
    await expect(push(file([rule('tidegate-a')]))).rejects.toMatchObject({
      code: 'GRAFANA_REFUSED',
      message: expect.stringMatching(/the alert rule tidegate-a\. It was loaded from files/),
    });
  });
});
