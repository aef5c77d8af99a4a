import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderDashboards } from '../../dashboards/build.ts';
import { outdated } from '../../docs/generated-files.ts';
import { repositoryRoot } from '../support/source-text.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly targets: readonly {
    readonly refId: string;
    readonly rawSql: string;
    readonly datasource: { readonly uid: string };
  }[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly current?: { readonly value: unknown };
    }[];
  };
}

const dashboards: Dashboard[] = [...renderDashboards().files.values()].map((text) => JSON.parse(text));
const panels = dashboards.flatMap((dashboard) => dashboard.panels);
const provisioned = (path: string): unknown =>
  parse(readFileSync(join(repositoryRoot, 'dashboards/provisioning', path), 'utf8'));

describe('the dashboards', () => {
  it('are in dashboards/json as the code would write them now', () => {
    expect(outdated(renderDashboards()), 'run npm run dashboards').toEqual([]);
  });

  it('render to the same text twice', () => {
    expect(renderDashboards()).toEqual(renderDashboards());
  });

  it('have the shape that Grafana loads from a file: uid and panels at the top', () => {
    expect(dashboards.map(({ uid }) => uid)).toEqual(['tidegate-overview']);
    expect(panels.length).toBeGreaterThan(5);
  });

  it('number their panels without doubles, and describe each', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ title, description }) => !title || !description)).toEqual([]);
  });

  it('show the throttle rate by tenant, route and region', () => {
    const titles = panels.map(({ title }) => title);
    for (const dimension of ['tenant', 'route', 'region']) expect(titles).toContain(`Throttle rate by ${dimension}`);
  });

  it('ask the data source that the reader chose, for no more than the time on screen', () => {
    for (const { targets } of panels) {
      expect(targets.length).toBeGreaterThan(0);
      for (const { rawSql, datasource } of targets) {
        expect(datasource.uid).toBe(`\${source}`);
        expect(rawSql).toMatch(/\$__timeFilter\(|\$__fromTime|now\(\) - INTERVAL/);
      }
    }
  });

  it('use only variables that they define', () => {
    for (const dashboard of dashboards) {
      const defined = dashboard.templating.list.map(({ name }) => name);
      const used = JSON.stringify(dashboard.panels).matchAll(/\$\{(?!__)(\w+)|\$(?!_)(\w+)/g);
      for (const [, braced, bare] of used) expect(defined).toContain(braced ?? bare);
    }
  });
});

describe('the provisioning', () => {
  it('defines the data source that the dashboards choose by default', () => {
    const { datasources } = provisioned('datasources/tidegate.yaml') as {
      datasources: { uid: string; type: string }[];
    };
    const chosen = dashboards.flatMap(({ templating }) => templating.list).find(({ type }) => type === 'datasource');
    expect(datasources).toMatchObject([{ uid: chosen?.current?.value, type: 'grafana-clickhouse-datasource' }]);
  });

  it('loads dashboards from files', () => {
    const { providers } = provisioned('dashboards/tidegate.yaml') as { providers: unknown[] };
    expect(providers).toMatchObject([{ type: 'file', folder: 'Tidegate' }]);
  });
});
