import type { Command } from 'commander';
import { contextOf, type Host, settingsCommand } from './command-line.ts';
import type { Context } from './context.ts';
import { type SettingName, settingNames, settings } from './settings.ts';

/** The value as it may be shown. */
const shownValue = (name: SettingName, { config, redact }: Context): unknown => {
  const value = config[name];
  if (settings[name].secret && value !== null) return Array.isArray(value) ? `${value.length} given` : '***';
  return typeof value === 'string' ? redact(value) : value;
};

/** `tidegate config`. */
export const configCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'config',
    summary: 'Show every setting with its value, where it can be set, and what it means',
    settings: settingNames,
    help: `
Flags win over TIDEGATE_ variables, those over the file, the file over the defaults. Secrets are not shown.

Example:
  $ TIDEGATE_REGION=eu-west tidegate config --config tidegate.yaml`,
  }).option('--json', 'print the values as one JSON object');
  return command.action(async (flags: { json?: boolean }) => {
    const context = await contextOf(command, host);
    if (flags.json === true) {
      const values = Object.fromEntries(settingNames.map((name) => [name, shownValue(name, context)]));
      host.stdout.write(`${JSON.stringify(values)}\n`);
      return;
    }
    for (const name of settingNames) {
      const { env, flag, type, unit, meaning } = settings[name];
      const value = shownValue(name, context) ?? settings[name].defaultText ?? '';
      host.stdout.write(`${name} = ${String(value)}${unit === '' ? '' : ` ${unit}`}\n`);
      host.stdout.write(`    ${meaning}\n    ${env}, ${flag}; ${type}\n`);
    }
  });
};
