import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderAlertFiles } from '../../../dashboards/alerts/files.ts';
import { outdated } from '../../../docs/generated-files.ts';
import { prometheusNameOf } from '../../../src/alert/alert-name.ts';
import { alertCatalogue } from '../../../src/alert/catalogue/catalogue.ts';

const files = renderAlertFiles();
const fileNamed = (name: string): string => {
  const text = files.map((folder) => folder.files.get(name)).find((found) => found !== undefined);
  if (text === undefined) throw new Error(`nothing writes ${name}`);
  return text;
};

interface GrafanaRule {
  readonly uid: string;
  readonly title: string;
  readonly condition: string;
  readonly data: readonly {
    readonly refId: string;
    readonly datasourceUid: string;
    readonly relativeTimeRange: { readonly from: number; readonly to: number };
    readonly model: Readonly<Record<string, unknown>> & { readonly rawSql?: string; readonly expression?: string };
  }[];
  readonly dashboardUid: string;
  readonly panelId: number;
  readonly noDataState: string;
  readonly execErrState: string;
  readonly for: string;
  readonly keepFiringFor?: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}
interface GrafanaFile {
  readonly apiVersion: number;
  readonly groups: readonly (Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly interval: string;
    readonly rules: readonly GrafanaRule[];
  })[];
}
interface PrometheusFile {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly (Readonly<Record<string, unknown>> & {
      readonly alert?: string;
      readonly record?: string;
      readonly expr: string;
    })[];
  }[];
}

const grafana = parse(fileNamed('rules.yaml')) as GrafanaFile;
const grafanaRules = grafana.groups.flatMap(({ rules }) => rules);
const prometheus = parse(fileNamed('rules.yml')) as PrometheusFile;
const prometheusRules = prometheus.groups.flatMap(({ rules }) => rules);

describe('the rules that are generated', () => {
  it.each(files)('are written as they are now: $folder', (generated) => {
    expect(outdated(generated)).toEqual([]);
  });

  it('hold every alert once, in Grafana and in Prometheus', () => {
    const ids = alertCatalogue.map(({ id }) => id);
    expect(grafanaRules.map(({ title }) => title).sort()).toEqual([...ids].sort());
    const named = prometheusRules.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));
    expect([...named].sort()).toEqual([...ids.map(prometheusNameOf), 'TidegateDown'].sort());
  });
});

/** What Grafana reads of a rule in a file: whatever else stands there is dropped without a word. */
const ruleKeys = (
  'uid title condition data dashboardUid panelId noDataState execErrState for keepFiringFor missing_series_evals_to_resolve ' +
  'annotations labels isPaused notification_settings record'
).split(' ');

describe("Grafana's rules", () => {
  it('have the shape of files, not of the API', () => {
    expect(grafana.apiVersion).toBe(1);
    for (const group of grafana.groups) {
      expect(Object.keys(group).sort()).toEqual(['folder', 'interval', 'name', 'orgId', 'rules']);
      expect(group.interval).toBe('1m');
      for (const rule of group.rules) {
        expect(Object.keys(rule).filter((key) => !ruleKeys.includes(key))).toEqual([]);
        expect(rule.for).toMatch(/^\d+[smhd]$/);
      }
    }
  });

  it.each(grafanaRules)('$uid asks the data source, and fires by one expression', ({ condition, data }) => {
    const refs = data.map(({ refId }) => refId);
    expect(new Set(refs).size).toBe(refs.length);
    const fires = data.find(({ refId }) => refId === condition);
    expect(fires?.datasourceUid).toBe('__expr__');
    expect(refs).toContain(fires?.model.expression);
    for (const { refId, datasourceUid, model } of data.filter((one) => one !== fires)) {
      expect([datasourceUid, model['refId'], model['format']]).toEqual(['tidegate-clickhouse', refId, 1]);
      // Variables and their macros are the browser's; nobody fills them in here.
      expect(model.rawSql).not.toMatch(/\$\{|\$__conditionalAll/);
    }
  });

  it.each(grafanaRules)('$uid leads to its panel and its runbook, by every name that Grafana knows', (rule) => {
    const { uid, dashboardUid, panelId, annotations } = rule;
    expect(annotations['__dashboardUid__']).toBe(dashboardUid);
    expect(annotations['__panelId__']).toBe(String(panelId));
    expect(annotations['dashboard_url']).toBe(`/d/${dashboardUid}?viewPanel=${panelId}&from=now-3h&to=now`);
    expect(annotations['runbook_url']).toBe(`docs/runbooks/${uid.slice('tidegate-'.length)}.md`);
  });

  it('keep their state while the database is away, but for the one that says so', () => {
    const others = grafanaRules.filter(({ execErrState }) => execErrState !== 'KeepLast');
    expect(others.map(({ title, execErrState }) => [title, execErrState])).toEqual([['figures-silent', 'Alerting']]);
    const loud = grafanaRules.filter(({ noDataState }) => noDataState !== 'OK');
    expect(loud.map(({ title }) => title)).toEqual(['figures-silent']);
  });

  it('name only values that they ask for', () => {
    for (const { annotations, data, title } of grafanaRules) {
      const refs = data.map(({ refId }) => refId);
      const named = [
        ...Object.values(annotations)
          .join(' ')
          .matchAll(/\$values\.(\w+)/g),
      ].map(([, ref = '']) => ref);
      expect(
        named.filter((ref) => !refs.includes(ref)),
        title,
      ).toEqual([]);
    }
  });

  it('speak of all decisions where the series is that of everybody', () => {
    const told = grafanaRules.map(({ annotations }) => annotations['summary'] ?? '');
    const ofSeries = told.filter((summary) => summary.includes('$labels.dimension'));
    expect(ofSeries.length).toBeGreaterThan(0);
    const ofAll = '{{ if eq $labels.dimension "all" }}decisions{{ else }}{{ $labels.name }}{{ end }}';
    expect(ofSeries.filter((summary) => !summary.includes(ofAll))).toEqual([]);
  });
});

describe("Prometheus' rules", () => {
  it('tell of a dimension only where the series has one: what serve says has none', () => {
    const spike = prometheusRules.find(({ alert }) => alert === 'TidegateThrottleSpike');
    expect(JSON.stringify(spike?.['annotations'])).not.toMatch(/see \{\{ \$labels/);
  });

  it('ask for records that are made, and make none that nobody asks for', () => {
    const made = new Set(prometheusRules.flatMap(({ record }) => (record === undefined ? [] : [record])));
    const asked = new Set(prometheusRules.flatMap(({ expr }) => expr.match(/\btidegate:\w+:\w+/g) ?? []));
    expect(asked).toEqual(made);
  });

  it.each(alertCatalogue)('tell of $id with its runbook, its severity and its area', ({ id, severity, area }) => {
    const rule = prometheusRules.find(({ alert }) => alert === prometheusNameOf(id));
    expect(rule).toMatchObject({
      labels: { severity, area },
      annotations: { runbook_url: `docs/runbooks/${id}.md` },
    });
  });
});
