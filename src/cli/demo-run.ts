import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Block } from '../blocklist/block.ts';
import { type Clock, systemClock, systemRandom } from '../clock.ts';
import { type Demo, type DemoTotals, type PersonaState, startDemo } from '../demo/demo.ts';
import { readRuleFile } from '../detect/rule-file.ts';
import { RuleNoter } from '../detect/rule-noter.ts';
import { TidegateError } from '../errors.ts';
import { topics } from '../event/event-log.ts';
import { gateReporter } from '../gate/gate-reporter.ts';
import { aloneWith } from '../limiter/fleet.ts';
import { watchPolicyFile } from '../policy/policy-file.ts';
import { heavier } from '../replay/text-report.ts';
import { generateToken, openApiSide } from './api-side.ts';
import type { Context } from './context.ts';
import type { DemoFlags } from './demo.ts';
import { type DemoScreen, demoScreen, personaTable } from './demo-screen.ts';
import { openEngines } from './engines.ts';
import { createHealth } from './health.ts';
import { createLogger } from './logging.ts';
import { blockListLook, databaseLook, ingestLook, logLook } from './looks.ts';
import { manifest } from './manifest.ts';
import { measuredTable } from './measured-table.ts';
import { openMetricsSide } from './metrics-side.ts';
import { Opened } from './opened.ts';
import { reconciling } from './reconcile-side.ts';
import { redact } from './redact.ts';
import { type Config, settingNames, settings } from './settings.ts';
import { sparedText } from './time-text.ts';

const shipped = (name: string): string => fileURLToPath(new URL(`../../policies/${name}`, import.meta.url));
const refreshMs = 250;

/** The demo is the same everywhere: no configuration file and no variable reaches it. */
const demoConfig = (port: number): Config => {
  const defaults = Object.fromEntries(settingNames.map((name) => [name, settings[name].default]));
  return { ...(defaults as Config), clickhouseUrl: 'chdb:', namespace: 'demo', port };
};

interface RunningDemo {
  readonly demo: Demo;
  readonly url: string;
  /** Brings the token along that lifts blocks. */
  readonly pageUrl: string;
  stored(): Promise<number>;
}

const open = async (context: Context, opened: Opened): Promise<RunningDemo> => {
  const { config, clock, logger } = context;
  const rules = await readRuleFile(shipped('demo-rules.yaml'));
  const policyOptions = { path: shipped('demo-policies.yaml'), clock, logger };
  const policies = opened.add(await watchPolicyFile(policyOptions), (source) => source.close());
  const engines = opened.add(await openEngines({ ...config, clock, logger, time: 'wall' }), (all) => all.close());
  const { database, log } = engines;
  await database.migrate();
  const { reader } = database;
  const metrics = await openMetricsSide(context, { command: 'demo', opened });
  const { measuring } = metrics;
  const table = measuredTable({ table: database.table, topic: topics.decisions, measuring, clock });
  const emitterId = `demo-${randomBytes(6).toString('hex')}`;
  const demoEngines = { ...engines, table, reader };
  const demo = opened.add(
    await startDemo({
      ...{ engines: demoEngines, policies, rules, clock, random: systemRandom, logger, emitterId },
      observer: measuring,
    }),
    (running) => running.close(),
  );
  measuring.observePolicies(policies);
  measuring.observeGate(demo.gate);
  measuring.observeEmitter(demo.emitter);
  measuring.observeBlockList(demo.replica);
  measuring.observeIngester(demo.ingester, topics.decisions);
  measuring.observeDetector(demo.detector);
  // What the rules say, for the page that shows how right they are.
  const noter = opened.add(new RuleNoter({ rules, book: engines.blockList, clock, logger }), (one) => one.stop());
  await noter.start();
  const looks = [
    blockListLook(demo.replica, false),
    logLook(log, false),
    ingestLook(demo.ingester),
    databaseLook(reader, true),
  ];
  const fleet = aloneWith({
    gateId: emitterId,
    policyVersion: () => policies.current().version,
    report: gateReporter({
      ...{ gate: demo.gate, emitter: demo.emitter, blockList: demo.replica, clock },
      ...{ region: config.region, service: 'demo', version: manifest().version },
    }),
    nowMs: () => clock.nowMs(),
  });
  const phase = () => 'running' as const;
  const token = generateToken();
  const api = opened.add(
    await openApiSide(context, {
      gateSide: { ...demo, gateId: emitterId, policies, fleet },
      counters: engines,
      reader,
      evidence: database.evidence,
      reconciliation: reconciling({ auditor: database.auditor, log, clock }),
      rules,
      ingester: demo.ingester,
      phase,
      health: createHealth({ clock, phase, looks, redact }),
      tokens: [`demo=${token}`],
      metrics,
      // The page listens on this machine alone, and nobody should have to type a token to see a demo.
      openReads: true,
    }),
    (side) => side.close(),
  );
  return {
    demo,
    url: api.url,
    pageUrl: `${api.url}/#token=${token}`,
    stored: async () => (await reader.totals()).decisions,
  };
};

/** Resolves at a signal; the second one ends the process at once. */
const untilSignal = (opened: Opened): { readonly signalled: () => boolean } => {
  let count = 0;
  const onSignal = (): void => {
    count += 1;
    if (count > 1) process.exit(130);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  opened.add(onSignal, (listener) => void process.off('SIGINT', listener).off('SIGTERM', listener));
  return { signalled: () => count > 0 };
};

interface Watching {
  readonly clock: Clock;
  readonly screen: DemoScreen;
  readonly seconds: number | null;
  readonly signalled: () => boolean;
}

const watch = async (
  { demo, pageUrl, stored }: RunningDemo,
  { clock, screen, seconds, signalled }: Watching,
): Promise<void> => {
  const startedUs = clock.monotonicUs();
  for (let elapsedMs = 0; !signalled(); elapsedMs = Math.round((clock.monotonicUs() - startedUs) / 1000)) {
    const [personas, storedDecisions] = [await demo.personas(), await stored()];
    const { decisions, storeCommandsSaved: savedCommands, storeBytesSaved: savedBytes } = demo.gate.stats();
    const eventsWaiting = demo.emitter.stats().waiting;
    const counts = { decisions, storedDecisions, eventsWaiting, savedCommands, savedBytes };
    screen.show({ elapsedMs, url: pageUrl, personas, ...counts });
    if (seconds !== null && elapsedMs >= seconds * 1000) break;
    await clock.sleep(refreshMs);
  }
  screen.end();
};

const reportedBlock = ({ subject, rule, state, blockedAtMs, evidence }: Block): object => ({
  subject,
  rule,
  state,
  blockedAt: new Date(blockedAtMs).toISOString(),
  evidence,
});

interface Ending extends DemoTotals {
  readonly blocks: readonly Block[];
  readonly personas: readonly PersonaState[];
  readonly url: string;
}

const jsonOf = ({ storedDecisions, blocks, personas, url, ...totals }: Ending): string => {
  const isProposed = ({ state }: Block): boolean => state === 'proposed';
  return JSON.stringify({
    ...totals,
    clickhouse: { decisions: storedDecisions },
    blocks: blocks.filter((block) => !isProposed(block)).map(reportedBlock),
    proposed: blocks.filter(isProposed).map(reportedBlock),
    personas: Object.fromEntries(
      personas.map(({ persona, requests, outcomes, failed, block }) => [
        persona.name,
        { requests, outcomes, failed, blocked: block !== null },
      ]),
    ),
    url,
  });
};

const whyOf = ({ evidence, reason }: Block): string =>
  evidence === null
    ? reason
    : `${evidence.denied} denied on ${evidence.distinctRoutes} route(s), ` +
      `${evidence.windows.hit} of ${evidence.windows.of} windows${heavier(evidence.windows)}`;

const blockLine = (block: Block): string =>
  `  ${block.subject.kind} ${block.subject.id} by ${block.rule}: ${whyOf(block)}`;

const textOf = (ending: Ending): string => {
  const { decisions, allowed, denied, blocked, savedCommands, savedBytes, storedDecisions, blocks, personas } = ending;
  return [
    personaTable(personas, process.stdout.columns ?? Number.POSITIVE_INFINITY),
    `${decisions} decisions: ${allowed} allowed, ${denied} denied, ${blocked} blocked; ClickHouse holds ${storedDecisions}.`,
    `The block list spared ${sparedText(savedCommands, savedBytes)}.`,
    ...blocks.map(blockLine),
  ].join('\n');
};

const run = async (context: Context, flags: DemoFlags, opened: Opened): Promise<void> => {
  const { signalled } = untilSignal(opened);
  const running = await open(context, opened);
  const screen = demoScreen(process.stderr.isTTY === true);
  await watch(running, { clock: context.clock, screen, seconds: flags.seconds, signalled });
  const { demo, url } = running;
  const totals = await demo.drain();
  const ending: Ending = { ...totals, blocks: await demo.blocks(), personas: await demo.personas(), url };
  process.stdout.write(`${flags.json ? jsonOf(ending) : textOf(ending)}\n`);
  const { decisions, storedDecisions } = totals;
  if (decisions === storedDecisions) return;
  throw new TidegateError('TOTALS_DIFFER', `ClickHouse holds ${storedDecisions} decisions, ${decisions} were taken`);
};

/** What `tidegate demo` does. Throws TidegateError; TOTALS_DIFFER after the summary. */
export const runDemoCommand = async (flags: DemoFlags): Promise<void> => {
  const logger = await createLogger({ level: 'warn', redact });
  const opened = new Opened();
  try {
    await run({ config: demoConfig(flags.port), clock: systemClock, logger, redact }, flags, opened);
  } finally {
    await opened.close();
  }
};
