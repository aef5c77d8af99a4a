import { Command } from 'commander';
import { type Endpoint, queueOf } from '../alert/endpoint.ts';
import { requestFor } from '../alert/endpoint-pump.ts';
import { type Notice, testKind } from '../alert/notice.ts';
import type { Outbox } from '../alert/outbox.ts';
import { createPost, type PostResult } from '../alert/post.ts';
import { TidegateError } from '../errors.ts';
import { readEndpoints } from './alert-side.ts';
import { columns } from './columns.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import type { Context } from './context.ts';
import { openCounters, schemeOf } from './engines.ts';
import { exitCodes } from './failure.ts';
import { openingAll } from './opened.ts';
import { instantText } from './time-text.ts';

interface Flags {
  readonly json?: boolean;
}

const endpointsOf = (context: Context): Endpoint[] => {
  if (context.config.webhooksFile === null) {
    throw new TidegateError(
      'CONFIG_INVALID',
      'There is no webhooks file: name it (--webhooks, TIDEGATE_WEBHOOKS_FILE)',
    );
  }
  return readEndpoints(context);
};

/** A path of a URL may be its secret: the host alone is shown. */
const viewOf = ({ name, url, events, tenants, secrets, allowPrivate }: Endpoint) => ({
  name,
  host: url.host,
  events,
  tenants,
  secrets: secrets.length,
  allowPrivate,
});

const checkCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'check',
    summary: 'Check the webhooks file, and show who is told of what',
    settings: ['webhooksFile', 'logLevel'],
    help: `
Nothing is sent. Exit codes: 0 it is valid, 2 it is not, with every problem.

Example:
  $ tidegate webhooks check --webhooks webhooks.yaml`,
  }).option('--json', 'print {"endpoints"} as one line');
  return command.action(async (flags: Flags) => {
    const endpoints = endpointsOf(await contextOf(command, host)).map(viewOf);
    if (flags.json === true) return void host.stdout.write(`${JSON.stringify({ endpoints })}\n`);
    const rows = endpoints.map(({ name, host: where, events, tenants }) => [
      name,
      where,
      events.join(', '),
      tenants === null ? 'all tenants' : tenants.join(', '),
    ]);
    host.stdout.write(rows.length === 0 ? 'Nobody is told.\n' : columns(rows));
  });
};

/** What waits for an endpoint, and whether it is told anything, is known in Redis; null: there is none. */
const withOutbox = (context: Context, run: (outbox: Outbox | null) => Promise<void>): Promise<void> =>
  openingAll(async (opened) => {
    const { config, clock, logger } = context;
    if (schemeOf(config.redisUrl) === 'memory:') return run(null);
    const counters = opened.add(await openCounters({ ...config, clock, logger, time: 'wall' }), (all) => all.close());
    await run(counters.outbox);
    await opened.close();
  });

const resultText = (result: PostResult): string =>
  result.kind === 'failed' ? `failed: ${result.why}` : `answered ${result.status}`;

const isGood = (result: PostResult): boolean =>
  result.kind === 'answered' && result.status >= 200 && result.status < 300;

const tested = async (context: Context, name: string | undefined) => {
  const { clock, config } = context;
  const all = endpointsOf(context);
  const chosen = name === undefined ? all : all.filter((endpoint) => endpoint.name === name);
  if (chosen.length === 0) throw new TidegateError('INPUT_INVALID', `The file names no endpoint ${name ?? 'at all'}`);
  const nowMs = clock.nowMs();
  const data = { message: 'A test of tidegate.', region: config.region };
  const notice: Notice = { kind: testKind, id: `${testKind} ${nowMs}`, at: instantText(nowMs), data };
  const post = createPost({ clock });
  return Promise.all(
    chosen.map(async (endpoint) => ({ endpoint, result: await post(requestFor(endpoint, notice, clock.nowMs())) })),
  );
};

const testCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'test',
    summary: 'Send a test event to each endpoint, or to one, and say what it answered',
    settings: ['webhooksFile', 'redisUrl', 'namespace', 'logLevel'],
    help: `
The event is ${testKind}, signed as every other. An endpoint that is told nothing any more because it once answered
410, and takes the test, is told again from then on, where --redis-url names the Redis of the gates.
Exit codes: 0 all of them took it, 1 one did not, 2 the file is not valid.

Example:
  $ tidegate webhooks test oncall --webhooks webhooks.yaml`,
  })
    .argument('[name]', 'of the endpoint (default: all of them)')
    .option('--json', 'print {"results"} as one line');
  return command.action(async (name: string | undefined, flags: Flags) => {
    const context = await contextOf(command, host);
    const results = await tested(context, name);
    await withOutbox(context, async (outbox) => {
      for (const { endpoint, result } of results) if (isGood(result)) await outbox?.enable(queueOf(endpoint));
    });
    const told = results.map(({ endpoint, result }) => ({ name: endpoint.name, ...result }));
    if (flags.json === true) host.stdout.write(`${JSON.stringify({ results: told })}\n`);
    else host.stdout.write(columns(results.map(({ endpoint, result }) => [endpoint.name, resultText(result)])));
    if (!results.every(({ result }) => isGood(result))) process.exitCode = exitCodes.failed;
  });
};

const help = `
Who is told of proposed blocks, breakers, demoted rules and requests for approval. See docs/guides/webhooks.md.

Examples:
  $ tidegate webhooks check --webhooks webhooks.yaml
  $ tidegate webhooks test --webhooks webhooks.yaml`;

/** `tidegate webhooks`. */
export const webhooksCommand = (host: Host): Command =>
  new Command('webhooks')
    .description('Check who is told by webhook, and send a test.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(checkCommand(host))
    .addCommand(testCommand(host));
