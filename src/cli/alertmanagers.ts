import { readFileSync } from 'node:fs';
import type { Alertmanager } from '../alert/alertmanager.ts';
import { fileTroubleOf, TidegateError } from '../errors.ts';
import type { Config } from './settings.ts';

const maxTokenBytes = 4096;
const tokenPattern = /^[\x21-\x7e]{1,4096}$/;

/** @throws TidegateError CONFIG_INVALID, never with what is in the file. */
const tokenIn = (path: string): string => {
  let text: string;
  try {
    text = readFileSync(path).subarray(0, maxTokenBytes).toString('utf8').trim();
  } catch (cause) {
    throw new TidegateError('CONFIG_INVALID', `The Alertmanager's token cannot be read: ${fileTroubleOf(cause)}`, {
      problems: [{ path, message: 'cannot be read' }],
    });
  }
  if (tokenPattern.test(text)) return text;
  const problems = [{ path, message: 'must hold one token on one line' }];
  throw new TidegateError('CONFIG_INVALID', "The file of the Alertmanager's token holds none", { problems });
};

const refused = (message: string): TidegateError => {
  const problems = [{ path: 'alertmanagerUrls', message }];
  return new TidegateError('CONFIG_INVALID', 'An address of an Alertmanager is none', { problems });
};

/** @throws TidegateError CONFIG_INVALID, without what stands there. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // The cause would name what is a password.
    throw refused('user and password must be percent-encoded: % is %25');
  }
};

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${decoded(user)}:${decoded(password)}`).toString('base64')}`;

/** Who is told of alerts. @throws TidegateError CONFIG_INVALID. */
export const readAlertmanagers = (
  config: Pick<Config, 'alertmanagerUrls' | 'alertmanagerToken' | 'alertmanagerTokenFile'>,
): readonly Alertmanager[] => {
  const { alertmanagerUrls, alertmanagerToken, alertmanagerTokenFile } = config;
  const token = alertmanagerTokenFile === null ? alertmanagerToken : tokenIn(alertmanagerTokenFile);
  return alertmanagerUrls.map((text) => {
    if (!URL.canParse(text)) throw refused('must be URLs');
    const url = new URL(text);
    const { username, password } = url;
    url.username = '';
    url.password = '';
    if (username !== '') return { url, authorization: basic(username, password) };
    return { url, authorization: token === null ? null : `Bearer ${token}` };
  });
};
