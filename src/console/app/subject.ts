/**
 * What people have at hand: `203.0.113.7` → `ip:…`, `203.0.113.0/24` → `network:…`, `ann@example.com` → `user:…`; what names
 * its kind stays.
 */
export const subjectOf = (text: string): string => {
  if (/^(?:[^:/]+\/)?(?:ip|user|key|network):./s.test(text)) return text;
  if (/^[0-9a-f.:]+\/\d{1,3}$/i.test(text)) return `network:${text}`;
  return /^[0-9.]+$/.test(text) || /^[0-9a-f.]*:[0-9a-f.:]*$/i.test(text) ? `ip:${text}` : `user:${text}`;
};
