import type { Act } from '../blocklist/block-review.ts';
import type {
  BlockSwitches,
  Breaker,
  ModeOverride,
  Switch,
  Switched,
  Switches,
  Traffic,
} from '../blocklist/block-switches.ts';
import { checkAct, checkOverride, checkSwitch } from '../blocklist/checks.ts';
import { overrideNotice, switchNotice } from '../blocklist/notices.ts';
import { switchesFrom } from './block-record.ts';
import type { BlockScripts } from './block-scripts.ts';

/** `*` comes before every name. */
const byRule = (left: { readonly rule: string }, right: { readonly rule: string }): number =>
  left.rule < right.rule ? -1 : left.rule > right.rule ? 1 : 0;

/** What operators set, in Redis. */
export class RedisBlockSwitches implements BlockSwitches {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  async switches(): Promise<Switches> {
    const nowMs = await this.#scripts.now();
    const stored = await this.#scripts.guard(this.#scripts.redis.hgetall(this.#scripts.key('switches')));
    return switchesFrom(Object.entries(stored).flat(), nowMs);
  }

  async setSwitch(what: Switched, off: Switch | null, act: Act): Promise<Switches> {
    const nowMs = await this.#scripts.now();
    checkSwitch(what, { off, act }, nowMs);
    const stored = off && { untilMs: off.untilMs, actor: off.actor, note: off.note };
    await this.#scripts.run('switches', {
      kind: 'switch',
      what,
      off: stored === null ? '' : JSON.stringify(stored),
      ends: off?.untilMs ?? nowMs,
      notice: JSON.stringify(switchNotice(nowMs, what, { off, act })),
    });
    return this.switches();
  }

  async overrides(): Promise<readonly ModeOverride[]> {
    const [now, ...texts] = await this.#scripts.run('standing', { about: 'rules' });
    return texts
      .map((text) => JSON.parse(String(text)) as ModeOverride)
      .filter(({ untilMs }) => untilMs > Number(now))
      .sort(byRule);
  }

  async override(override: ModeOverride): Promise<void> {
    const nowMs = await this.#scripts.now();
    checkOverride(override, nowMs);
    const { rule, mode, untilMs, actor, note } = override;
    await this.#setMode(rule, {
      override: JSON.stringify({ rule, mode, untilMs, actor, note }),
      ends: untilMs,
      notice: JSON.stringify(overrideNotice(nowMs, override)),
    });
  }

  async endOverride(rule: string, act: Act): Promise<boolean> {
    checkAct(act);
    const override = (await this.overrides()).find((one) => one.rule === rule);
    if (!override) return false;
    const nowMs = await this.#scripts.now();
    const notice = JSON.stringify(overrideNotice(nowMs, override, act));
    return this.#setMode(rule, { override: '', ends: nowMs, notice });
  }

  async breakers(): Promise<readonly Breaker[]> {
    const rows = (await this.#scripts.run('standing', { about: 'breakers' })) as readonly unknown[][];
    return rows
      .map(
        ([rule, state, sinceMs, reason, blocks, clients, requests]): Breaker => ({
          rule: String(rule),
          state: state === 'open' || state === 'half-open' ? state : 'closed',
          sinceMs: Number(sinceMs),
          reason: String(reason),
          blocks: Number(blocks),
          clients: Number(clients),
          requests: Number(requests),
        }),
      )
      .sort(byRule);
  }

  async resetBreaker(rule: string, act: Act): Promise<boolean> {
    checkAct(act);
    const { actor, note } = act;
    const [done] = await this.#scripts.run('switches', { kind: 'reset', rule, reason: note, actor });
    return done === 1;
  }

  async traffic(): Promise<Traffic> {
    const [allowed, clients] = await this.#scripts.run('standing', { about: 'traffic' });
    return { allowed: Number(allowed), clients: Number(clients) };
  }

  async #setMode(rule: string, change: { override: string; ends: number; notice: string }): Promise<boolean> {
    const [done] = await this.#scripts.run('switches', { kind: 'override', rule, ...change });
    return done === 1;
  }
}
