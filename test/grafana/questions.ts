import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectFolder } from '../services/folders.ts';
import { expandVariables } from '../support/grafana-macros.ts';

/** One query of a panel, an annotation, a variable or a rule, as Grafana's server is asked it. */
export interface Question {
  readonly of: string;
  readonly rawSql: string;
  readonly format: number;
}

interface Target {
  readonly rawSql: string;
  readonly format?: number;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets?: readonly Target[];
  readonly panels?: readonly Panel[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly annotations?: { readonly list?: readonly { readonly name: string; readonly target?: Target }[] };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query?: unknown }[];
  };
}

const folder = join(projectFolder, 'dashboards');
const dashboards = (): Dashboard[] =>
  readdirSync(join(folder, 'json')).map((name) => JSON.parse(readFileSync(join(folder, 'json', name), 'utf8')));

/** Everything stands on All; or one value is chosen for each variable that can be. */
const choices = [
  ['all', {}],
  [
    'one',
    {
      chosen: {
        tenant: ['tenant-03'],
        route: ['GET /orders/:id'],
        region: ["o'hare", 'us-east'],
        policy: ['policy-3'],
      },
      typed: { client: 'ip:client-3' },
    },
  ],
] as const;

const questionsOf = ({ uid, panels, annotations, templating }: Dashboard): Question[] => {
  const targets = panels
    .flatMap((panel) => [panel, ...(panel.panels ?? [])])
    .flatMap(({ id, title, targets: all = [] }) => all.map((target) => ({ of: `${uid} ${id} ${title}`, target })));
  const marks = (annotations?.list ?? []).flatMap(({ name, target }) =>
    target === undefined || !('rawSql' in target) ? [] : [{ of: `${uid} annotation ${name}`, target }],
  );
  const values = templating.list.flatMap(({ name, type, query }) =>
    type === 'query' && typeof query === 'string'
      ? [{ of: `${uid} variable ${name}`, target: { rawSql: query, format: 1 } }]
      : [],
  );
  return [...targets, ...marks, ...values].flatMap(({ of, target: { rawSql, format = 0 } }) =>
    choices.map(([name, context]) => ({ of: `${of} [${name}]`, rawSql: expandVariables(rawSql, context), format })),
  );
};

export const allQuestions = (): Question[] => dashboards().flatMap(questionsOf);

/** The rules that Grafana was given, with their queries. */
export interface Rule {
  readonly uid: string;
  readonly condition: string;
  readonly data: readonly unknown[];
}
export const allRules = (): Rule[] =>
  readdirSync(join(folder, 'provisioning', 'alerting')).flatMap((name) => {
    const { groups = [] } = parse(readFileSync(join(folder, 'provisioning', 'alerting', name), 'utf8')) as {
      readonly groups?: readonly { readonly rules: readonly Rule[] }[];
    };
    return groups.flatMap(({ rules }) => rules);
  });
