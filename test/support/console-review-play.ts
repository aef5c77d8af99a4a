import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { openBrowser, type Visit, type VisitOptions, visit } from './console-browser.ts';
import { openReviewStage, type ReviewStage } from './console-review-stage.ts';
import { chromiumPath } from './engines.ts';

const patience = { timeout: 15_000, interval: 30 };

/** A browser for the file, and for each test a process of its own; every page that was opened must have stayed sound. */
export const reviewPlay = () => {
  let browser: Browser | null = null;
  let stage: ReviewStage | null = null;
  let visits: Visit[] = [];
  beforeAll(async () => {
    const path = chromiumPath();
    if (path !== null) browser = await openBrowser(path);
  }, 60_000);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    stage = await openReviewStage();
  });
  afterEach(async () => {
    const mishaps = visits.flatMap((each) => each.mishaps);
    await Promise.all(visits.map((each) => each.close()));
    visits = [];
    await stage?.close();
    expect(mishaps).toEqual([]);
  });

  const theStage = (): ReviewStage => {
    if (stage === null) throw new Error('no test is running');
    return stage;
  };
  const open = async (options: Omit<VisitOptions, 'url'>): Promise<Page> => {
    if (browser === null) throw new Error('the browser has not started');
    const opened = await visit(browser, { url: theStage().url, ...options });
    visits.push(opened);
    return opened.page;
  };
  const blockOf = async (id: string) => {
    const block = await theStage().blockList.get(id);
    if (block === null) throw new Error(`there is no block ${id}`);
    return block;
  };
  return {
    stage: theStage,
    open,
    /** A place of the page, as somebody who may do what is to be done. */
    openAs: async (name: string, place: string, options: Omit<VisitOptions, 'url'> = {}): Promise<Page> =>
      open({ ...options, token: (await theStage().token(name, 'lead')).text, place }),
    blockOf,
    stateOf: async (id: string): Promise<string> => (await blockOf(id)).state,
    until: (id: string, state: string) => expect.poll(async () => (await blockOf(id)).state, patience).toBe(state),
    /** Who did what, oldest first. */
    stepsOf: async (id: string): Promise<readonly string[]> =>
      (await theStage().blockList.history(id)).map(({ kind, actor }) => `${actor}: ${kind}`),
  };
};

export const untilCurrent = (page: Page, id: string): Promise<void> =>
  page.locator(`.row.current[data-id="${id}"]`).waitFor();

export const noteField = (page: Page) => page.locator('.act-form textarea');

/** What is typed next goes there. */
export const untilFocused = (page: Page, selector: string) =>
  expect
    .poll(() => page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector), patience)
    .toBe(true);

/** Opens the note of an act by its key, and waits for the field. */
export const startNote = async (page: Page, key: string): Promise<void> => {
  await page.keyboard.press(key);
  await untilFocused(page, '.act-form textarea');
};
