import { randomBytes } from 'node:crypto';
import { AlertmanagerClient } from '../alert/alertmanager.ts';
import { pipelineAlerts } from '../alert/catalogue/catalogue.ts';
import type { DecisionReadings, SampleWindow } from '../alert/definition.ts';
import { Evaluator } from '../alert/evaluator.ts';
import type { LinkOptions } from '../alert/links.ts';
import { createPost } from '../alert/post.ts';
import { Channels } from '../alert/teller.ts';
import type { AlertObjectives } from '../clickhouse/alert-objectives.ts';
import type { Instrumentation } from '../metrics/instrument.ts';
import { readAlertmanagers } from './alertmanagers.ts';
import { type AlertsInForce, readAlertsFile } from './alerts-file.ts';
import type { Context } from './context.ts';
import type { Counters } from './engines.ts';
import type { Opened } from './opened.ts';

/** What is told of alerts, and where it points to; read before anything is opened. */
export interface AlertPlan {
  readonly inForce: AlertsInForce;
  readonly alertmanagers: ReturnType<typeof readAlertmanagers>;
  readonly links: LinkOptions;
}

const withoutSlash = (url: string | null): string | null => url?.replace(/\/+$/, '') ?? null;

export const linksIn = ({ config }: Context): LinkOptions => ({
  grafanaUrl: withoutSlash(config.grafanaUrl),
  docsUrl: withoutSlash(config.docsUrl),
});

/** Null: alerts are evaluated elsewhere. @throws TidegateError CONFIG_INVALID with every problem. */
export const readAlertPlan = (context: Context): AlertPlan | null => {
  const { config } = context;
  if (config.alerts === 'off') return null;
  return {
    inForce: readAlertsFile(config.alertsFile),
    alertmanagers: readAlertmanagers(config),
    links: linksIn(context),
  };
};

export interface EvaluationSideOptions {
  /** Null: nothing is evaluated here. */
  readonly plan: AlertPlan | null;
  readonly counters: Pick<Counters, 'alerts' | 'outbox'>;
  /** Null: the database is not in reach of this process. */
  readonly database: { alerts(objectives: Partial<AlertObjectives>): DecisionReadings } | null;
  readonly window: SampleWindow;
  readonly measuring: Instrumentation;
  readonly opened: Opened;
}

/** What alerts come to, for whoever asks. */
export interface AlertsSide extends Pick<AlertPlan, 'inForce' | 'links'> {
  readonly evaluator: Pick<Evaluator, 'known'>;
}

const labelsOf = ({ config }: Context): Record<string, string> =>
  config.namespace === 'default' ? {} : { tidegate_namespace: config.namespace };

/** Joins those who evaluate alerts, of whom one does at a time. */
export const openEvaluationSide = (context: Context, options: EvaluationSideOptions): AlertsSide | null => {
  const { config, clock, logger } = context;
  const { plan, counters, database, window, measuring, opened } = options;
  if (plan === null) return null;
  const { inForce, alertmanagers, links } = plan;
  const generatorUrl = config.publicUrl === null ? null : `${withoutSlash(config.publicUrl)}/#/alerts`;
  const shared = { post: createPost({ clock }), clock, logger, generatorUrl, externalLabels: labelsOf(context) };
  const channels = new Channels({
    ...{ ...inForce, links, logger, outbox: counters.outbox },
    alertmanagers: alertmanagers.map((target) => new AlertmanagerClient({ ...shared, target })),
  });
  const evaluator = new Evaluator({
    ...{ clock, logger, window, store: counters.alerts, teller: channels },
    definitions: inForce.rules,
    freshness: new Set(pipelineAlerts),
    decisions: database?.alerts(inForce.objectives) ?? null,
    holder: `${config.region}-${randomBytes(6).toString('hex')}`,
  });
  const source = { stats: () => ({ ...evaluator.stats(), told: channels.stats() }) };
  // Held by whoever stops it: what is measured is held weakly.
  opened.add({ evaluator, source }, (both) => both.evaluator.stop());
  measuring.observeAlerts(source);
  evaluator.start();
  return { inForce, links, evaluator };
};
