import { type DashboardBuilder, TextBoxVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboardOf, marks } from '../frame.ts';
import { policyChanges } from '../marks-sql.ts';
import { listPanels, promotionPanels, restraintPanels } from './blocking.ts';
import { numberPanels } from './numbers.ts';
import { clientTables, consoleVariable, precisionTable, reviewPanels } from './reviewing.ts';

const consoleUrl = 'http://127.0.0.1:8080';

/** Whom rules block, what that spares, whether it is right, and who waits to be judged. */
export const abuseDashboard = (): DashboardBuilder =>
  dashboardOf({
    name: 'abuse',
    description: 'Whom rules block and what that spares, whether it is right, and what waits for people.',
    from: 'now-24h',
    variables: [
      new TextBoxVariableBuilder(consoleVariable)
        .label('console')
        .description('Where the console of tidegate is: links to blocks begin with it')
        .defaultValue(consoleUrl)
        .current({ selected: true, text: consoleUrl, value: consoleUrl }),
    ],
    annotations: [marks('Policy changes', 'blue', policyChanges)],
    rows: [
      { height: 4, panels: numberPanels() },
      { title: 'What the list keeps away', height: 8, panels: listPanels() },
      { title: 'From verdicts to blocks', height: 8, panels: promotionPanels() },
      { height: 8, panels: restraintPanels() },
      { title: 'What people say', height: 8, panels: reviewPanels() },
      { height: 7, panels: precisionTable() },
      { title: 'Clients', height: 10, panels: clientTables() },
    ],
  });
