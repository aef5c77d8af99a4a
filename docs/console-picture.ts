// Takes docs/images/console.png: the overview while the demo runs. `npx tsx docs/console-picture.ts`; needs Chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const picture = fileURLToPath(new URL('images/console.png', import.meta.url));
const program = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
/** Long enough for every visitor of the demo to have shown what becomes of him. */
const watchedMs = 75_000;

const demo = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'demo'], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'pipe'],
});
let said = '';
demo.stderr.on('data', (chunk: Buffer) => {
  said += chunk.toString();
});

const addressOf = async (): Promise<string> => {
  for (;;) {
    const address = /console: (http\S+)/.exec(said)?.[1];
    if (address !== undefined) return address;
    if (demo.exitCode !== null) throw new Error(`the demo ended: ${said}`);
    await once(demo.stderr, 'data');
  }
};

try {
  const address = await addressOf();
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 1180 }, colorScheme: 'light' });
  await page.goto(address);
  await page.waitForTimeout(watchedMs);
  await page.screenshot({ path: picture });
  await browser.close();
  console.log(picture);
} finally {
  demo.kill('SIGTERM');
  await once(demo, 'close');
}
