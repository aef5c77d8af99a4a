import { describe, expect, it } from 'vitest';
import { AddressBook } from '../../../src/http/address-book.ts';
import { clientAddress } from '../../../src/http/client-address.ts';
import { parseTrustedProxies } from '../../../src/http/trusted-proxies.ts';

const book = new AddressBook(parseTrustedProxies(['10.0.0.0/8', '2001:db8:1::/48']));

describe('the address of a client', () => {
  it.each([
    ['a peer that is no proxy', '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['a proxy as an IPv4-mapped peer', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['a proxy by another spelling', '2001:DB8:1:0::5%eth0', '203.0.113.9', '203.0.113.9'],
    ['what a client put in front', '10.0.0.1', '10.9.9.9, 198.51.100.66, 203.0.113.9', '203.0.113.9'],
    ['garbage in front', '10.0.0.1', '%00,\\,, , 203.0.113.9', '203.0.113.9'],
    ['garbage from the proxy', '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['numbers that C libraries take for addresses', '10.0.0.1', '3405803785', '10.0.0.1'],
  ])('is read with %s', (...[, peer, forwardedFor, expected]) => {
    expect(clientAddress(book.find(peer), forwardedFor, book)?.address).toBe(expected);
  });

  it('is not looked for behind more hops than a chain of proxies has', () => {
    const hops = ['203.0.113.9', ...Array.from({ length: 100 }, () => '10.0.0.1')];
    expect(clientAddress(book.find('10.0.0.1'), hops.join(','), book)?.address).toBe('10.0.0.1');
  });
});
