import { type Clock, systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { loadConfig, strayVariables } from './config.ts';
import { adapter } from './engines.ts';
import { redactorFor } from './redact.ts';
import type { Config, SettingName } from './settings.ts';

/** What every command works with. */
export interface Context {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Removes this process's secrets from a text. */
  readonly redact: (text: string) => string;
}

export interface GlobalFlags {
  readonly config?: string;
  readonly debug?: boolean;
}

/** Reads the configuration, and makes a log that shows none of its secrets. */
export const createContext = async (
  flags: Partial<Record<SettingName, unknown>>,
  { config: configFlag, debug = false }: GlobalFlags,
): Promise<Context> => {
  const env = process.env;
  const config = loadConfig({ flags, env, configFile: configFlag ?? (env['TIDEGATE_CONFIG'] || null) });
  const { redisUrl, secondaryRedisUrl, kafkaUrl, clickhouseUrl, apiTokens, clickhousePassword } = config;
  const { alertmanagerUrls, alertmanagerToken } = config;
  const others = [clickhousePassword, alertmanagerToken].filter((secret) => secret !== null);
  const urls = [redisUrl, secondaryRedisUrl ?? '', kafkaUrl, clickhouseUrl, ...alertmanagerUrls];
  const redact = redactorFor(urls, [...apiTokens, ...others]);
  const { createLogger } = await adapter(() => import('./logging.ts'));
  const logger = await createLogger({ level: debug ? 'debug' : config.logLevel, redact });
  const stray = strayVariables(env);
  if (stray.length > 0) logger.warn({ variables: stray }, 'these variables look like settings, but are none');
  return { config, clock: systemClock, logger, redact };
};
