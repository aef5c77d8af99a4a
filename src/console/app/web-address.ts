const schemes = ['http:', 'https:'];

/**
 * An address of elsewhere that whoever runs tidegate has set, such as that of Grafana, as it may stand in a link; '': it is none of
 * the web, and must not become one.
 */
export const hrefOfWeb = (text: string): string => {
  if (!URL.canParse(text)) return '';
  const url = new URL(text);
  return schemes.includes(url.protocol) ? url.href : '';
};
