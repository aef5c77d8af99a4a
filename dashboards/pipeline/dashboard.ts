import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboardOf, marks } from '../frame.ts';
import { gatePanels } from './gates-to-log.ts';
import { delayPanels, proofPanels, storedPanels } from './log-to-database.ts';
import { numberPanels } from './numbers.ts';
import { processPanels, processTable, toBlocksPanels } from './processes.ts';
import { startMarks } from './sql.ts';

/** From a gate to the database and to the detector: what is late, what waits, and whether the numbers agree. */
export const pipelineDashboard = (): DashboardBuilder =>
  dashboardOf({
    name: 'pipeline',
    description:
      'How far decisions are on their way from gates to the database and to the detector, and whether the numbers agree.',
    annotations: [marks('Processes started', 'purple', startMarks)],
    rows: [
      { height: 4, panels: numberPanels() },
      { title: 'From gates to the log', height: 8, panels: gatePanels() },
      { title: 'From the log to the database', height: 8, panels: delayPanels() },
      { height: 8, panels: storedPanels() },
      { title: 'Whether the numbers agree', height: 8, panels: proofPanels() },
      { title: 'To blocks and to people', height: 8, panels: toBlocksPanels() },
      { title: 'Processes', height: 8, panels: processPanels() },
      { height: 8, panels: processTable() },
    ],
  });
