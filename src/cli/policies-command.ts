import { Command } from 'commander';
import type { Host } from './command-line.ts';
import { policiesCheckCommand } from './policies-check.ts';
import { policiesExplainCommand } from './policies-explain.ts';

const help = `
Examples:
  $ tidegate policies check policies.yaml --strict     in CI: problems and warnings fail
  $ tidegate policies explain POST /login --client-kind ip --plan pro`;

/** `tidegate policies`. */
export const policiesCommand = (host: Host): Command =>
  new Command('policies')
    .description('Check a policy file, and see which policies apply to a request.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(policiesCheckCommand(host))
    .addCommand(policiesExplainCommand(host));
