import { describe } from 'vitest';
import { budgetContract } from './block-list-budget.contract.ts';
import { feedContract, followingContract } from './block-list-feed.contract.ts';
import { guardContract, meetingContract } from './block-list-guard.contract.ts';
import { historyContract, judgementContract, ruleBookContract } from './block-list-history.contract.ts';
import { importContract } from './block-list-import.contract.ts';
import { inputContract } from './block-list-input.contract.ts';
import { leadContract, logContract } from './block-list-log.contract.ts';
import {
  precedenceContract,
  promotionContract,
  sharedContract,
  strikeContract,
} from './block-list-promote.contract.ts';
import { queueContract } from './block-list-queue.contract.ts';
import { addContract, listingContract, transitionContract } from './block-list-review.contract.ts';
import { senderContract } from './block-list-senders.contract.ts';
import { type MakeBlockList, type OnStage, Stage } from './block-list-stage.ts';
import { undoContract } from './block-list-undo.contract.ts';

type Part = (onStage: OnStage) => void;

/** Together these use every script and every kind of key. */
const sample: Readonly<Record<string, Part>> = {
  'promotes verdicts': promotionContract,
  'knows what comes first': precedenceContract,
  'spares shared addresses': sharedContract,
  'keeps budgets': budgetContract,
  'takes steps': transitionContract,
  'takes blocks by hand': addContract,
  'guards who is allowed': guardContract,
  'spares declared-good senders': senderContract,
  'imports lists': importContract,
  'feeds gates': feedContract,
  'logs changes': logContract,
  'takes steps back': undoContract,
  'tells histories': historyContract,
  'counts judgements': judgementContract,
  'keeps the book of rules': ruleBookContract,
  'lists a queue': queueContract,
  'has one relay': leadContract,
};

const rest: Readonly<Record<string, Part>> = {
  'counts strikes': strikeContract,
  'lists blocks': listingContract,
  'knows who meets whom': meetingContract,
  'is followed': followingContract,
  'refuses bad input': inputContract,
};

const run = (parts: Readonly<Record<string, Part>>, make: MakeBlockList): void => {
  for (const [title, part] of Object.entries(parts)) {
    describe(title, () => part((setting) => new Stage(make, setting)));
  }
};

/** What every block list guarantees. */
export const blockListContract = (make: MakeBlockList): void => run({ ...sample, ...rest }, make);

/** For another topology, or other rights, of a list that keeps the whole contract already. */
export const blockListSample = (make: MakeBlockList): void => run(sample, make);
