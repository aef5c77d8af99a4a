import type { Command } from 'commander';
import { type Alertmanager, alertmanagerRequest, type PostableAlert } from '../../alert/alertmanager.ts';
import { requestFor } from '../../alert/endpoint-pump.ts';
import { type Notice, testKind } from '../../alert/notice.ts';
import { createPost, type Post, type PostResult } from '../../alert/post.ts';
import { TidegateError } from '../../errors.ts';
import { readEndpoints } from '../alert-side.ts';
import { readAlertmanagers } from '../alertmanagers.ts';
import { columns } from '../columns.ts';
import { contextOf, type Host, settingsCommand } from '../command-line.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { instantText } from '../time-text.ts';

interface Told {
  readonly whom: string;
  readonly result: PostResult;
}

const minuteMs = 60_000;
const message = 'A test of tidegate: nothing is wrong.';

const testAlert = (region: string, nowMs: number): PostableAlert => ({
  labels: { alertname: 'TidegateTest', severity: 'ticket', area: 'alerting', region },
  annotations: { summary: message },
  startsAt: new Date(nowMs).toISOString(),
  endsAt: new Date(nowMs + minuteMs).toISOString(),
});

const tellAlertmanager = async (target: Alertmanager, alert: PostableAlert, post: Post): Promise<Told> => ({
  whom: `alertmanager ${target.url.host}`,
  result: await post(alertmanagerRequest(target, [alert])),
});

const tellAll = async (context: Context): Promise<readonly Told[]> => {
  const { config, clock } = context;
  const post = createPost({ clock });
  const nowMs = clock.nowMs();
  const alertmanagers = readAlertmanagers(config);
  const endpoints = readEndpoints(context).filter(({ events }) => events.some((event) => event.startsWith('alert.')));
  if (alertmanagers.length + endpoints.length === 0) {
    const how = 'name an Alertmanager (--alertmanager-urls) or a webhooks file (--webhooks)';
    throw new TidegateError('CONFIG_INVALID', `Nobody is told of alerts: ${how}`);
  }
  const data = { message, region: config.region };
  const notice: Notice = { kind: testKind, id: `${testKind} ${nowMs}`, at: instantText(nowMs), data };
  return Promise.all([
    ...alertmanagers.map((target) => tellAlertmanager(target, testAlert(config.region, nowMs), post)),
    ...endpoints.map(async (endpoint) => ({
      whom: `webhook ${endpoint.name}`,
      result: await post(requestFor(endpoint, notice, nowMs)),
    })),
  ]);
};

const isGood = (result: PostResult): boolean =>
  result.kind === 'answered' && result.status >= 200 && result.status < 300;

const resultText = (result: PostResult): string =>
  result.kind === 'failed' ? `failed: ${result.why}` : `answered ${result.status}`;

/** `tidegate alerts test`. */
export const alertsTestCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'test',
    summary: 'Send a test to every Alertmanager and every webhook that is told of alerts, and say what each answered',
    settings: ['alertmanagerUrls', 'alertmanagerToken', 'alertmanagerTokenFile', 'webhooksFile', 'region', 'logLevel'],
    help: `
An Alertmanager gets TidegateTest, which ends a minute later; a webhook gets ${testKind}.
Exit codes: 0 all of them took it, 1 one did not, 2 a setting is not valid.

Example:
  $ tidegate alerts test --alertmanager-urls http://alertmanager:9093`,
  }).option('--json', 'print {"results"} as one line');
  return command.action(async (flags: { json?: boolean }) => {
    const results = await tellAll(await contextOf(command, host));
    if (flags.json === true) {
      host.stdout.write(`${JSON.stringify({ results: results.map(({ whom, result }) => ({ whom, ...result })) })}\n`);
    } else host.stdout.write(columns(results.map(({ whom, result }) => [whom, resultText(result)])));
    if (!results.every(({ result }) => isGood(result))) process.exitCode = exitCodes.failed;
  });
};
