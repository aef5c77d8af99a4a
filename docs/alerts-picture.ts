// Takes docs/images/alerts.png: the console's page of alerts while a retry storm goes on. `npx tsx docs/alerts-picture.ts`;
// needs Chromium, chDB and the console that `npm run build` makes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { nowMs, openStage } from '../test/support/dashboard-stage.ts';
import { pictureLines } from './picture-traffic.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const picture = fileURLToPath(new URL('images/alerts.png', import.meta.url));
const program = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const [port, token] = ['8923', 'of-this-picture-alone'];
/** The storm goes on while the process starts and looks. */
const aheadMinutes = 6;

const folder = mkdtempSync(join(tmpdir(), 'tidegate-picture-'));
const stage = await openStage(`chdb:${folder}`, 100_000);
const lines = pictureLines(nowMs + aheadMinutes * 60_000, aheadMinutes + 10);
await stage.engine.insert({ table: 'decisions_raw', rows: [lines], settings: {} });
await stage.engine.close();

const links = ['--grafana-url', 'https://grafana.example.com', '--docs-url', 'https://docs.example.com'];
const given = ['--port', port, '--clickhouse-url', `chdb:${folder}`, ...links];
const up = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'up', ...given], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, TIDEGATE_API_TOKENS: `ada=${token}`, TIDEGATE_LOG_LEVEL: 'warn' },
});
const isReady = (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  while (!(await isReady()) && up.exitCode === null) await page.waitForTimeout(500);
  await page.goto(`http://127.0.0.1:${port}/#token=${token}`);
  await page.locator('nav#navigation').waitFor({ state: 'attached' });
  await page.goto(`http://127.0.0.1:${port}/#/alerts`);
  await page.locator('main td strong', { hasText: 'Probably' }).first().waitFor({ timeout: 180_000 });
  await page.screenshot({ path: picture });
  console.log(picture);
} finally {
  await browser.close();
  up.kill('SIGTERM');
  await once(up, 'close');
  rmSync(folder, { recursive: true, force: true });
}
