import type { Act } from '../blocklist/block-review.ts';
import type { Breaker, ModeOverride, Switch, Switched, Switches } from '../blocklist/block-switches.ts';
import { allRules, breakerAt, breakerOf, budgetWindowMs } from '../blocklist/budget.ts';
import { breakerNotice, overrideNotice, switchNotice } from '../blocklist/notices.ts';
import type { Book } from './memory-block-list-promote.ts';

const inForce = (off: Switch | null, nowMs: number): Switch | null => (off && off.untilMs > nowMs ? off : null);

export const switchesOf = ({ state, nowMs }: Book): Switches => ({
  blocks: inForce(state.switches.blocks, nowMs),
  limits: inForce(state.switches.limits, nowMs),
});

export const setSwitch = (book: Book, what: Switched, change: { off: Switch | null; act: Act }): Switches => {
  const { state, log, nowMs } = book;
  const switches = { ...switchesOf(book), [what]: change.off };
  state.switches = switches;
  log.append({ kind: 'switched', switches }, switchNotice(nowMs, what, change), { timeMs: nowMs });
  return switches;
};

export const overridesOf = ({ state, nowMs }: Book): readonly ModeOverride[] =>
  [...state.overrides.values()].filter(({ untilMs }) => untilMs > nowMs).sort(byRule);

export const setOverride = ({ state, log, nowMs }: Book, override: ModeOverride): void => {
  state.overrides.set(override.rule, override);
  log.append({ kind: 'noted' }, overrideNotice(nowMs, override), { timeMs: nowMs });
};

export const endOverride = ({ state, log, nowMs }: Book, rule: string, act: Act): boolean => {
  const override = state.overrides.get(rule);
  if (override === undefined || override.untilMs <= nowMs) return false;
  state.overrides.delete(rule);
  log.append({ kind: 'noted' }, overrideNotice(nowMs, override, act), { timeMs: nowMs });
  return true;
};

/** Of every rule that blocked somebody within the hour or is not closed, and of all together. */
export const breakersOf = ({ state, nowMs }: Book): readonly Breaker[] => {
  const recent = [...state.starts].filter(([, starts]) => starts.some(({ atMs }) => atMs > nowMs - budgetWindowMs));
  const names = new Set([allRules, ...recent.map(([rule]) => rule), ...state.breakers.keys()]);
  return [...names]
    .map((rule) => {
      const stored = breakerAt(state.breakers.get(rule), nowMs);
      return breakerOf(rule, { stored, starts: state.starts.get(rule) ?? [], nowMs });
    })
    .filter(({ rule, state: standing, blocks }) => rule === allRules || standing !== 'closed' || blocks > 0)
    .sort(byRule);
};

/** Half-open from now on. False: it was not open. */
export const resetBreaker = ({ state, log, nowMs }: Book, rule: string, act: Act): boolean => {
  if (state.breakers.get(rule)?.state !== 'open') return false;
  state.breakers.set(rule, { state: 'half-open', sinceMs: nowMs, reason: act.note });
  const notice = breakerNotice(nowMs, { rule, state: 'half-open', reason: act.note }, act.actor);
  log.append({ kind: 'noted' }, notice, { timeMs: nowMs });
  return true;
};

/** `*` comes before every name. */
const byRule = (left: { readonly rule: string }, right: { readonly rule: string }): number =>
  left.rule < right.rule ? -1 : left.rule > right.rule ? 1 : 0;
