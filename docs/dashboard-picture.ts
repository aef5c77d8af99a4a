// Draws docs/images/dashboard-overview.png: the upper panels of the overview by their own queries, without Grafana.
// `npx tsx docs/dashboard-picture.ts`; needs Chromium and chDB.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { renderDashboards } from '../dashboards/build.ts';
import { nowMs, openStage } from '../test/support/dashboard-stage.ts';
import { dashboardsOf } from '../test/support/grafana-dashboards.ts';
import { type Answered, type DrawnPanel, pageOf } from './dashboard-drawing.ts';
import { pictureLines } from './picture-traffic.ts';

const picture = fileURLToPath(new URL('images/dashboard-overview.png', import.meta.url));
const program = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
/** What is above this row of the grid is drawn. */
const lastRow = 36;
const hourMs = 3_600_000;
const screen = { fromMs: nowMs - 3 * hourMs, toMs: nowMs, intervalMs: 60_000 };

const uPlotFile = (name: string): string =>
  readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), 'utf8');

const answered = async (folder: string): Promise<Answered[]> => {
  const stage = await openStage(`chdb:${folder}`);
  try {
    await stage.engine.insert({ table: 'decisions_raw', rows: [pictureLines(nowMs)], settings: {} });
    const overview = dashboardsOf(renderDashboards().files.values()).find(({ uid }) => uid === 'tidegate-overview');
    const panels = ((overview?.panels ?? []) as readonly DrawnPanel[]).filter(({ gridPos }) => gridPos.y < lastRow);
    const all: Answered[] = [];
    for (const panel of panels) {
      const answers = [];
      for (const { rawSql } of panel.targets ?? []) answers.push(await stage.ask(rawSql, screen));
      all.push({ panel, answers });
    }
    return all;
  } finally {
    await stage.engine.close();
  }
};

const folder = mkdtempSync(join(tmpdir(), 'tidegate-picture-'));
const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1456, height: lastRow * 38 + 16 } });
  const uPlot = { script: uPlotFile('uPlot.iife.min.js'), style: uPlotFile('uPlot.min.css') };
  await page.setContent(pageOf(await answered(folder), uPlot));
  await page.screenshot({ path: picture });
  console.log(picture);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
