import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { firingNotice, resolvedNotice } from './alert-notice.ts';
import type { AlertmanagerClient } from './alertmanager.ts';
import type { Teller } from './evaluator.ts';
import type { AlertInstance } from './instance.ts';
import type { LinkOptions } from './links.ts';
import type { Notice } from './notice.ts';
import type { Outbox } from './outbox.ts';
import { type AlertReport, type AlertRules, mutedBy, reportOf } from './rule.ts';

export interface ChannelsOptions extends Pick<AlertRules, 'rules' | 'mutes'> {
  readonly links: LinkOptions;
  /** Takes what webhooks are told. */
  readonly outbox: Pick<Outbox, 'put'>;
  readonly alertmanagers: readonly AlertmanagerClient[];
  readonly logger: Logger;
}

export interface ToldCounts {
  readonly channel: 'webhook' | 'alertmanager';
  readonly told: number;
  readonly failures: number;
}

/** How an instance is told of now. A mute holds back what begins; the end of what was told is told. */
const isToBeTold = ({ told }: AlertInstance, isMuted: boolean): boolean => told.firing || !isMuted;

/** Tells webhooks by the outbox, once, and every Alertmanager again and again, as it wants to be told. */
export class Channels implements Teller {
  readonly #options: ChannelsOptions;
  #webhook = { told: 0, failures: 0 };

  constructor(options: ChannelsOptions) {
    this.#options = options;
  }

  async tell(instances: readonly AlertInstance[], atMs: number): Promise<readonly AlertInstance[]> {
    const reports = this.#reports(instances, atMs);
    const [isPut] = await Promise.all([
      this.#putNotices(reports),
      ...this.#options.alertmanagers.map((one) => one.tell(reports, atMs)),
    ]);
    const told = new Set(reports.map(({ instance }) => instance));
    return instances.map((instance) => this.#noted(instance, told.has(instance), isPut));
  }

  stats(): readonly ToldCounts[] {
    const all = this.#options.alertmanagers.map((one) => one.stats());
    const sum = (of: 'told' | 'failures') => all.reduce((total, counts) => total + counts[of], 0);
    return [
      { channel: 'webhook', ...this.#webhook },
      { channel: 'alertmanager', told: sum('told'), failures: sum('failures') },
    ];
  }

  /** Of what somebody is to be told now, or was told before. */
  #reports(instances: readonly AlertInstance[], atMs: number): readonly AlertReport[] {
    const { rules, mutes, links } = this.#options;
    const byId = new Map(rules.map((rule) => [rule.id, rule]));
    return instances.flatMap((instance) => {
      const rule = byId.get(instance.alert);
      if (rule === undefined || instance.firedAtMs === null || instance.state === 'pending') return [];
      const isMuted = mutedBy(instance, mutes, atMs) !== null;
      return isToBeTold(instance, isMuted) ? [reportOf(rule, instance, { ...links, atMs })] : [];
    });
  }

  async #putNotices(reports: readonly AlertReport[]): Promise<boolean> {
    const notices = reports.flatMap((report): Notice[] => {
      const { state, told } = report.instance;
      const isOver = state === 'resolved';
      // Who was never told that it began, because the outbox was away, is told now of both.
      return [
        ...(told.firing ? [] : [firingNotice(report)]),
        ...(isOver && !told.resolved ? [resolvedNotice(report)] : []),
      ];
    });
    if (notices.length === 0) return true;
    try {
      this.#webhook.told += await this.#options.outbox.put(notices);
      return true;
    } catch (error) {
      this.#webhook.failures += 1;
      this.#options.logger.warn({ err: messageOf(error), notices: notices.length }, 'alerts wait to be told');
      return false;
    }
  }

  /** A muted one that is over before anybody was told of it needs no telling any more. */
  #noted(instance: AlertInstance, isTold: boolean, isPut: boolean): AlertInstance {
    const { state } = instance;
    if (state === 'pending') return instance;
    if (isTold && isPut) return { ...instance, told: { firing: true, resolved: state === 'resolved' } };
    return !isTold && state === 'resolved' ? { ...instance, told: { firing: true, resolved: true } } : instance;
  }
}
