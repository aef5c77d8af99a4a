import { blocks } from './columns.ts';

const { rule, rule_hash } = blocks.columns;

/** The change log also tells of allow entries, modes, switches, breakers and lists: these are no blocks. */
export const isBlock = `(${rule_hash} != '' OR ${rule} = 'manual')`;
