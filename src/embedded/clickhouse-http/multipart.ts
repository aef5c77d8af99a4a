import { exception } from './exception.ts';

const boundaryOf = (contentType: string): string | null => {
  if (!/^multipart\/form-data\b/i.test(contentType)) return null;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? plain ?? '';
};

const maxFields = 1000;

/**
 * The text fields of a form; null when the body is none. Clients send one when the values of a query are too many for
 * a URL.
 *
 * @throws Exception BAD_ARGUMENTS for a form that cannot be read, NOT_IMPLEMENTED for a table sent along.
 */
export const fieldsOf = (contentType: string, body: Buffer): Map<string, string> | null => {
  const boundary = boundaryOf(contentType);
  if (boundary === null) return null;
  if (boundary === '') throw exception('BAD_ARGUMENTS', 'The form names no boundary');
  const fields = new Map<string, string>();
  const [, ...parts] = `\r\n${body.toString()}`.split(`\r\n--${boundary}`);
  if (parts.pop()?.startsWith('--') !== true) throw exception('BAD_ARGUMENTS', 'The form has no end');
  if (parts.length > maxFields) throw exception('BAD_ARGUMENTS', `A form may have ${maxFields} fields`);
  for (const part of parts) {
    const split = part.indexOf('\r\n\r\n');
    const head = part.slice(0, split);
    const name = /^content-disposition:[^\r\n]*[;\s]name="([^"\r\n]*)"/im.exec(head)?.[1];
    if (split < 0 || name === undefined) throw exception('BAD_ARGUMENTS', 'A field of the form has no name');
    if (/^content-disposition:[^\r\n]*[;\s]filename\*?=/im.test(head))
      throw exception('NOT_IMPLEMENTED', 'Tables sent along with a query are not read');
    fields.set(name, part.slice(split + 4));
  }
  return fields;
};
