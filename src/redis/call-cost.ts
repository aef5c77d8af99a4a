import type { Spend, StoreCost } from '../limiter/limit-store.ts';
import { type LimitCall, spendCall } from './limit-script.ts';
import type { ScriptCall } from './scripts.ts';

const bulkBytes = (value: string | number): number => {
  const bytes = Buffer.byteLength(String(value));
  return bytes + String(bytes).length + '$\r\n\r\n'.length;
};

const hashLength = 40;

/** As it goes over the wire: EVALSHA, the hash, how many keys, the keys, the arguments. */
const commandBytes = ({ keys, args }: ScriptCall): number => {
  const parts = ['evalsha', '0'.repeat(hashLength), keys.length, ...keys, ...args];
  return `*${parts.length}\r\n`.length + parts.reduce<number>((bytes, part) => bytes + bulkBytes(part), 0);
};

const integerBytes = (digits: number): number => digits + ':\r\n'.length;
const digitsOf = (number: number): number => String(Math.ceil(number)).length;
const clockDigits = 16;

/** Numbers that the script says of one limit, as long as they are when it denies: see the header of `lua/limits.lua`. */
const answerDigits = ({ terms: { algorithm, periodUs, capacity } }: Spend[number]): readonly number[] => {
  const denied = 1;
  switch (algorithm) {
    case 'token-bucket':
    case 'leaky-bucket':
      return [denied + digitsOf(periodUs * capacity)];
    case 'fixed-window':
      return [denied + digitsOf(periodUs), digitsOf(capacity)];
    case 'sliding-window':
      return [denied + digitsOf(periodUs), digitsOf(capacity), digitsOf(capacity)];
    case 'concurrency':
      return [denied + digitsOf(capacity), digitsOf(periodUs), digitsOf(periodUs)];
  }
};

const answerBytes = (spend: Spend): number => {
  const numbers = [clockDigits, ...spend.flatMap(answerDigits)];
  return `*${numbers.length}\r\n`.length + numbers.reduce((bytes, digits) => bytes + integerBytes(digits), 0);
};

/** What these spends cost, each in a call of its own. To the byte for the calls, about for the answers. */
export const costOfCalls = (spends: readonly Spend[], call: LimitCall): StoreCost => ({
  commands: spends.length,
  bytes: spends.reduce((bytes, spend) => bytes + commandBytes(spendCall([spend], call)) + answerBytes(spend), 0),
});
