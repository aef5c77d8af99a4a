import { Command, Option } from 'commander';
import { type Context, createContext, type GlobalFlags } from './context.ts';
import { type SettingName, settingNames, settings } from './settings.ts';

/** What main gives to each command. */
export interface Host {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** A person reads along. */
  readonly isTerminal: boolean;
  /** Told of the context as soon as there is one, for what has to be said when the command fails. */
  opened(context: Context): void;
}

export interface CommandOptions {
  readonly name: string;
  readonly summary: string;
  /** What `--help` says beyond the options. */
  readonly help: string;
  /** The settings that concern it. */
  readonly settings: readonly SettingName[];
}

const optionFor = (name: SettingName): Option => {
  const setting = settings[name];
  const shown = setting.defaultText ?? String(setting.default);
  const unit = setting.unit === '' ? '' : ` ${setting.unit}`;
  return new Option(`${setting.flag} <value>`, `${setting.meaning} (default: ${shown}${unit}; ${setting.env})`);
};

/** A command with the flags of its settings, --config and --debug. */
export const settingsCommand = (options: CommandOptions): Command => {
  const command = new Command(options.name).summary(options.summary).description(`${options.summary}.`);
  for (const name of options.settings) command.addOption(optionFor(name));
  return command
    .option('--config <file>', 'settings as YAML (default: tidegate.yaml where there is one; TIDEGATE_CONFIG)')
    .option('--debug', 'log everything, and show the stack of what fails')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', `\n${options.help.trim()}\n`);
};

/** The configuration that a command was given: flags, environment, file. @throws TidegateError CONFIG_INVALID. */
export const contextOf = async (command: Command, host: Host): Promise<Context> => {
  const given = command.opts<GlobalFlags & Record<string, unknown>>();
  const flags: Partial<Record<SettingName, unknown>> = {};
  for (const name of settingNames) {
    const value = given[optionFor(name).attributeName()];
    if (value !== undefined) flags[name] = value;
  }
  const context = await createContext(flags, given);
  host.opened(context);
  return context;
};
