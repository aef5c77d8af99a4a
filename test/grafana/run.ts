/**
 * The real Grafana, with what the package ships: everything is provisioned, every panel, annotation, variable and rule is
 * answered from the embedded database, and `tidegate dashboards push` brings the same into an empty one.
 *
 *   TIDEGATE_TEST_GRAFANA=<program> TIDEGATE_TEST_GRAFANA_HOME=<folder> TIDEGATE_TEST_GRAFANA_PLUGIN=<folder> npx tsx test/grafana/run.ts
 */
import { applyPlan } from '../../src/cli/dashboards/apply.ts';
import { Grafana } from '../../src/cli/dashboards/grafana.ts';
import { planFor } from '../../src/cli/dashboards/plan.ts';
import { pushCommand } from '../../src/cli/dashboards/push.ts';
import { dashboardsIn, rulesIn, shippedFiles } from '../../src/cli/dashboards/shipped.ts';
import { systemClock } from '../../src/clock.ts';
import { runCommand } from '../support/command-run.ts';
import { hourMs, minuteMs } from '../support/dashboard-traffic.ts';
import { allQuestions, allRules, type Question } from './questions.ts';
import { type Built, type GrafanaServer, inOlderWords, startGrafana } from './server.ts';
import { openStage, type Stage } from './stage.ts';

const ranges = [
  { name: '1 h', spanMs: hourMs, intervalMs: minuteMs },
  { name: '30 d', spanMs: 30 * 24 * hourMs, intervalMs: hourMs },
] as const;

interface Frame {
  readonly schema: { readonly fields: readonly { readonly name: string; readonly type: string }[] };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}
interface Result {
  readonly error?: string;
  readonly frames?: readonly Frame[];
}

const built = (): Built | null => {
  const {
    TIDEGATE_TEST_GRAFANA: server,
    TIDEGATE_TEST_GRAFANA_HOME: home,
    TIDEGATE_TEST_GRAFANA_PLUGIN: plugin,
  } = process.env;
  return server && home && plugin ? { server, home, plugin } : null;
};

const shapeOf = (frames: readonly Frame[]): string =>
  frames
    .map(({ schema, data }) => `${schema.fields.map(({ type }) => type[0]).join('')}×${data.values[0]?.length ?? 0}`)
    .join(' ');

/** What is wrong with an answer; null: nothing. */
const wrongWith = ({ error, frames = [] }: Result, { format }: Question): string | null => {
  if (error !== undefined) return error;
  if (frames.length !== 1) return `${frames.length} frames`;
  const fields = frames[0]?.schema.fields ?? [];
  // No rows: Grafana shows its empty state.
  if (format !== 0 || fields.length === 0) return null;
  if (fields[0]?.type !== 'time') return 'a series without time';
  return fields.slice(1).every(({ type }) => type === 'number') ? null : 'a series that is not wide';
};

const askAll = async (grafana: GrafanaServer, { nowMs }: Stage): Promise<string[]> => {
  const troubles: string[] = [];
  for (const { name, spanMs, intervalMs } of ranges) {
    for (const question of allQuestions()) {
      const startUs = systemClock.monotonicUs();
      const { body } = await grafana.api('/api/ds/query', {
        from: String(nowMs - spanMs),
        to: String(nowMs + minuteMs),
        queries: [
          {
            refId: 'A',
            datasource: { uid: 'tidegate-clickhouse' },
            rawSql: question.rawSql,
            format: question.format,
            intervalMs,
            maxDataPoints: 500,
          },
        ],
      });
      const result = (body as { readonly results?: Readonly<Record<string, Result>> }).results?.['A'] ?? {
        error: JSON.stringify(body),
      };
      const trouble = wrongWith(result, question);
      const tookMs = Math.round((systemClock.monotonicUs() - startUs) / 1000);
      console.log(
        `${trouble === null ? 'ok  ' : 'FAIL'} ${String(tookMs).padStart(5)} ms  ${name.padEnd(5)} ${question.of}: ${trouble ?? shapeOf(result.frames ?? [])}`,
      );
      if (trouble !== null) troubles.push(`${name} ${question.of}: ${trouble}`);
    }
  }
  return troubles;
};

const valuesOf = (frame: Frame | undefined, field: string): readonly unknown[] =>
  frame?.data.values[frame.schema.fields.findIndex(({ name }) => name === field)] ?? [];

const evaluateAll = async (grafana: GrafanaServer, { nowMs }: Stage): Promise<string[]> => {
  const troubles: string[] = [];
  for (const { uid, condition, data } of allRules()) {
    const now = new Date(nowMs).toISOString();
    const { status, body } = await grafana.api('/api/v1/rule/test/grafana', {
      grafana_condition: { condition, data, now },
    });
    const text = JSON.stringify(body);
    const [instances] = (body as { readonly instances?: readonly Frame[] }).instances ?? [];
    const states = valuesOf(instances, 'State');
    const bad = status !== 200 || states.some((state) => !['Normal', 'Alerting', 'NoData'].includes(String(state)));
    const told = [...new Set(states)].map(
      (state) => `${states.filter((one) => one === state).length} ${String(state)}`,
    );
    console.log(`${bad ? 'FAIL' : 'ok  '} rule ${uid}: ${bad ? text : told.join(', ')}`);
    if (bad) troubles.push(`${uid}: ${text}`);
  }
  return troubles;
};

/**
 * What the schema of 2023 did not know yet, in its words: where links stand, and that the lowest threshold has no number.
 */
const inOlderSchema = (key: string, value: unknown): unknown => {
  if (key === 'placement') return undefined;
  if (key !== 'steps' || !Array.isArray(value)) return value;
  return value.map((step: object) => ('value' in step && step.value === null ? { ...step, value: -1e9 } : step));
};

/** By the schema of dashboards that the server itself holds, which knows every field or refuses it. */
const validateAll = async (grafana: GrafanaServer): Promise<string[]> => {
  const troubles: string[] = [];
  for (const dashboard of dashboardsIn(shippedFiles())) {
    const { status, body } = await grafana.api('/api/dashboards/validate', {
      dashboard: JSON.stringify(dashboard, inOlderSchema),
    });
    const { isValid = false, message = '' } = body as { readonly isValid?: boolean; readonly message?: string };
    console.log(`${isValid ? 'ok  ' : 'FAIL'} schema ${dashboard.uid} ${message}`);
    if (!isValid) troubles.push(`${dashboard.uid}: ${status} ${message}`);
  }
  return troubles;
};

/** Dashboards by the command; rules in the words of this older server. */
const pushTwice = async (server: GrafanaServer): Promise<string[]> => {
  const url = new URL(server.url.replace('//', '//admin:tidegate@'));
  const push = () =>
    runCommand(
      (host) => pushCommand(host, { env: {}, clock: systemClock }),
      ['--url', url.href, '--no-rules', '--yes'],
    );
  const first = await push();
  const again = await push();
  const grafana = new Grafana({ url, token: null, clock: systemClock });
  const files = new Map([...shippedFiles()].map(([path, text]) => [path, inOlderWords(text)]));
  const plan = () => planFor(grafana, { dashboards: [], rules: rulesIn(files), folderUid: 'tidegate' });
  await applyPlan(grafana, await plan(), { folderUid: 'tidegate', message: '', overwrite: false, done: console.log });
  const rest = (await plan()).rules.filter(({ act }) => act !== 'unchanged');
  console.log(`${first.stdout}${first.stderr}second time: ${again.stderr}`);
  return [
    ...(first.exitCode === 0 && again.stderr.includes('as this release has it') ? [] : [`push: ${again.stdout}`]),
    ...rest.map(({ uid, fields }) => `rule ${uid} differs after a push: ${fields.join(', ')}`),
  ];
};

const main = async (): Promise<number> => {
  const programs = built();
  if (programs === null) {
    console.error('Nothing was tested: docs/guides/grafana.md says how to build what this needs.');
    return 1;
  }
  const stage = await openStage();
  const troubles: string[] = [];
  const within = async (parts: RegExp, run: (grafana: GrafanaServer) => Promise<string[]>): Promise<void> => {
    const grafana = await startGrafana(programs, { clickhousePort: stage.port, parts });
    try {
      troubles.push(...(await run(grafana)));
    } finally {
      await grafana.close();
    }
  };
  try {
    await within(/./, async (grafana) => [
      ...(await validateAll(grafana)),
      ...(await askAll(grafana, stage)),
      ...(await evaluateAll(grafana, stage)),
    ]);
    await within(/datasources/, pushTwice);
  } finally {
    await stage.close();
  }
  for (const trouble of troubles) console.error(`FAIL ${trouble.slice(0, 400)}`);
  return troubles.length === 0 ? 0 : 1;
};

process.exitCode = await main();
