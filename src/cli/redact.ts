const mask = '***';

/**
 * `redis://anna:secret@host`: the user name stays, everything from its colon to the last `@` goes, so that a raw `@` or
 * `/` in a password is no way out. A quote ends it, or one URL in a JSON line would take half the line with it.
 */
const passwordInUrl = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@"]*):[^\s"]*@/gi;
/** `https://token@host`: without a colon it may well be the secret itself. */
const tokenInUrl = /([a-z][a-z0-9+.-]*:\/\/)[^\s:/@"*]+@/gi;
const secretParameter =
  /([?&;](?:(?:sentinel)?password|passwd|pass|token|secret|access_token|api_key|sasl_password)=)[^&\s"'#;]+/gi;
const bearer = /(\bbearer\s+)[A-Za-z0-9._~+/-]+=*/gi;

/** The text without the credentials that URLs, query strings and Authorization headers in it carry. */
export const redact = (text: string): string =>
  text
    .replace(passwordInUrl, `$1:${mask}@`)
    .replace(tokenInUrl, `$1${mask}@`)
    .replace(secretParameter, `$1${mask}`)
    .replace(bearer, `$1${mask}`);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded after all: then the text as it stands is the only form it can appear in.
    return text;
  }
};

/** Where several URLs stand in a row, such as the nodes of a cluster. */
const eachUrl = (urls: string): string[] => urls.split(/,(?=[a-z][a-z0-9+.-]*:\/\/)/i);

/** The password of one URL, in every form in which a driver's message or a JSON line might repeat it. */
const passwordsOf = (url: string): string[] => {
  const userInfo = /^[a-z][a-z0-9+.-]*:\/\/(.*)@/is.exec(url)?.[1];
  const parameters = [...url.matchAll(/[?&;](?:(?:sentinel)?password|token|secret)=([^&\s#;]+)/gi)].map(
    (match) => match[1] ?? '',
  );
  const raw = userInfo === undefined ? parameters : [userInfo.slice(userInfo.indexOf(':') + 1), ...parameters];
  return raw
    .flatMap((secret) => [secret, decoded(secret)])
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
};

/** Shorter secrets are masked inside URLs only: taking every `ab` out of a text would leave nothing to read. */
const minSecretLength = 4;

/**
 * A {@link redact} that knows the secrets of this process, too, and removes them wherever they stand, however they got
 * there.
 */
export const redactorFor = (urls: readonly string[], tokens: readonly string[]): ((text: string) => string) => {
  const bare = tokens.map((token) => token.replace(/^[A-Za-z0-9._-]{1,64}=(?=.)/, ''));
  const secrets = [...new Set([...tokens, ...bare, ...urls.flatMap(eachUrl).flatMap(passwordsOf)])]
    .filter((secret) => secret.length >= minSecretLength)
    // Longest first: a secret that contains another must not leave its rest behind.
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, mask), redact(text));
};
