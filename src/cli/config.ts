import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { fileTroubleOf, type Problem, TidegateError } from '../errors.ts';
import { yamlTroubleOf } from '../problems.ts';
import { oidcProblems } from './oidc-settings.ts';
import { type Config, type SettingName, settingNames, settings, tokenPattern } from './settings.ts';

export interface ConfigSources {
  /** Options of the command line, by setting name; absent ones were not given. */
  readonly flags: Partial<Record<SettingName, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Given with --config: it must exist. Null: `tidegate.yaml` in the working directory, where there is one. */
  readonly configFile: string | null;
}

export const defaultConfigFile = 'tidegate.yaml';
const maxFileBytes = 1024 * 1024;

const readText = (path: string): string => {
  const bytes = readFileSync(path);
  if (bytes.length > maxFileBytes) throw new TidegateError('CONFIG_INVALID', `${path} is larger than 1 MiB.`);
  return bytes.toString('utf8');
};

const isAbsent = (thrown: unknown): boolean => thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';

const readConfigFile = (given: string | null): { path: string; text: string } => {
  const path = given ?? defaultConfigFile;
  try {
    return { path, text: readText(path) };
  } catch (cause) {
    if (given === null && isAbsent(cause)) return { path, text: '' };
    if (cause instanceof TidegateError) throw cause;
    const why = fileTroubleOf(cause);
    throw new TidegateError('CONFIG_INVALID', `The configuration file ${path} cannot be read: ${why}`, { cause });
  }
};

/** The values of the file by key, and what is wrong with its form. */
const parseConfigFile = (path: string, text: string): { values: Map<string, unknown>; problems: Problem[] } => {
  const document = parseDocument(text, { prettyErrors: true });
  const problems = document.errors.map((error) => ({
    path: `${path}:${error.linePos?.[0].line ?? 1}`,
    message: yamlTroubleOf(error),
  }));
  if (problems.length > 0) return { values: new Map(), problems };
  const content: unknown = document.toJS() ?? {};
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { values: new Map(), problems: [{ path, message: 'must be a mapping of settings: `port: 8080`' }] };
  }
  return { values: new Map(Object.entries(content)), problems };
};

const unknownKeys = (path: string, values: ReadonlyMap<string, unknown>): Problem[] =>
  [...values.keys()]
    .filter((key) => !(key in settings))
    .map((key) => {
      const near = settingNames.find((name) => name.toLowerCase() === key.replaceAll(/[-_]/g, '').toLowerCase());
      return { path: `${path}: ${key}`, message: near ? `is no setting; did you mean ${near}?` : 'is no setting' };
    });

const tokensIn = (path: string): { tokens: string[]; problems: Problem[] } => {
  let text: string;
  try {
    text = readText(path);
  } catch (cause) {
    return { tokens: [], problems: [{ path, message: `cannot be read: ${fileTroubleOf(cause)}` }] };
  }
  const lines = text.split('\n').map((line, index) => ({ token: line.replace(/#.*/, '').trim(), number: index + 1 }));
  const given = lines.filter(({ token }) => token !== '');
  return {
    tokens: given.map(({ token }) => token),
    problems: given
      .filter(({ token }) => !tokenPattern.test(token))
      .map(({ number }) => ({ path: `${path}:${number}`, message: 'is no token: it needs 16 characters or more' })),
  };
};

/** Read by main (the file), by `dashboards` (the token), by the tests, and what Kubernetes sets for a service that is called tidegate. */
const otherVariables = /^TIDEGATE_(?:CONFIG|GRAFANA_TOKEN|REQUIRE|TEST_.*|SERVICE_.*|PORT_\d.*)$/;

/** Variables that look like settings but are none: worth a warning, since a typo means the default. */
export const strayVariables = (env: ConfigSources['env']): string[] => {
  const known = new Set<string>(settingNames.map((name) => settings[name].env));
  return Object.keys(env).filter(
    (name) => name.startsWith('TIDEGATE_') && !known.has(name) && !otherVariables.test(name),
  );
};

/** Kubernetes gives every pod beside a service `tidegate` a TIDEGATE_PORT=tcp://…: nobody meant it as a setting. */
const variable = (env: ConfigSources['env'], name: string): string | undefined => {
  const value = env[name];
  return value === '' || (name === settings.port.env && value?.startsWith('tcp://')) ? undefined : value;
};

/**
 * Settings from defaults < file < environment < flags, each parsed once, here.
 *
 * @throws TidegateError CONFIG_INVALID with every problem and where it stands.
 */
export const loadConfig = ({ flags, env, configFile }: ConfigSources): Config => {
  const file = readConfigFile(configFile);
  const { values, problems } = parseConfigFile(file.path, file.text);
  problems.push(...unknownKeys(file.path, values));
  const config: { -readonly [Name in SettingName]?: Config[Name] } = {};
  for (const name of settingNames) {
    const setting = settings[name];
    const given = [
      { path: setting.flag, raw: flags[name] },
      { path: setting.env, raw: variable(env, setting.env) },
      { path: `${file.path}: ${name}`, raw: values.get(name) ?? undefined },
    ].find(({ raw }) => raw !== undefined);
    const parsed = given ? setting.parse(given.raw) : { value: setting.default };
    if ('problem' in parsed) problems.push({ path: given?.path ?? name, message: parsed.problem });
    else Object.assign(config, { [name]: parsed.value });
  }
  const { apiTokens = [], apiTokensFile } = config;
  if (apiTokensFile) {
    const more = tokensIn(apiTokensFile);
    problems.push(...more.problems);
    config.apiTokens = [...apiTokens, ...more.tokens];
  }
  problems.push(...oidcProblems(config));
  if (problems.length > 0) {
    const count = problems.length === 1 ? 'One setting is' : `${problems.length} settings are`;
    throw new TidegateError('CONFIG_INVALID', `${count} wrong.`, { problems });
  }
  // Every name of the table has been given a value of its own parser above.
  return config as Config;
};
