import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { go, isTooWide, seriousFindings, shoot } from '../support/console-browser.ts';
import { noteField, reviewPlay, startNote } from '../support/console-review-play.ts';
import { describeWith } from '../support/engines.ts';

const { stage, openAs } = reviewPlay();

const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 360, height: 740 } } as const;

/** Everything is looked at once on each size, contrast in each pair of colours. */
const looks = [
  { size: 'desktop', scheme: 'light', rules: 'all' },
  { size: 'desktop', scheme: 'dark', rules: 'contrast' },
  { size: 'phone', scheme: 'dark', rules: 'all' },
  { size: 'phone', scheme: 'light', rules: 'contrast' },
] as const;

interface Filled {
  readonly blockId: string;
  readonly proposalId: string;
  readonly subject: string;
}

/** All that the pages can show: proposals and blocks, strange and long names, a block that goes on refusing, a history. */
const fill = async (): Promise<Filled> => {
  const { seed, blockList, gate } = stage();
  const attacker = { kind: 'ip', id: '203.0.113.66' } as const;
  const knock = () =>
    gate.check({ clients: [attacker], tenant: 'acme', method: 'POST', path: '/login', route: '/login' });
  for (let knocks = 0; knocks < 60; knocks += 1) await knock();
  await seed({ subject: '198.51.100.20', denied: 90, rule: 'login-stuffing' });
  await seed({ subject: { kind: 'user', id: 'invoice\u202egnp.exe <b>bold</b>' }, denied: 412 });
  await seed({ subject: { kind: 'key', id: 'k'.repeat(128), tenant: 'acme' }, denied: 1804 });
  await seed({
    subject: { kind: 'network', id: '203.0.114.0/24' },
    evidence: { members: { clients: 14, most: ['ip:203.0.114.7'] } },
  });
  const blockId = await seed({
    subject: attacker.id,
    denied: 5200,
    rule: 'login-stuffing',
    evidence: { collateral: { identities: 12 } },
  });
  const proposalId = await seed({ subject: '192.0.2.7', mode: 'review', denied: 640 });
  await seed({ subject: '192.0.2.8', mode: 'review', denied: 230 });
  await expect.poll(async () => (await knock()).outcome).toBe('blocked');
  await blockList.transition(blockId, { kind: 'assign', assignee: 'ben', actor: 'ben', note: '' });
  await blockList.comment(blockId, { actor: 'ben', note: 'The provider knows.\nThey call back tomorrow.' });
  return { blockId, proposalId, subject: `ip:${attacker.id}` };
};

/** The places of these pages, and when each is complete. */
const places = ({ blockId, proposalId, subject }: Filled) => [
  { name: 'queue', place: '/queue', until: (page: Page) => page.locator('.row').nth(6).waitFor() },
  {
    name: 'note',
    place: '/queue',
    until: async (page: Page) => {
      await page.locator(`[data-id="${proposalId}"] input`).waitFor();
      await page.locator(`[data-id="${proposalId}"] .row-gist`).click();
      await startNote(page, 'l');
      await noteField(page).fill('Our own monitor');
    },
  },
  {
    name: 'block',
    place: `/blocks/${blockId}`,
    until: (page: Page) => page.getByText('They call back tomorrow').waitFor(),
  },
  {
    name: 'client',
    place: `/clients/${encodeURIComponent(subject)}`,
    until: (page: Page) => page.getByRole('img', { name: /Decisions by outcome/ }).waitFor(),
  },
  {
    name: 'bulk',
    place: '/queue?show=all',
    until: async (page: Page) => {
      await page.getByRole('button', { name: 'Change all that match…' }).click();
      await page.locator('dialog textarea').fill('The rule was wrong');
      await page.locator('dialog').getByRole('button', { name: 'Preview' }).click();
      await page.locator('dialog .preview').waitFor();
    },
  },
];

describeWith('chromium', 'the pages of review', () => {
  it('fit a desktop and a phone, light and dark, and axe finds nothing serious on them', async () => {
    const filled = await fill();
    const page = await openAs('anna', '/queue', { reducedMotion: 'reduce' });
    const findings: string[] = [];
    for (const { name, place, until } of places(filled)) {
      await page.setViewportSize(sizes.desktop);
      await go(page, place);
      await until(page);
      for (const { size, scheme, rules } of looks) {
        await page.setViewportSize(sizes[size]);
        await page.emulateMedia({ colorScheme: scheme });
        await page.locator(`html[data-theme=${scheme}]`).waitFor({ state: 'attached' });
        await shoot(page, `review-${name}-${size}-${scheme}`);
        if (await isTooWide(page)) findings.push(`${name}, ${size}: wider than the window`);
        const serious = await seriousFindings(page, rules);
        findings.push(...serious.map((finding) => `${name}, ${size}, ${scheme}: ${finding}`));
      }
      if (name === 'note') await noteField(page).press('Escape');
    }
    expect(findings).toEqual([]);
  }, 90_000);
});
