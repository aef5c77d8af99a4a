import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { valuesOf } from '../choices.ts';
import { dashboardOf, marks } from '../frame.ts';
import { policyChanges } from '../marks-sql.ts';
import { choiceVariable } from '../variables.ts';
import { latencyPanels, sourcePanels } from './decisions.ts';
import { numberPanels } from './numbers.ts';
import { gatePanels, gateTable, storePanels } from './store.ts';

/** Whether gates decide as they should: in time, by the primary store, with the newest policies and block list. */
export const limiterDashboard = (): DashboardBuilder =>
  dashboardOf({
    name: 'limiter',
    description: 'Whether gates decide in time, by the primary store, and with the newest policies and block list.',
    variables: [choiceVariable('region', 'region', valuesOf('region'))],
    annotations: [marks('Policy changes', 'blue', policyChanges)],
    rows: [
      { height: 4, panels: numberPanels() },
      { title: 'How long decisions take', height: 8, panels: latencyPanels() },
      { title: 'Who decides', height: 8, panels: sourcePanels() },
      { title: 'The counter store', height: 8, panels: storePanels() },
      { title: 'Whether gates agree', height: 8, panels: gatePanels() },
      { height: 9, panels: gateTable() },
    ],
  });
