import { describe } from 'vitest';
import { budgetContract } from './block-list-budget.contract.ts';
import { feedContract, followingContract } from './block-list-feed.contract.ts';
import { guardContract } from './block-list-guard.contract.ts';
import { importContract } from './block-list-import.contract.ts';
import { inputContract } from './block-list-input.contract.ts';
import { leadContract, logContract } from './block-list-log.contract.ts';
import {
  precedenceContract,
  promotionContract,
  sharedContract,
  strikeContract,
} from './block-list-promote.contract.ts';
import { addContract, listingContract, transitionContract } from './block-list-review.contract.ts';
import { type MakeBlockList, type OnStage, Stage } from './block-list-stage.ts';

const parts: Readonly<Record<string, (onStage: OnStage) => void>> = {
  'promotes verdicts': promotionContract,
  'knows what comes first': precedenceContract,
  'counts strikes': strikeContract,
  'spares shared addresses': sharedContract,
  'keeps budgets': budgetContract,
  'takes steps': transitionContract,
  'takes blocks by hand': addContract,
  'lists blocks': listingContract,
  'guards who is allowed': guardContract,
  'imports lists': importContract,
  'feeds gates': feedContract,
  'is followed': followingContract,
  'logs changes': logContract,
  'has one relay': leadContract,
  'refuses bad input': inputContract,
};

/** What every block list guarantees. */
export const blockListContract = (make: MakeBlockList): void => {
  for (const [title, part] of Object.entries(parts)) {
    describe(title, () => part((setting) => new Stage(make, setting)));
  }
};
