import { type Command, Option } from 'commander';
import { tokenView } from '../../api/token-view.ts';
import { parseDurationMs } from '../../duration.ts';
import { TidegateError } from '../../errors.ts';
import { type Grant, grants } from '../../review/roles.ts';
import { issueToken } from '../../review/token-issue.ts';
import { mostTokens, tokenTermMs } from '../../review/tokens.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, dayMs, type ListSession, personOf, writeSettings } from '../list-session.ts';
import { untilText } from '../time-text.ts';
import { tenantsText } from './token-text.ts';

interface Flags {
  readonly name?: string;
  readonly role?: Grant;
  readonly tenant?: readonly string[];
  readonly expires?: string;
  readonly json?: boolean;
}

const missing = (flag: string, what: string): TidegateError =>
  new TidegateError('INPUT_INVALID', `${flag} is missing: ${what}`);

const endOf = (text: string | undefined, nowMs: number): number => {
  const ms = text === undefined ? tokenTermMs.usual : parseDurationMs(text);
  if (ms !== null && ms >= 60_000 && ms <= tokenTermMs.longest) return nowMs + ms;
  const most = tokenTermMs.longest / dayMs;
  throw new TidegateError('INPUT_INVALID', `--expires must be a duration such as 8h or 30d, from 1m to ${most}d`);
};

const created = async ({ context, counters, nowMs }: ListSession, flags: Flags): Promise<Answer> => {
  const { name, role, tenant = [], expires } = flags;
  if (name === undefined) throw missing('--name', 'whose it is; recorded as who did it');
  if (role === undefined) throw missing('--role', grants.join(', '));
  const request = {
    name,
    role,
    tenants: tenant.length === 0 ? null : tenant,
    createdBy: personOf(context),
    expiresAtMs: endOf(expires, nowMs),
  };
  const made = await issueToken(counters.tokens, request, nowMs);
  if (made === null) {
    throw new TidegateError('INPUT_INVALID', `There are ${mostTokens} tokens already: revoke those that nobody uses`);
  }
  const { token, text } = made;
  context.logger.info({ token: tokenView(token), actor: request.createdBy }, 'a token was made');
  return {
    json: { token: text, about: tokenView(token) },
    text: `${text}\n`,
    notes: [
      `Token ${token.id} of ${token.name}: ${token.role}, ${tenantsText(token)}, until ${untilText(token.expiresAtMs, nowMs)}.`,
      'It is shown this once. Whoever has it sends it as: Authorization: Bearer <token>',
    ],
  };
};

/** `tidegate tokens create`. */
export const createTokenCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'create',
    summary: 'Make a token, and show it this once',
    settings: writeSettings,
    help: `
viewer reads; reviewer judges single blocks; lead does all of review; admin switches, makes tokens, imports lists.
For machines: enforcer reads the block list, gate asks for decisions, and neither does anything else.
The token goes to stdout, everything else to stderr.

Examples:
  $ tidegate tokens create --name ben --role reviewer --tenant acme --expires 90d
  $ tidegate tokens create --name edge-nginx --role enforcer --expires 365d > /run/secrets/tidegate-token`,
  })
    .option('--name <name>', 'whose it is; recorded as who did it (required)')
    .addOption(new Option('--role <role>', 'what it may do (required)').choices(grants))
    .option('--tenant <name>', 'a tenant whose data is in reach, once for each (default: all tenants)', collected, [])
    .option('--expires <duration>', `how long it is good (default: ${tokenTermMs.usual / dayMs}d)`)
    .option('--json', 'print {"token", "about"} as one line');
  return command.action((flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => created(session, flags)),
  );
};

const collected = (value: string, before: readonly string[]): string[] => [...before, value];
