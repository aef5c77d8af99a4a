import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foundIn } from '../../../src/console/app/key-sequence.ts';
import { hrefOf, matched, part, placeOf } from '../../../src/console/app/router.ts';

describe('the addresses of the console', () => {
  it('bring back any name that they were made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), (name, value) => {
        const place = placeOf(hrefOf(`/clients/${part(name)}`, { tab: value }));
        expect(matched('/clients/:subject', place.path)).toEqual({ subject: name });
        expect(place.query.get('tab') ?? '').toBe(value);
      }),
    );
  });

  it('name what is no text, too: half a surrogate pair', () => {
    expect(part('a\ud800b')).toBe('a%EF%BF%BDb');
  });

  it('match whole paths alone', () => {
    expect(matched('/blocks/:id', '/blocks/b-1')).toEqual({ id: 'b-1' });
    expect(matched('/blocks/:id', '/blocks/b-1/')).toEqual({ id: 'b-1' });
    expect(matched('/blocks/:id', '/blocks/b-1/x')).toBeNull();
    expect(matched('/blocks/:id', '/blocks')).toBeNull();
    expect(matched('/', '/')).toEqual({});
  });

  it('are the start for what is no place, and survive a broken escape', () => {
    expect(placeOf('#token=abc').path).toBe('/');
    expect(placeOf('').path).toBe('/');
    expect(matched('/clients/:subject', placeOf('#/clients/%E0%A4%A').path)).toEqual({ subject: '%E0%A4%A' });
  });
});

describe('shortcuts', () => {
  const all = [{ keys: 'j' }, { keys: 'g q' }, { keys: 'g o' }, { keys: 'j', isNewer: true }];

  it('are found by their keys, the one that was added last before others', () => {
    expect(foundIn(all, ['j']).hit).toMatchObject({ isNewer: true });
    expect(foundIn(all, ['g', 'q']).hit).toEqual({ keys: 'g q' });
  });

  it('wait for the rest of a longer one', () => {
    expect(foundIn(all, ['g'])).toEqual({ hit: null, isPrefix: true });
    expect(foundIn(all, ['g', 'x'])).toEqual({ hit: null, isPrefix: false });
    expect(foundIn(all, ['q'])).toEqual({ hit: null, isPrefix: false });
  });
});
