import { causeText, numbersText, summaryOf } from './alert-text.ts';
import type { AlertDefinition } from './definition.ts';
import type { AlertInstance, Labels } from './instance.ts';
import { type AlertLinks, type LinkOptions, linksOf } from './links.ts';

/** A definition as it is in force here: what the file of alerts says is in it. */
export interface AlertRule extends AlertDefinition {
  /** Added to what is told of it. */
  readonly extraLabels: Labels;
}

/** A time in which nobody is told of what begins: planned work. */
export interface Mute {
  /** Ids of alerts; null: all. */
  readonly alerts: readonly string[] | null;
  /** Labels that an instance must have. */
  readonly labels: Labels;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly reason: string;
}

export interface AlertRules {
  readonly rules: readonly AlertRule[];
  /** Those that somebody switched off. */
  readonly off: readonly AlertDefinition[];
  readonly mutes: readonly Mute[];
}

/** Why nobody is told of it now; null: somebody is. */
export const mutedBy = (
  { alert, labels }: Pick<AlertInstance, 'alert' | 'labels'>,
  mutes: readonly Mute[],
  atMs: number,
): Mute | null =>
  mutes.find(
    (mute) =>
      mute.fromMs <= atMs &&
      atMs < mute.untilMs &&
      (mute.alerts === null || mute.alerts.includes(alert)) &&
      Object.entries(mute.labels).every(([name, value]) => labels[name] === value),
  ) ?? null;

/** An instance in words and with its links: what every channel tells, each in its own form. */
export interface AlertReport extends AlertLinks {
  readonly rule: AlertRule;
  readonly instance: AlertInstance;
  readonly summary: string;
  /** Null: not known. */
  readonly cause: string | null;
  readonly numbers: string;
}

export const reportOf = (
  rule: AlertRule,
  instance: AlertInstance,
  options: LinkOptions & { readonly atMs: number },
): AlertReport => ({
  rule,
  instance,
  summary: summaryOf(rule, instance.labels, instance.seen),
  cause: causeText(instance.seen.cause),
  numbers: numbersText(instance.seen.numbers, rule.unit),
  ...linksOf(rule, instance, options),
});

/** Whose it is; '': everybody's. */
export const tenantOfLabels = (labels: Labels): string =>
  labels['tenant'] ?? (labels['dimension'] === 'tenant' ? (labels['name'] ?? '') : '');
