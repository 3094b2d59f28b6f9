import { describe, expect, it } from 'vitest';
import { countedPerson } from './counted-person.ts';

const SECRET = 'a secret of some length';
const someone = { userId: null, address: '203.0.113.7', connectionId: 'c1' };

describe('who is counted', () => {
  it('is the user, wherever they are', async () => {
    expect(await countedPerson({ ...someone, userId: 'u1' }, SECRET)).toEqual({ kind: 'user', id: 'u1' });
  });

  it('is the address of an anonymous person, whatever the connection, and never in clear', async () => {
    const person = await countedPerson(someone, SECRET);
    const id = expect.stringMatching(/^[0-9a-f]{32}$/);
    expect(person).toEqual({ kind: 'anonymous', id, siteId: id });
    expect(await countedPerson({ ...someone, connectionId: 'c2' }, SECRET)).toEqual(person);
    expect(await countedPerson({ ...someone, address: '203.0.113.8' }, SECRET)).not.toEqual(person);
    expect(await countedPerson(someone, 'another secret')).not.toEqual(person);
  });

  it('is the site, too, of which one has thousands of networks', async () => {
    const of = (address: string) => countedPerson({ ...someone, address }, SECRET);
    const [one, other, elsewhere] = [
      await of('2001:db8:1:1::1'),
      await of('2001:db8:1:2::1'),
      await of('2001:db8:2::1'),
    ];
    expect(one.id).not.toBe(other.id);
    expect(one).toMatchObject({ siteId: other.kind === 'anonymous' && other.siteId });
    expect(elsewhere).not.toMatchObject({ siteId: other.kind === 'anonymous' && other.siteId });
  });

  it('is the connection where no address is known', async () => {
    const unknown = { ...someone, address: null };
    expect(await countedPerson(unknown, SECRET)).toEqual(await countedPerson(unknown, SECRET));
    expect(await countedPerson({ ...unknown, connectionId: 'c2' }, SECRET)).not.toEqual(
      await countedPerson(unknown, SECRET),
    );
  });
});
