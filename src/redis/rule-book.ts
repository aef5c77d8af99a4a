import { checkRules, mostRules } from '../blocklist/checks.ts';
import type { NotedRule, RuleBook } from '../blocklist/rule-book.ts';
import type { BlockScripts } from './block-scripts.ts';

const dayMs = 86_400_000;
/** Of 500 rules that change every week for two months. */
const mostDefinitions = 4000;

type RuleText = Omit<NotedRule, 'notedAtMs'>;

/** Which rules detectors run, in Redis. */
export class RedisRuleBook implements RuleBook {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  async noteRules(rules: readonly RuleText[]): Promise<void> {
    checkRules(rules);
    const told = rules.map(({ name, hash, mode, canaryPercent, owner, reviewByMs, precision, definition }) => {
      const text: RuleText = { name, hash, mode, canaryPercent, owner, reviewByMs, precision, definition };
      return [name, hash, JSON.stringify(text)] as const;
    });
    await this.#scripts.run('rules', { rules: told, most: mostRules, mostDefinitions });
  }

  async notedRules(): Promise<readonly NotedRule[]> {
    const nowMs = await this.#scripts.now();
    const noted = await this.#scripts.guard(this.#scripts.redis.hvals(this.#scripts.key('rules')));
    return noted
      .map(notedFrom)
      .filter(({ notedAtMs }) => notedAtMs > nowMs - dayMs)
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  async ruleByHash(hash: string): Promise<NotedRule | null> {
    const text = await this.#scripts.guard(this.#scripts.redis.hget(this.#scripts.key('definitions'), hash));
    return text === null ? null : notedFrom(text);
  }
}

/** `<milliseconds> <JSON>` */
const notedFrom = (text: string): NotedRule => {
  const space = text.indexOf(' ');
  return { ...(JSON.parse(text.slice(space + 1)) as RuleText), notedAtMs: Number(text.slice(0, space)) };
};
