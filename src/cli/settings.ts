import { fileURLToPath } from 'node:url';
import { alertSettings } from './alert-settings.ts';
import { choice, integer, list, optionalDays, optionalText, port, type Setting, text } from './setting-kinds.ts';

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const namePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;
const nameMust = 'must be 1 to 32 characters of a-z, 0-9 and -, not starting with -';

/** A bearer token, with the name of its holder before `=` where it has one. Visible ASCII, 16 characters or more. */
export const tokenPattern = /^(?:[A-Za-z0-9._-]{1,64}=)?[A-Za-z0-9._~+/-]{16,512}=*$/;
const tokenMust = 'must be tokens of at least 16 characters of A-Z a-z 0-9 . _ ~ + / -, each optionally as name=token';

const claimPattern = /^[^\s,]{1,256}$/;
const claimMust = 'must be 1 to 256 characters without white space and commas';

/** What stands in a role claim, and what it is here. */
export const rolePattern = /^[^,\s](?:[^,]{0,126}[^,\s])?=(?:viewer|reviewer|lead|admin|enforcer|gate)$/;

/** Every setting there is. Parsing, `--help`, `tidegate doctor` and docs/reference/configuration.md come from here. */
export const settings = {
  redisUrl: text({
    env: 'TIDEGATE_REDIS_URL',
    flag: '--redis-url',
    type: 'URL',
    default: 'memory:',
    meaning:
      'Counters and block list: redis://host:6379, redis+cluster://a:6379,b:6379, redis+sentinel://s1:26379,s2:26379/<primary>, each with rediss for TLS; or memory: inside this process.',
  }),
  secondaryRedisUrl: optionalText({
    env: 'TIDEGATE_SECONDARY_REDIS_URL',
    flag: '--secondary-redis-url',
    type: 'URL',
    defaultText: 'none',
    meaning:
      'Counters while redisUrl is away: a second Redis, or a replica of the first, which then tells gates where to start. It must answer when a gate starts.',
  }),
  kafkaUrl: text({
    env: 'TIDEGATE_KAFKA_URL',
    flag: '--kafka-url',
    type: 'URL',
    default: 'memory:',
    meaning: 'Event log: kafka://a:9092,b:9092, or memory: inside this process.',
  }),
  clickhouseUrl: text({
    env: 'TIDEGATE_CLICKHOUSE_URL',
    flag: '--clickhouse-url',
    type: 'URL',
    default: 'chdb:.tidegate/clickhouse',
    meaning: 'Analytics database: http(s)://user:password@host:8123/database, or chdb:<folder> inside this process.',
  }),
  clickhousePort: port({
    env: 'TIDEGATE_CLICKHOUSE_PORT',
    flag: '--clickhouse-port',
    defaultText: 'none',
    meaning:
      "Serves the embedded database (chdb:) to readers on this port, with ClickHouse's HTTP interface: for Grafana, curl, @clickhouse/client. 0: any free one, named in the log.",
  }),
  clickhouseHost: text({
    env: 'TIDEGATE_CLICKHOUSE_HOST',
    flag: '--clickhouse-host',
    type: 'address',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,255}$/,
    must: 'must be a host name or an address',
    meaning: 'Where clickhousePort listens. Others than this machine need clickhousePassword.',
  }),
  clickhousePassword: optionalText({
    env: 'TIDEGATE_CLICKHOUSE_PASSWORD',
    flag: '--clickhouse-password',
    type: 'password',
    defaultText: 'none',
    secret: true,
    meaning: 'Of the user default at clickhousePort.',
  }),
  clickhouseCluster: optionalText({
    env: 'TIDEGATE_CLICKHOUSE_CLUSTER',
    flag: '--clickhouse-cluster',
    type: 'name',
    defaultText: 'none',
    meaning: 'Makes replicated tables on every server of this ClickHouse cluster, for instance {cluster}.',
  }),
  namespace: text({
    env: 'TIDEGATE_NAMESPACE',
    flag: '--namespace',
    type: 'name',
    default: 'default',
    pattern: namePattern,
    must: nameMust,
    meaning: 'Keeps several installations apart in one Redis.',
  }),
  region: text({
    env: 'TIDEGATE_REGION',
    flag: '--region',
    type: 'name',
    default: 'local',
    pattern: namePattern,
    must: nameMust,
    meaning: 'Where this process runs; a dimension of every decision.',
  }),
  policiesFile: optionalText({
    env: 'TIDEGATE_POLICIES_FILE',
    flag: '--policies',
    type: 'file',
    defaultText: 'the shipped policies.yaml',
    meaning: 'Policies; watched, a valid change is live without a restart.',
  }),
  rulesFile: optionalText({
    env: 'TIDEGATE_RULES_FILE',
    flag: '--rules',
    type: 'file',
    defaultText: 'the shipped rules.yaml',
    meaning: 'Rules of the detector.',
  }),
  host: text({
    env: 'TIDEGATE_HOST',
    flag: '--host',
    type: 'address',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,255}$/,
    must: 'must be a host name or an address',
    meaning: 'Where API and probes listen. 0.0.0.0 or :: is every interface.',
  }),
  port: port({
    env: 'TIDEGATE_PORT',
    flag: '--port',
    defaultText: '8080; ingest 8081, detect 8082',
    meaning: 'Port of API (up, serve) or probes (ingest, detect). 0: any free one, named in the log. none: no probes.',
  }),
  apiTokens: list({
    env: 'TIDEGATE_API_TOKENS',
    flag: '--api-tokens',
    type: 'list of token or name=token',
    itemPattern: tokenPattern,
    must: tokenMust,
    secret: true,
    meaning: 'Bearer tokens of admins of all tenants: they may do everything. The name is recorded as who did it.',
  }),
  apiTokensFile: optionalText({
    env: 'TIDEGATE_API_TOKENS_FILE',
    flag: '--api-tokens-file',
    type: 'file',
    defaultText: 'none',
    meaning: 'More tokens, one a line; # starts a comment.',
  }),
  oidcIssuer: optionalText({
    env: 'TIDEGATE_OIDC_ISSUER',
    flag: '--oidc-issuer',
    type: 'URL',
    defaultText: 'none',
    meaning:
      'OpenID provider whose access tokens sign people in, as it calls itself to the letter. Needs oidcAudience and the package jose.',
  }),
  oidcAudience: optionalText({
    env: 'TIDEGATE_OIDC_AUDIENCE',
    flag: '--oidc-audience',
    type: 'text',
    defaultText: 'none',
    meaning: 'Who those tokens must be for: what the provider calls this API.',
  }),
  oidcNameClaim: text({
    env: 'TIDEGATE_OIDC_NAME_CLAIM',
    flag: '--oidc-name-claim',
    type: 'name',
    default: 'sub',
    pattern: claimPattern,
    must: claimMust,
    meaning: 'The claim that is recorded as who did it. People must not be able to choose what stands in it.',
  }),
  oidcRoleClaim: text({
    env: 'TIDEGATE_OIDC_ROLE_CLAIM',
    flag: '--oidc-role-claim',
    type: 'name',
    default: 'roles',
    pattern: claimPattern,
    must: claimMust,
    meaning: 'The claim that names roles: a list, or words. With dots it is a path, such as realm_access.roles.',
  }),
  oidcRoles: list({
    env: 'TIDEGATE_OIDC_ROLES',
    flag: '--oidc-roles',
    type: 'list of value=role',
    itemPattern: rolePattern,
    must: 'must be value=role each, with one of the roles viewer, reviewer, lead, admin, enforcer, gate',
    defaultText: 'viewer, reviewer, lead and admin by these names',
    meaning: 'What stands in the role claim, and which role it gives.',
  }),
  oidcTenantClaim: optionalText({
    env: 'TIDEGATE_OIDC_TENANT_CLAIM',
    flag: '--oidc-tenant-claim',
    type: 'name',
    defaultText: 'none: all tenants',
    meaning:
      'The claim that names the tenants whose data is in reach: one or a list, * for all. Whoever lacks it is refused.',
  }),
  webhooksFile: optionalText({
    env: 'TIDEGATE_WEBHOOKS_FILE',
    flag: '--webhooks',
    type: 'file',
    defaultText: 'none',
    meaning: 'Who is told of alerts, proposed blocks, breakers, demoted rules and requests for approval, as YAML.',
  }),
  ...alertSettings,
  rawTtlDays: integer({
    env: 'TIDEGATE_RAW_TTL_DAYS',
    flag: '--raw-ttl-days',
    default: 30,
    min: 0,
    max: 36_500,
    unit: 'days',
    meaning: 'How long single decisions are kept, 0 for ever; the minutes stay longer.',
  }),
  minuteTtlDays: optionalDays({
    env: 'TIDEGATE_MINUTE_TTL_DAYS',
    flag: '--minute-ttl-days',
    defaultText: '100, or 0 where rawTtlDays is 0',
    meaning: 'How long sums by minute are kept, 0 for ever. No client is in them.',
  }),
  hourTtlDays: optionalDays({
    env: 'TIDEGATE_HOUR_TTL_DAYS',
    flag: '--hour-ttl-days',
    defaultText: '400, or 0 where rawTtlDays is 0',
    meaning: 'How long sums by hour are kept, 0 for ever. No client is in them.',
  }),
  dayTtlDays: optionalDays({
    env: 'TIDEGATE_DAY_TTL_DAYS',
    flag: '--day-ttl-days',
    defaultText: '0',
    meaning: 'How long sums by day are kept, 0 for ever. No client is in them.',
  }),
  denialsTtlDays: optionalDays({
    env: 'TIDEGATE_DENIALS_TTL_DAYS',
    flag: '--denials-ttl-days',
    defaultText: '30, or 0 where rawTtlDays is 0',
    meaning: 'How long denials by client and minute are kept, 0 for ever.',
  }),
  blocksTtlDays: optionalDays({
    env: 'TIDEGATE_BLOCKS_TTL_DAYS',
    flag: '--blocks-ttl-days',
    defaultText: '400, or 0 where rawTtlDays is 0',
    meaning: 'How long the history of blocks, with their clients, is kept, 0 for ever.',
  }),
  policiesTtlDays: optionalDays({
    env: 'TIDEGATE_POLICIES_TTL_DAYS',
    flag: '--policies-ttl-days',
    defaultText: '0',
    meaning: 'How long the history of policies is kept, 0 for ever. No client is in it.',
  }),
  healthTtlDays: optionalDays({
    env: 'TIDEGATE_HEALTH_TTL_DAYS',
    flag: '--health-ttl-days',
    defaultText: '30, or 0 where rawTtlDays is 0',
    meaning: 'How long is kept what processes tell of themselves, 0 for ever. No client is in it.',
  }),
  ingestBlocksTtlDays: optionalDays({
    env: 'TIDEGATE_INGEST_BLOCKS_TTL_DAYS',
    flag: '--ingest-blocks-ttl-days',
    defaultText: '30, or 0 where rawTtlDays is 0',
    meaning: 'How long the ledger of stored blocks is kept, 0 for ever. No client is in it.',
  }),
  auditMinutes: integer({
    env: 'TIDEGATE_AUDIT_MINUTES',
    flag: '--audit-minutes',
    default: 60,
    min: 0,
    max: 10_080,
    unit: 'min',
    meaning:
      'How often the stored numbers of the last day are compared, for the metric tidegate.audit.drift. 0: never.',
  }),
  pseudonymKeysFile: optionalText({
    env: 'TIDEGATE_PSEUDONYM_KEYS_FILE',
    flag: '--pseudonym-keys-file',
    type: 'file',
    defaultText: 'none',
    meaning:
      'Keys under which clients and addresses are stored as pseudonyms; nobody else may read it. Without it they are stored as they are.',
  }),
  partitions: integer({
    env: 'TIDEGATE_PARTITIONS',
    flag: '--partitions',
    default: 12,
    min: 1,
    max: 256,
    meaning: 'Partitions of a topic that does not exist yet.',
  }),
  events: choice({
    env: 'TIDEGATE_EVENTS',
    flag: '--events',
    default: 'merged',
    of: ['merged', 'every'],
    meaning: 'merged: decisions that agree in all dimensions are one row with a count. every: one row per decision.',
  }),
  eventCompression: choice({
    env: 'TIDEGATE_EVENT_COMPRESSION',
    flag: '--event-compression',
    default: 'none',
    of: ['none', 'gzip'],
    meaning: 'Of the frames in Kafka. gzip: a fraction of the bytes, for CPU time where they are written and read.',
  }),
  storeDeadlineMs: integer({
    env: 'TIDEGATE_STORE_DEADLINE_MS',
    flag: '--store-deadline-ms',
    default: 20,
    min: 1,
    max: 10_000,
    unit: 'ms',
    meaning: 'How long a decision waits for Redis before the policy falls back.',
  }),
  blockPollMs: integer({
    env: 'TIDEGATE_BLOCK_POLL_MS',
    flag: '--block-poll-ms',
    default: 250,
    min: 10,
    max: 60_000,
    unit: 'ms',
    meaning: 'How often a gate asks for changes of the block list.',
  }),
  blockListFile: optionalText({
    env: 'TIDEGATE_BLOCK_LIST_FILE',
    flag: '--block-list-file',
    type: 'file',
    defaultText: 'none',
    meaning:
      'Where a gate keeps the block list as it last knew it, to begin with when it starts. One file for each process.',
  }),
  actor: optionalText({
    env: 'TIDEGATE_ACTOR',
    flag: '--actor',
    type: 'name',
    defaultText: 'the user of the process',
    meaning: 'Who is recorded for what a command changes.',
  }),
  shutdownTimeoutMs: integer({
    env: 'TIDEGATE_SHUTDOWN_TIMEOUT_MS',
    flag: '--shutdown-timeout-ms',
    default: 10_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    meaning: 'How long a stop waits until everything decided is stored.',
  }),
  logLevel: choice({
    env: 'TIDEGATE_LOG_LEVEL',
    flag: '--log-level',
    default: 'info',
    of: logLevels,
    meaning: 'Least severe line that is logged, on stderr.',
  }),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settings;
/** The name of every setting, in the order of the table. */
export const settingNames = Object.keys(settings) as SettingName[];

/** How long each table but that of the decisions keeps its rows. */
export const retentionSettings = [
  'minuteTtlDays',
  'hourTtlDays',
  'dayTtlDays',
  'denialsTtlDays',
  'blocksTtlDays',
  'policiesTtlDays',
  'healthTtlDays',
  'ingestBlocksTtlDays',
] as const satisfies readonly SettingName[];

/** All settings, parsed. */
export type Config = { readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never };

const packageFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Files that come with the package and stand in for those that nobody named. */
export const shippedFiles = {
  policies: packageFile('policies/policies.yaml'),
  rules: packageFile('policies/rules.yaml'),
} as const;
