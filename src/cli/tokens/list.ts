import type { Command } from 'commander';
import { tokenView } from '../../api/token-view.ts';
import { TidegateError } from '../../errors.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings, personOf, writeSettings } from '../list-session.ts';
import { plainText } from '../time-text.ts';
import { tokenTable } from './token-text.ts';

interface Flags {
  readonly json?: boolean;
}

const listed = async (session: ListSession): Promise<Answer> => {
  const tokens = await session.counters.tokens.list();
  const text = tokens.length === 0 ? 'No token was made.\n' : tokenTable(tokens, session);
  return { json: { tokens: tokens.map(tokenView) }, text };
};

/** `tidegate tokens list`. */
export const listTokensCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'list',
    summary: 'List the tokens that were made, newest first; those that have ended for a week',
    settings: listSettings,
    help: `
Tokens of the configuration (apiTokens) are not among them. When one was last used is known to within minutes.

Example:
  $ tidegate tokens list --json | jq '.tokens[] | select(.lastUsedAt == null) | .id'`,
  }).option('--json', 'print {"tokens"} as one line');
  return command.action((flags: Flags) => answering({ command, host, json: flags.json === true }, listed));
};

const revoked = async ({ context, counters, paint }: ListSession, id: string): Promise<Answer> => {
  const actor = personOf(context);
  const token = await counters.tokens.revoke(id);
  if (token === null) {
    throw new TidegateError('INPUT_INVALID', `No token has the id ${plainText(id)}: see tidegate tokens list`);
  }
  context.logger.info({ token: tokenView(token), actor }, 'a token was revoked');
  return {
    json: tokenView(token),
    text: `Token ${paint.strong(token.id)} of ${plainText(token.name)} is revoked: within two seconds every process refuses it.\n`,
  };
};

/** `tidegate tokens revoke`. */
export const revokeTokenCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'revoke',
    summary: 'Revoke a token: within two seconds every process refuses it',
    settings: writeSettings,
    help: `
Exit codes: 0 revoked, 2 there is no such token.

Example:
  $ tidegate tokens revoke t-5f0c6e1c9a3d`,
  })
    .argument('<id>', 'as `tidegate tokens list` shows it')
    .option('--json', 'print the token as it was as one line');
  return command.action((id: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => revoked(session, id)),
  );
};
