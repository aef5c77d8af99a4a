import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderDashboards } from '../../dashboards/build.ts';
import { dashboardUids } from '../../dashboards/links.ts';
import { outdated } from '../../docs/generated-files.ts';
import { type Dashboard, dashboardsOf, type Panel, queriesOf } from '../support/grafana-dashboards.ts';
import { repositoryRoot } from '../support/source-text.ts';

const dashboards = dashboardsOf(renderDashboards().files.values());
const headings = (panel: Panel): boolean => panel.type === 'row';
const panelsOf = (dashboard: Dashboard): readonly Panel[] => dashboard.panels.filter((panel) => !headings(panel));
const panels = dashboards.flatMap(panelsOf);
const provisioned = (path: string): unknown =>
  parse(readFileSync(join(repositoryRoot, 'dashboards/provisioning', path), 'utf8'));

/** Links of a dashboard and its panels, wherever they stand. */
const linksIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(linksIn);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'url' && typeof inner === 'string' ? [inner] : linksIn(inner),
  );
};
const definedIn = (dashboard: Dashboard): string[] => dashboard.templating.list.map(({ name }) => name);

describe('the dashboards', () => {
  it('are in dashboards/json as the code would write them now', () => {
    expect(outdated(renderDashboards()), 'run npm run dashboards').toEqual([]);
  });

  it('render to the same text twice', () => {
    expect(renderDashboards()).toEqual(renderDashboards());
  });

  it('are those that links and alerts name, each in a file of its name, uid and panels at the top', () => {
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual(Object.values(dashboardUids).sort());
    expect([...renderDashboards().files.keys()].filter((name) => name.startsWith('tidegate-'))).toEqual(
      dashboards.map(({ uid }) => `${uid}.json`),
    );
    for (const dashboard of dashboards) expect(panelsOf(dashboard).length).toBeGreaterThan(5);
  });

  it('ask ClickHouse at least thirty questions', () => {
    expect(panels.flatMap(({ targets }) => targets).length).toBeGreaterThanOrEqual(30);
  });
});

describe.each(dashboards)('$uid', (dashboard) => {
  const own = panelsOf(dashboard);
  const queries = queriesOf(dashboard);

  it('numbers its panels without doubles', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('describes each panel, with a unit and with what its emptiness means', () => {
    const bare = own.filter(
      ({ title, description, fieldConfig: { defaults } }) =>
        !title || !description || !defaults.unit || !defaults.noValue,
    );
    expect(bare.map(({ title }) => title)).toEqual([]);
  });

  it('asks the data source that the reader chose, for no more than a bounded time', () => {
    for (const { name, rawSql, datasource } of queries) {
      if (datasource !== undefined) expect(datasource.uid).toBe(`\${source}`);
      expect(rawSql, name).toMatch(/\$__timeFilter\(|\$__fromTime|now\((?:'UTC')?\) - /);
    }
  });

  it('uses only variables that it defines', () => {
    const defined = definedIn(dashboard);
    const text = JSON.stringify([dashboard.panels, dashboard.annotations, dashboard.templating]);
    const used = [...text.matchAll(/\$\{(?!__)(\w+)|\$(?!_)([a-z]\w*)/g)].map(([, braced, bare]) => braced ?? bare);
    expect(used.filter((name) => !defined.includes(name ?? ''))).toEqual([]);
  });

  it('writes what a reader chose or typed into SQL only in percent encoding', () => {
    for (const { name, rawSql } of queries) {
      const formats = [...rawSql.matchAll(/\$\{\w+(?::(\w+))?\}/g)].map(([, format]) => format);
      expect(
        formats.filter((format) => format !== 'percentencode'),
        name,
      ).toEqual([]);
      const outsideMacros = rawSql.replace(/, \$\w+\)/g, ')').replace(/\$__\w+/g, '');
      expect(outsideMacros, name).not.toMatch(/\$\w/);
    }
  });

  it('links to dashboards that there are, and sets variables that they define', () => {
    const links = linksIn(dashboard).filter((url) => url.startsWith('/d/'));
    expect(links.length).toBeGreaterThanOrEqual(dashboards.length - 1);
    for (const url of links) {
      const [path = '', query = ''] = url.split('?');
      const target = dashboards.find(({ uid }) => path === `/d/${uid}`);
      expect(target, url).toBeDefined();
      const set = [...query.matchAll(/var-(\w+)=|\$\{(?!__)(\w+):queryparam\}/g)].map(([, a, b]) => a ?? b);
      expect(set.filter((name) => !definedIn(target as Dashboard).includes(name ?? ''))).toEqual([]);
    }
  });

  it('writes names into links only in percent encoding', () => {
    const names = linksIn(dashboard).flatMap((url) => [...url.matchAll(/\$\{(__(?:field|data)[^}]*)\}/g)]);
    for (const [, name = ''] of names) expect(name).toMatch(/:percentencode$|^__data\.fields\.(?:from|to)_ms$/);
  });

  it('leaves a hole where there is no data', () => {
    const joined = own.filter(({ type, fieldConfig }) => {
      const { spanNulls } = fieldConfig.defaults.custom ?? {};
      return type === 'timeseries' && spanNulls !== false;
    });
    expect(joined.map(({ title }) => title)).toEqual([]);
    const zeros = queries.filter(({ rawSql }) => /WITH FILL/.test(rawSql) && !/nullIf|toNullable|NULL/.test(rawSql));
    expect(zeros.map(({ name }) => name)).toEqual([]);
  });

  it('colours a number by bounds of its own: without any Grafana writes everything from 80 on in red', () => {
    const numbers = own.filter(({ type }) => type === 'stat');
    const left = numbers.filter(({ fieldConfig }) => fieldConfig.defaults.thresholds === undefined);
    expect(left.map(({ title }) => title)).toEqual([]);
  });

  it('keeps the time on screen and what is chosen when one goes to another', () => {
    expect(dashboard.links.map(({ url }) => url)).toHaveLength(dashboards.length - 1);
    for (const link of dashboard.links) expect(link).toMatchObject({ keepTime: true, includeVars: true });
  });
});

describe('the overview', () => {
  it('shows the throttle rate by tenant, route, region and policy, each beside what is usual', () => {
    for (const dimension of ['tenant', 'route', 'region', 'policy']) {
      const panel = panels.find(({ title }) => title === `Throttle rate by ${dimension}`);
      expect(panel?.targets.map(({ refId }) => refId)).toEqual(['A', 'B']);
    }
  });
});

describe('the provisioning', () => {
  it('defines the data source that the dashboards choose by default', () => {
    const { datasources } = provisioned('datasources/tidegate.yaml') as {
      datasources: { uid: string; type: string }[];
    };
    for (const { templating } of dashboards) {
      const chosen = templating.list.find(({ type }) => type === 'datasource');
      expect(datasources).toMatchObject([{ uid: chosen?.current?.value, type: 'grafana-clickhouse-datasource' }]);
    }
  });

  it('loads dashboards from files', () => {
    const { providers } = provisioned('dashboards/tidegate.yaml') as { providers: unknown[] };
    expect(providers).toMatchObject([{ type: 'file', folder: 'Tidegate' }]);
  });
});
