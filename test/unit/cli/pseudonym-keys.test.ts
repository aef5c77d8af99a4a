import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPseudonyms } from '../../../src/cli/pseudonym-keys.ts';
import { TidegateError } from '../../../src/errors.ts';
import { Pseudonyms } from '../../../src/ingest/pseudonyms.ts';

const secret = Buffer.alloc(32, 0xab).toString('base64');

describe('the file of pseudonym keys', () => {
  let folder: string;
  const fileOf = (text: string, mode = 0o600): string => {
    const path = join(folder, 'keys.yaml');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const troubleOf = (text: string, mode?: number): string => {
    try {
      readPseudonyms(fileOf(text, mode));
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      expect(error.code).toBe('CONFIG_INVALID');
      return `${error.message} ${JSON.stringify(error.problems)}`;
    }
    throw new Error('was read');
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes no pseudonyms when there is none', () => {
    expect(readPseudonyms(null)).toBeNull();
  });

  it.each([
    [
      'YAML',
      `keys:\n  - id: k2\n    secret: ${secret}\n  - {id: k1, secret: ${Buffer.alloc(40, 1).toString('base64')}}\n`,
    ],
    ['JSON', JSON.stringify({ networks: 'drop', keys: [{ id: 'k2', secret }] })],
  ])('is read as %s, and its first key signs', (_, text) => {
    const expected = new Pseudonyms({ keys: [{ id: 'k2', secret: Buffer.from(secret, 'base64') }] });
    expect(readPseudonyms(fileOf(text))?.of('user', 'anna')).toBe(expected.of('user', 'anna'));
  });

  it('says whether the network of an address is kept', () => {
    const pseudonyms = readPseudonyms(fileOf(`networks: keep\nkeys: [{id: k, secret: ${secret}}]`));
    expect(pseudonyms?.of('ip', '203.0.113.9')).toMatch(/@203\.0\.113\.0\/24$/);
  });

  it.each([0o644, 0o604, 0o602, 0o620, 0o666])('is refused when others may read or change it: mode %o', (mode) => {
    expect(troubleOf(`keys: [{id: k, secret: ${secret}}]`, mode)).toMatch(/others may read or change it.*chmod 600/);
  });

  it.each([0o400, 0o440, 0o600, 0o640])('is read with mode %o', (mode) => {
    expect(readPseudonyms(fileOf(`keys: [{id: k, secret: ${secret}}]`, mode))).not.toBeNull();
  });

  it.each([
    ['nothing in it', '', 'must be a mapping'],
    ['no list', 'keys: k1', 'must be a list'],
    ['an empty list', 'keys: []', '1 to 20 keys'],
    ['no id', `keys: [{secret: ${secret}}]`, 'keys[0].id'],
    ['a short secret', `keys: [{id: k, secret: ${Buffer.alloc(31).toString('base64')}}]`, '32 bytes or more'],
    ['a secret that is no base64', 'keys: [{id: k, secret: "correct horse"}]', 'must be base64'],
    ['two keys of one id', `keys: [{id: k, secret: ${secret}}, {id: k, secret: ${secret}}]`, 'an id of its own'],
    ['another word for networks', `networks: show\nkeys: [{id: k, secret: ${secret}}]`, 'drop or keep'],
    ['something else', `keys: [{id: k, secret: ${secret}}]\n${secret}: x`, 'keys and networks only'],
    ['no YAML', `keys: [{id: k, secret: ${secret}`, 'is no YAML'],
  ])('is refused with %s, and nothing of it is repeated', (_, text, message) => {
    const trouble = troubleOf(text);
    expect(trouble).toContain(message);
    expect(trouble).not.toContain(secret.slice(0, 8));
    expect(trouble).not.toContain('horse');
  });

  it('is named when it is not there', () => {
    expect(() => readPseudonyms(join(folder, 'absent.yaml'))).toThrowError(/absent\.yaml/);
  });
});
