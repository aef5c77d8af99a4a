import { randomBytes } from 'node:crypto';
import { reconcile } from '../analytics/audit-reconcile.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Database } from '../clickhouse/database.ts';
import { createDetector, type Detector } from '../detect/detector.ts';
import { type ChangeRelay, createRelay } from '../detect/relay.ts';
import type { RuleSet } from '../detect/rule.ts';
import { readRuleFile } from '../detect/rule-file.ts';
import { RuleNoter } from '../detect/rule-noter.ts';
import { ruleWarnings } from '../detect/rule-warnings.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type EventLog, topics } from '../event/event-log.ts';
import type { EventTable } from '../ingest/event-table.ts';
import { type IngestedTopic, ingestedTopics } from '../ingest/ingested-topics.ts';
import { createIngester, type Ingester } from '../ingest/ingester.ts';
import type { Logger } from '../logger.ts';
import type { Instrumentation } from '../metrics/instrument.ts';
import { AuditWatch } from './audit-watch.ts';
import type { Context } from './context.ts';
import { measuredTable } from './measured-table.ts';
import type { Opened } from './opened.ts';
import { logSideOf } from './reconcile-log.ts';
import { RuleWatch } from './rule-watch.ts';
import { shippedFiles } from './settings.ts';

export interface IngestSideOptions {
  readonly log: EventLog;
  readonly database: Database;
  readonly measuring: Instrumentation;
  readonly opened: Opened;
}

/** How fresh the rows are before the first block is stored: asked once. A database that is away now is told by the lag. */
const noteStored = async ({ database, measuring }: IngestSideOptions, logger: Logger): Promise<void> => {
  try {
    const { newestEventAtMs } = await database.reader.freshness();
    if (newestEventAtMs !== null) measuring.foundStored(topics.decisions, newestEventAtMs);
  } catch (error) {
    logger.debug({ err: messageOf(error) }, 'not known yet how fresh the rows are');
  }
};

/** What moves events from the log into the database: one ingester for each topic. */
export interface IngestSide {
  readonly decisions: Ingester;
  readonly blocks: Ingester;
  readonly policies: Ingester;
  readonly health: Ingester;
  /** Resolves when all that the log holds at this moment is stored. */
  catchUp(): Promise<void>;
}

/** Compares the stored numbers now and then, unless that is switched off. */
const watchNumbers = (
  { config, clock, logger }: Context,
  { database, log, measuring, opened, decisions }: IngestSideOptions & { readonly decisions: Ingester },
): void => {
  if (config.auditMinutes === 0) return;
  const side = logSideOf(log);
  const audit = (sinceMs: number) => reconcile({ auditor: database.auditor, log: side, sinceMs });
  const isMine = (): boolean => decisions.positions().has(0);
  const everyMs = config.auditMinutes * 60_000;
  const watch = new AuditWatch({ audit, everyMs, isMine, measuring, clock, logger });
  opened.add(watch, (closing) => closing.stop());
};

/** Starts to move events from the log into the database. Its tables must be there. */
export const openIngestSide = async (context: Context, options: IngestSideOptions): Promise<IngestSide> => {
  const { log, database, opened, measuring } = options;
  const { clock, logger } = context;
  const open = (of: IngestedTopic, into: EventTable): Ingester => {
    const { topic } = of;
    const table = measuredTable({ table: into, topic, measuring, clock });
    const ingester = createIngester({ ...of, log, table, clock, logger });
    opened.add(ingester, (closing) => closing.stop());
    measuring.observeIngester(ingester, topic);
    return ingester;
  };
  const decisions = open(ingestedTopics.decisions, database.table);
  const blocks = open(ingestedTopics.blocks, database.blocks);
  const policies = open(ingestedTopics.policies, database.policies);
  const health = open(ingestedTopics.health, database.health);
  await noteStored(options, logger);
  await Promise.all([decisions.start(), blocks.start(), policies.start(), health.start()]);
  watchNumbers(context, { ...options, decisions });
  const ends = (ingester: Ingester, topic: string): Promise<void> =>
    log.endPositions(topic).then((positions) => ingester.whenReached(positions));
  return {
    decisions,
    blocks,
    policies,
    health,
    catchUp: async () => {
      await Promise.all([
        ends(decisions, topics.decisions),
        ends(blocks, topics.blocks),
        ends(policies, topics.policies),
        ends(health, topics.health),
      ]);
    },
  };
};

/** The rules of this process; what is hardly meant in them is in the log. @throws TidegateError RULES_INVALID. */
export const readRules = async ({ config, clock, logger }: Context): Promise<RuleSet> => {
  const file = config.rulesFile ?? shippedFiles.rules;
  const rules = await readRuleFile(file);
  for (const { path, message } of ruleWarnings(rules, clock.nowMs())) {
    logger.warn({ file, path }, `a rule is hardly meant so: ${path} ${message}`);
  }
  return rules;
};

export interface DetectSideOptions {
  readonly rules: RuleSet;
  readonly log: EventLog;
  readonly blockList: BlockList;
  readonly measuring: Instrumentation;
  readonly opened: Opened;
}

/** What concludes, and what makes the conclusions known. */
export interface DetectSide {
  readonly detector: Detector;
  readonly relay: ChangeRelay;
  /** Resolves when every change of the block list is in the log, or after `patienceMs`. */
  settle(patienceMs: number): Promise<void>;
}

const settlePollMs = 50;

const isRelayed = async (blockList: BlockList): Promise<boolean> => {
  const read = await blockList.loggedAfter(await blockList.relayedUpTo(), 1);
  return read.kind === 'changes' && read.changes.length === 0;
};

/** Starts to draw conclusions from the log, and to publish there what becomes of the block list. */
export const openDetectSide = async (context: Context, options: DetectSideOptions): Promise<DetectSide> => {
  const { rules, log, blockList, opened, measuring } = options;
  const { config, clock, logger } = context;
  const holder = `${config.region}-${randomBytes(6).toString('hex')}`;
  const relay = createRelay({ changes: blockList, log, clock, logger, holder });
  opened.add(relay, (closing) => closing.stop());
  const detector = createDetector({ log, rules, blockList, clock, logger });
  opened.add(detector, (closing) => closing.stop());
  const noter = new RuleNoter({ rules, book: blockList, clock, logger });
  opened.add(noter, (closing) => closing.stop());
  const watch = new RuleWatch({ blockList, clock, logger });
  opened.add(watch, (closing) => closing.stop());
  measuring.observeDetector(detector);
  measuring.observeRelay(relay);
  measuring.observeRuleState(watch);
  relay.start();
  // Before the first verdict: its block names a rule that people can read.
  await noter.start();
  await watch.start();
  await detector.start();
  const settle = async (patienceMs: number): Promise<void> => {
    const endUs = clock.monotonicUs() + patienceMs * 1000;
    while (clock.monotonicUs() < endUs && !(await isRelayed(blockList))) await clock.sleep(settlePollMs);
  };
  return { detector, relay, settle };
};

/** An event log or a block list inside this process reaches nobody else: a process of its own needs a shared one. */
export const requireShared = (command: string, urls: Readonly<Record<string, string>>): void => {
  const alone = Object.entries(urls).filter(([, url]) => /^(?:memory|chdb):/i.test(url));
  if (alone.length === 0) return;
  const problems = alone.map(([path, url]) => ({ path, message: `${url} lives in one process only` }));
  const message = `tidegate ${command} needs engines that other processes reach; tidegate up runs everything in one`;
  throw new TidegateError('CONFIG_INVALID', message, { problems });
};
