import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Where screenshots of a run are left for people to look at. */
const shotFolder = fileURLToPath(new URL('../../coverage/screenshots/', import.meta.url));

/** Chromium without its own sandbox, which containers have no rights for: it only ever sees pages of this machine. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });

export interface Visit {
  readonly page: Page;
  /** What must not happen on any page: errors of scripts, dialogs, requests to elsewhere. */
  readonly mishaps: string[];
  close(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  readonly url: string;
  /** Handed over in the address. Default: nobody is signed in. */
  readonly token?: string;
  /** What follows #. Default: the start. */
  readonly place?: string;
}

/** A page of the console in a browser profile of its own. */
export const visit = async (browser: Browser, { url, token, place, ...options }: VisitOptions): Promise<Visit> => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const mishaps: string[] = [];
  page.on('pageerror', (error) => mishaps.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    mishaps.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const target = request.url();
    if (!target.startsWith(`${url}/`) && !target.startsWith('data:')) mishaps.push(`request: ${target}`);
  });
  await page.goto(token === undefined ? `${url}/` : `${url}/#token=${encodeURIComponent(token)}`);
  if (token !== undefined) await page.locator('nav#navigation').waitFor({ state: 'attached' });
  if (place !== undefined) await go(page, place);
  return { page, mishaps, close: () => context.close() };
};

/** To another place of the page, as following a link does. */
export const go = async (page: Page, place: string): Promise<void> => {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, place);
};

/** Whether the page as a whole is wider than its window. */
export const isTooWide = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

let axeText: Promise<string> | null = null;

const scopes = {
  all: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  contrast: { type: 'rule', values: ['color-contrast'] },
} as const;

/** What axe finds serious or critical, in a line each. */
export const seriousFindings = async (page: Page, scope: keyof typeof scopes = 'all'): Promise<readonly string[]> => {
  axeText ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await axeText);
  const options = JSON.stringify({ runOnly: scopes[scope], resultTypes: ['violations'] });
  const { violations } = await page.evaluate<AxeResult>(`axe.run(document, ${options})`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
};

/** Leaves a picture under `coverage/screenshots/`. */
export const shoot = async (page: Page, name: string): Promise<void> => {
  mkdirSync(shotFolder, { recursive: true });
  await page.screenshot({ path: `${shotFolder}${name}.png`, fullPage: true, animations: 'disabled' });
};
