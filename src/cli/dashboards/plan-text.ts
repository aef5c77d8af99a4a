import { columns } from '../columns.ts';
import { plainText } from '../time-text.ts';
import type { PanelDifference } from './differences.ts';
import type { DashboardStep, Plan, RuleStep } from './plan.ts';

const signs = { added: '+', removed: '-', changed: '~' } as const;
const panelLine = ({ change, id, title, fields }: PanelDifference): string =>
  `             ${plainText(`${signs[change]} panel ${id} ${title}${fields.length > 0 ? `: ${fields.join(', ')}` : ''}`)}\n`;

const dashboardLines = ({ differences: { fields, panels } }: DashboardStep): string =>
  (fields.length > 0 ? `             ${plainText(`~ ${fields.join(', ')}`)}\n` : '') + panels.map(panelLine).join('');
const ruleLines = ({ fields }: RuleStep): string =>
  fields.length > 0 ? `             ${plainText(`~ ${fields.join(', ')}`)}\n` : '';

const stepText = (step: DashboardStep | RuleStep): string => {
  const head = columns([[step.act.padEnd(9), step.kind.padEnd(9), step.uid, step.title]]);
  return head + (step.kind === 'dashboard' ? dashboardLines(step) : ruleLines(step));
};

/** What would change, a line for each thing and below it what of it. */
export const planText = (plan: Plan, folderUid: string): string =>
  [
    ...(plan.makesFolder ? [columns([['create   ', 'folder   ', folderUid]])] : []),
    ...[...plan.dashboards, ...plan.rules].map(stepText),
    ...plan.groups.map(({ group, intervalSeconds }) =>
      columns([['update   ', 'group    ', group, `evaluated every ${intervalSeconds} s`]]),
    ),
  ].join('');

/** The same for machines. */
export const planView = (plan: Plan) => ({
  makesFolder: plan.makesFolder,
  dashboards: plan.dashboards.map(({ act, uid, title, differences }) => ({ act, uid, title, ...differences })),
  rules: plan.rules.map(({ act, uid, title, fields }) => ({ act, uid, title, fields })),
  groups: plan.groups,
});
