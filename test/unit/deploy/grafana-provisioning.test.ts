import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { projectFolder } from '../../services/folders.ts';

type Entry = Readonly<Record<string, unknown>>;
const folder = join(projectFolder, 'dashboards');
const textOf = (path: string): string => readFileSync(join(folder, path), 'utf8');
const yamlFiles = (path: string): string[] =>
  readdirSync(join(folder, path))
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => `${path}/${name}`);
const parsed = (path: string): Entry => parse(textOf(path)) as Entry;
const list = (entry: Entry, name: string): readonly Entry[] => (entry[name] ?? []) as readonly Entry[];
const strangers = (entries: readonly Entry[], known: readonly string[]): string[] =>
  entries.flatMap((entry) => Object.keys(entry).filter((name) => !known.includes(name)));

/**
 * What Grafana reads, by the names in its source: a name that is not here is dropped without a word. pkg/services/provisioning:
 * datasources upsertDataSourceFromConfigV1, dashboards configs, alerting AlertingFileV1, AlertRuleGroupV1, AlertRuleV1 (with
 * keep_firing_for and notification_settings of later releases), QueryV1, ContactPointV1, ReceiverV1, NotificiationPolicyV1.
 */
const reads = {
  datasource:
    'orgId version name type access url user database basicAuth basicAuthUser withCredentials isDefault correlations jsonData secureJsonData editable uid',
  provider: 'name type orgId folder folderUid editable options disableDeletion updateIntervalSeconds allowUiUpdates',
  alerting:
    'apiVersion groups deleteRules contactPoints deleteContactPoints policies resetPolicies muteTimes deleteMuteTimes templates deleteTemplates',
  group: 'orgId name folder interval rules',
  rule: 'uid title condition data dashboardUid panelId noDataState execErrState for keepFiringFor annotations labels isPaused notification_settings missing_series_evals_to_resolve record',
  query: 'refId queryType relativeTimeRange datasourceUid model',
  contactPoint: 'orgId name receivers',
  receiver: 'uid type settings disableResolveMessage',
} as const;
const known = (kind: keyof typeof reads): string[] => reads[kind].split(' ');

describe('the provisioning of Grafana', () => {
  const alerting = [...yamlFiles('provisioning/alerting'), ...yamlFiles('opt-in')].map(parsed);
  const groups = alerting.flatMap((file) => list(file, 'groups'));
  const rules = groups.flatMap((group) => list(group, 'rules'));
  const contactPoints = alerting.flatMap((file) => list(file, 'contactPoints'));

  it.each(['datasources', 'dashboards', 'alerting'])('says its version in every file of %s', (kind) => {
    const files = yamlFiles(`provisioning/${kind}`);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect([file, parsed(file)['apiVersion']]).toEqual([file, 1]);
  });

  it('names nothing that Grafana would not read', () => {
    const sources = yamlFiles('provisioning/datasources').flatMap((file) => list(parsed(file), 'datasources'));
    const providers = yamlFiles('provisioning/dashboards').flatMap((file) => list(parsed(file), 'providers'));
    expect(strangers(sources, known('datasource'))).toEqual([]);
    expect(strangers(providers, known('provider'))).toEqual([]);
    expect(strangers(alerting, known('alerting'))).toEqual([]);
    expect(strangers(groups, known('group'))).toEqual([]);
    expect(strangers(rules, known('rule'))).toEqual([]);
    expect(
      strangers(
        rules.flatMap((rule) => list(rule, 'data')),
        known('query'),
      ),
    ).toEqual([]);
    expect(strangers(contactPoints, known('contactPoint'))).toEqual([]);
    expect(
      strangers(
        contactPoints.flatMap((point) => list(point, 'receivers')),
        known('receiver'),
      ),
    ).toEqual([]);
  });

  it('tells every alert by a contact point with an id, a type and settings, without which Grafana does not start', () => {
    const receivers = contactPoints.flatMap((point) => list(point, 'receivers'));
    expect(receivers.length).toBeGreaterThan(0);
    for (const { uid, type, settings } of receivers) {
      expect([typeof uid, typeof type]).toEqual(['string', 'string']);
      expect(Object.keys(settings as Entry).length).toBeGreaterThan(0);
    }
  });

  it('leaves the notification policy of an organization alone until somebody opts in', () => {
    for (const file of yamlFiles('provisioning/alerting')) {
      expect(Object.keys(parsed(file))).not.toContain('policies');
      expect(Object.keys(parsed(file))).not.toContain('resetPolicies');
    }
  });

  it('gives the plugin a data source that it can read: times as text, the protocol of the embedded port', () => {
    const [source] = list(parsed('provisioning/datasources/tidegate.yaml'), 'datasources');
    expect(source).toMatchObject({
      uid: 'tidegate-clickhouse',
      type: 'grafana-clickhouse-datasource',
      jsonData: { protocol: 'http', port: 8123, dialTimeout: '10', queryTimeout: '60' },
    });
  });
});

describe('what the compose file gives Grafana', () => {
  const compose = parse(readFileSync(join(projectFolder, 'docker-compose.yml'), 'utf8')) as {
    readonly services: Readonly<
      Record<string, { readonly environment?: Readonly<Record<string, string>>; readonly volumes?: readonly string[] }>
    >;
  };
  const environment = compose.services['grafana']?.environment ?? {};
  const provisioning = ['datasources', 'dashboards', 'alerting'].flatMap((kind) => yamlFiles(`provisioning/${kind}`));

  it('is every variable that the files name', () => {
    const used = provisioning.flatMap((file) =>
      [...textOf(file).matchAll(/\$\{(TIDEGATE_\w+)\}/g)].map(([, name = '']) => name),
    );
    expect(used.length).toBeGreaterThan(3);
    for (const name of used) expect(Object.keys(environment)).toContain(name);
  });

  it('is a user of ClickHouse that can only read, under the password that ClickHouse was given', () => {
    const user = textOf('clickhouse/grafana-user.xml');
    const name = environment['TIDEGATE_CLICKHOUSE_USER'] ?? '';
    expect(user).toContain(`<${name}>`);
    expect(user).toContain('<readonly>1</readonly>');
    expect([...user.matchAll(/<query>(.*)<\/query>/g)].map(([, grant]) => grant)).toEqual([
      'GRANT SELECT ON tidegate.*',
    ]);
    const given = compose.services['clickhouse']?.environment?.['TIDEGATE_GRAFANA_CLICKHOUSE_PASSWORD'];
    expect(environment['TIDEGATE_CLICKHOUSE_PASSWORD']).toBe(given);
    expect(user).toContain('from_env="TIDEGATE_GRAFANA_CLICKHOUSE_PASSWORD"');
    expect(given).not.toBe(compose.services['clickhouse']?.environment?.['CLICKHOUSE_PASSWORD']);
  });

  it('is what the plugin sends with a query, although the user can change no other setting', () => {
    const constraints = /<constraints>([\s\S]*)<\/constraints>/.exec(textOf('clickhouse/grafana-user.xml'))?.[1] ?? '';
    const changeable = [...constraints.matchAll(/<(\w+)>(?:(?!<\/\1>)[\s\S])*<changeable_in_readonly\/><\/\1>/g)];
    // clickhouse-go derives the first of the deadline; the row limit of the data source is the second.
    for (const setting of ['max_execution_time', 'limit', 'enable_http_compression']) {
      expect(changeable.map(([, name]) => name)).toContain(setting);
    }
  });

  it('is a folder of dashboards where the provider looks', () => {
    const [provider] = list(parsed('provisioning/dashboards/tidegate.yaml'), 'providers');
    const { path } = (provider?.['options'] ?? {}) as { path?: string };
    expect(compose.services['grafana']?.volumes).toContain(`./dashboards/json:${path}:ro`);
  });
});
