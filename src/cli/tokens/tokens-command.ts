import { Command } from 'commander';
import type { Host } from '../command-line.ts';
import { createTokenCommand } from './create.ts';
import { listTokensCommand, revokeTokenCommand } from './list.ts';

const help = `
Tokens live in the Redis of the gates as hashes, each with a role, tenants and an end. See docs/guides/access.md.

Examples:
  $ tidegate tokens create --name ben --role reviewer --expires 30d
  $ tidegate tokens list
  $ tidegate tokens revoke t-5f0c6e1c9a3d`;

/** `tidegate tokens`. */
export const tokensCommand = (host: Host): Command =>
  new Command('tokens')
    .description('Make, list and revoke tokens for people and machines.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(createTokenCommand(host))
    .addCommand(listTokensCommand(host))
    .addCommand(revokeTokenCommand(host));
