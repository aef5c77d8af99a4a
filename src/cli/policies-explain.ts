import { type Command, Option } from 'commander';
import { type ClientKind, clientKinds } from '../client.ts';
import { formatDurationMs } from '../duration.ts';
import { TidegateError } from '../errors.ts';
import { type Explanation, explainPolicies } from '../policy/explain.ts';
import type { MatchSubject } from '../policy/match.ts';
import type { Policy } from '../policy/policy.ts';
import { readPolicyFile } from '../policy/policy-file.ts';
import { columns } from './columns.ts';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import { shippedFiles } from './settings.ts';

interface Flags {
  readonly tenant: string;
  readonly plan?: string;
  readonly service?: string;
  readonly clientKind: ClientKind;
  readonly route?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

const subjectFrom = (method: string, path: string, flags: Flags): MatchSubject => {
  const problems = [
    ...(/^[A-Za-z][A-Za-z-]{0,31}$/.test(method) ? [] : [{ path: 'METHOD', message: 'must be a word such as GET' }]),
    ...(path.startsWith('/') ? [] : [{ path: 'PATH', message: 'must start with /' }]),
  ];
  if (problems.length > 0) throw new TidegateError('INPUT_INVALID', 'This is no request', { problems });
  const { tenant, plan = '', service = '', clientKind, route } = flags;
  const client = { kind: clientKind, id: 'someone' };
  const subject = { method: method.toUpperCase(), path, tenant, plan, service, client };
  return route === undefined ? subject : { ...subject, template: route };
};

/** `60 per 1m, 20 at once, by client`. */
const limitText = ({ algorithm, limit, windowMs, burst, scope }: Policy): string => {
  const by = scope.length === 0 ? 'for all together' : `by ${scope.join('+')}`;
  if (algorithm === 'concurrency') return `${limit} in flight, ${by}`;
  const rate = `${limit} per ${formatDurationMs(windowMs)}`;
  if (algorithm === 'leaky-bucket') return `${rate} in a queue of ${burst}, ${by}`;
  return `${rate}${burst === limit ? '' : `, ${burst} at once`}, ${by}`;
};

const order = { applies: 0, loses: 1, differs: 2 } as const;

/** For people: what applies first, then what lost, and how many have nothing to do with it. */
export const explanationText = (explanations: readonly Explanation[], all: boolean): string => {
  const shown = explanations
    .filter(({ verdict }) => all || verdict !== 'differs')
    .sort((a, b) => order[a.verdict] - order[b.verdict]);
  const rows = shown.map(({ policy, verdict, reason }) => [verdict, policy.name, limitText(policy), reason]);
  const others = explanations.length - shown.length;
  const none = explanations.some(({ verdict }) => verdict === 'applies') ? '' : 'No policy applies: no limit.\n';
  return `${columns(rows)}${none}${others === 0 ? '' : `${others} more do not match: see them with --all.\n`}`;
};

export const explanationJson = (explanations: readonly Explanation[]): string =>
  JSON.stringify({
    policies: explanations.map(({ policy, verdict, reason }) => ({ policy: policy.name, verdict, reason })),
  });

/** `tidegate policies explain`. */
export const policiesExplainCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'explain',
    summary: 'Say which policies apply to a request, which lost, and why',
    settings: ['policiesFile'],
    help: `
applies   counts this request (in shadow: counts it, and denies nothing)
loses     matches too, but another policy of its group applies
differs   does not match: shown with --all

Every policy that applies must have room, or the request is denied and none of them is charged.

Examples:
  $ tidegate policies explain POST /login --client-kind ip
  $ tidegate policies explain GET /orders/7 --route /orders/:id --plan pro --policies policies.yaml --all`,
  })
    .argument('<method>', 'of the request, such as GET')
    .argument('<path>', 'of the request, such as /orders/7')
    .option('--route <template>', "the route's template, such as /orders/:id, where the host knows it")
    .option('--tenant <name>', 'the tenant', 'default')
    .option('--plan <name>', 'the plan (default: none)')
    .option('--service <name>', 'the service that the gate belongs to (default: none)')
    .addOption(
      new Option('--client-kind <kind>', 'what the client was recognised by').choices(clientKinds).default('ip'),
    )
    .option('--all', 'show the policies that do not match, too')
    .option('--json', 'print {"policies": [{"policy", "verdict", "reason"}]}, all of them, as one line');
  return command.action(async (method: string, path: string, flags: Flags) => {
    const { config } = await contextOf(command, host);
    const { policies } = await readPolicyFile(config.policiesFile ?? shippedFiles.policies);
    const explanations = explainPolicies(policies, subjectFrom(method, path, flags));
    host.stdout.write(
      flags.json === true ? `${explanationJson(explanations)}\n` : explanationText(explanations, flags.all === true),
    );
  });
};
