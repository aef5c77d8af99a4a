import { type SettingName, settingNames, settings } from './settings.ts';

const shownDefault = (name: SettingName): string => {
  const { default: value, ...setting } = settings[name];
  if ('defaultText' in setting && setting.defaultText !== undefined) return String(setting.defaultText);
  return `\`${String(value)}\``;
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

/** The reference table of all settings, Markdown. */
export const settingsTable = (): string => {
  const rows = settingNames.map((name) => {
    const { env, flag, type, unit, meaning } = settings[name];
    const cells = [`\`${name}\``, `\`${env}\``, `\`${flag}\``, cell(type), shownDefault(name), unit, cell(meaning)];
    return `| ${cells.join(' | ')} |`;
  });
  const head = '| in the file | in the environment | flag | type | default | unit | meaning |';
  return [head, '|---|---|---|---|---|---|---|', ...rows].join('\n');
};

/** docs/reference/configuration.md, whole. */
export const configurationPage = (): string => `# Configuration

Generated from \`src/cli/settings.ts\` by \`npm run docs\`.

Flags win over the environment, the environment wins over the file, the file wins over the defaults. The file is YAML:
\`tidegate.yaml\` in the working directory, or what \`--config\` or \`TIDEGATE_CONFIG\` names. Paths are relative to the
working directory. Every bad value is reported at once, with its place, and the process exits with code 2; a key
that is no setting is refused, and a \`TIDEGATE_\` variable that is none is named in a warning.

${settingsTable()}

Each command takes the flags that concern it: \`tidegate <command> --help\`.

## Credentials

Credentials are part of the URLs (\`rediss://user:password@host:6380\`, \`https://user:password@host:8443/database\`); percent-encode
what is special in a URL. Certificates of an own authority are trusted through Node's \`NODE_EXTRA_CA_CERTS\`, or where the URL
names its PEM file (\`?ca=/etc/ca.pem\`; for Kafka and Redis also \`cert\` and \`key\`). Passwords and tokens are removed from
every log line and every error message. Prefer the environment or \`apiTokensFile\` to a flag: flags are visible to everyone
who may list processes.

What a \`redisUrl\` may say is in [Redis](../guides/redis.md).

## Example

\`\`\`yaml
redisUrl: redis://redis:6379
kafkaUrl: kafka://kafka:9092
clickhouseUrl: http://default@clickhouse:8123/default
region: eu-west
host: 0.0.0.0
apiTokensFile: /run/secrets/tidegate-tokens
\`\`\`
`;
