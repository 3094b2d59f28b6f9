/** Public strudels: found, forked with credit, counted, and what their authors say about the AI. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saysNoAi } from '../../src/protocol/ai-signals.ts';
import { type Api, startApi } from '../support/api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api?.stop();
});

const plain = { title: 'Beat', code: 's("bd sd")', is_public: true };

/** Somebody with an account of this name. */
async function author(name: string) {
  const token = await api.userToken(randomUUID(), { name });
  return {
    token,
    async save(over: object = {}) {
      const { status, json } = await api.call('/api/v1/strudels', { body: { ...plain, ...over }, token });
      expect([status, json.message]).toEqual([201, undefined]);
      return json;
    },
    change: (id: string, body: object) => api.call(`/api/v1/strudels/${id}`, { method: 'PUT', body, token }),
    remove: (id: string) => api.call(`/api/v1/strudels/${id}`, { method: 'DELETE', token }),
  };
}

const open = async (path: string) => {
  const { status, json } = await api.call(`/api/v1/public/strudels${path}`);
  expect([path, status]).toEqual([path, 200]);
  return json;
};
const titles = async (query: string) =>
  (await open(query)).strudels.map(({ title }: { title: string }) => title);

describe('the list', () => {
  it('is found by words of the title, the description, the tags and the author’s name', async () => {
    const word = `w${randomUUID().slice(0, 8)}`;
    const ada = await author(`Ada ${word}`);
    const ben = await author('Ben');
    await ada.save({ title: 'By her name' });
    await ben.save({ title: `In the ${word.toUpperCase()} title`, description: 'slow' });
    await ben.save({ title: 'Described', description: `full of ${word}` });
    await ben.save({ title: 'Tagged', tags: [`x${word}x`] });
    await ben.save({ title: `Hidden ${word}`, is_public: false });
    const all = ['Tagged', 'Described', `In the ${word.toUpperCase()} title`, 'By her name'];
    expect(await titles(`?search=${word}`)).toEqual(all);
    // Each of the words, wherever it is.
    expect(await titles(`?search=slow%20${word}`)).toEqual([all[2]]);
    expect(await titles(`?search=%20${word}%20described%20`)).toEqual(['Described']);
    expect(await titles(`?search=${word}%25`)).toEqual([]);
    const { pagination } = await open(`?search=${word}&limit=3&offset=1`);
    expect(pagination).toEqual({ limit: 3, offset: 1, total: 4, has_more: false });
  });

  it('is found by tags, all of those that are named', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const ada = await author('Ada');
    await ada.save({ title: 'one', tags: [a] });
    await ada.save({ title: 'both', tags: [b, a] });
    expect(await titles(`?tags=${a}`)).toEqual(['both', 'one']);
    expect(await titles(`?tags=${a},%20${b},`)).toEqual(['both']);
    expect(await titles(`?tags=${a}&search=one`)).toEqual(['one']);
    expect((await api.call(`/api/v1/public/strudels?tags=${'x'.repeat(51)}`)).status).toBe(400);
  });

  it('names the tags, those of most strudels first', async () => {
    const fresh = await startApi({}, 'embedded');
    try {
      const token = await fresh.userToken();
      for (const [tags, is_public] of [
        [['a', 'b'], true],
        [['b'], true],
        [['b', 'c'], false],
      ] as const) {
        await fresh.call('/api/v1/strudels', { body: { ...plain, tags, is_public }, token });
      }
      const { json } = await fresh.call('/api/v1/public/strudels/tags');
      expect(json).toEqual({ tags: ['b', 'a'], counts: [2, 1] });
    } finally {
      await fresh.stop();
    }
  });

  it('has public ones only, and asks for no token, not even a good one', async () => {
    const ada = await author('Ada');
    const hidden = await ada.save({ is_public: false });
    const shown = await ada.save();
    for (const token of [null, ada.token, 'x.y.z']) {
      const statuses = [];
      for (const path of [
        `/${shown.id}`,
        `/${shown.id}/stats`,
        `/${hidden.id}`,
        `/${hidden.id}/stats`,
        '',
        '/tags',
      ]) {
        statuses.push((await api.call(`/api/v1/public/strudels${path}`, { token })).status);
      }
      expect(statuses).toEqual([200, 200, 404, 404, 200, 200]);
    }
    expect((await api.call('/api/v1/public/strudels/nonsense')).status).toBe(400);
  });
});

describe('a fork', () => {
  it('says what it was made from, and still does when that is gone', async () => {
    const ada = await author('Ada');
    const ben = await author('Ben');
    const licence = { license: 'CC BY-SA 4.0', cc_signal: 'cc-cr' };
    const parent = await ada.save({ title: 'First', ...licence });
    const fork = await ben.save({ title: 'Mine', forked_from: parent.id });
    const credit = { forked_from_title: 'First', forked_from_author: 'Ada', parent_cc_signal: 'cc-cr' };
    expect(fork).toMatchObject({ forked_from: parent.id, author_name: 'Ben', ...credit });
    expect(await open(`/${parent.id}`)).toMatchObject({ ...licence, author_name: 'Ada', no_ai: false });
    expect((await open(`/${parent.id}/stats`)).stats.fork_count).toBe(1);
    await ada.change(parent.id, { cc_signal: 'cc-op', title: 'Renamed' });
    expect(await open(`/${fork.id}`)).toMatchObject({ ...credit, parent_cc_signal: 'cc-op' });
    await ada.remove(parent.id);
    const orphan = await open(`/${fork.id}`);
    expect(orphan).toMatchObject(credit);
    expect(orphan).not.toHaveProperty('forked_from');
    // One that is named later gets its credit, too.
    const other = await ada.save({ title: 'Other' });
    const { json } = await ben.change(fork.id, { forked_from: other.id });
    expect(json).toMatchObject({ forked_from: other.id, forked_from_title: 'Other' });
  });
});

describe('a fork whose parent is gone when it is saved', () => {
  const origin = async (over: object = {}) => {
    const ada = await author('Ada');
    const parent = await ada.save({ title: 'First', cc_signal: 'cc-cr', ...over });
    const named = { forked_from: parent.id };
    const said = {
      forked_from_title: 'First',
      forked_from_author: 'Ada',
      parent_cc_signal: parent.cc_signal,
    };
    return { ada, ben: await author('Ben'), parent, named, said, all: { ...named, ...said } };
  };

  it('is saved, with what its maker knew of it', async () => {
    const { ada, ben, parent, named, said, all } = await origin();
    await ada.remove(parent.id);
    const fork = await ben.save(all);
    expect(fork).toMatchObject({ ...said, no_ai: false });
    expect(fork).not.toHaveProperty('forked_from');
    // A client that knows of no such fields loses no work either.
    const bare = await ben.save(named);
    expect(bare).not.toHaveProperty('forked_from_title');
    // The same for what is there already.
    const { status, json } = await ben.change(fork.id, { ...named, title: 'Again' });
    expect([status, json.title]).toEqual([200, 'Again']);
    expect(json).toMatchObject(said);
    expect((await ben.change(bare.id, all)).json).toMatchObject(said);
  });

  it('says what its parent says, not what its maker says of it, as long as that is there', async () => {
    const { ada, ben, parent, named, said } = await origin();
    const lies = { forked_from_title: 'Mine', forked_from_author: 'Ben', parent_cc_signal: 'cc-op' };
    const fork = await ben.save({ ...named, ...lies });
    expect(fork).toMatchObject({ ...named, ...said });
    expect((await ben.change(fork.id, { ...named, ...lies })).json).toMatchObject({ ...named, ...said });
    // Nor does anything count of what isn't made from another.
    expect(await ben.save(lies)).not.toHaveProperty('forked_from_title');
    // One that isn't public any more stays the parent of what was made from it, and becomes none of others.
    await ada.change(parent.id, { is_public: false });
    expect((await ben.change(fork.id, named)).json).toMatchObject({ ...named, ...said });
    expect(await ben.save(named)).not.toHaveProperty('forked_from');
    // What is made from something else that is gone says nothing of this one.
    const other = await ben.change(fork.id, { forked_from: randomUUID(), forked_from_title: 'Lost' });
    expect(other.json).toMatchObject({ forked_from_title: 'Lost' });
    expect(other.json).not.toHaveProperty('forked_from_author');
  });

  it('keeps “no AI”', async () => {
    const { ada, ben, parent, all } = await origin({ cc_signal: 'no-ai' });
    await ada.remove(parent.id);
    const fork = await ben.save(all);
    expect(fork.no_ai).toBe(true);
    expect((await ben.change(fork.id, { forked_from: null })).json.no_ai).toBe(true);
  });

  it('is saved while its parent is being deleted', async () => {
    const { ada, ben, parent, all } = await origin();
    const [saved] = await Promise.all([ben.save(all), ada.remove(parent.id)]);
    expect(await open(`/${saved.id}`)).toMatchObject({ forked_from_title: 'First' });
  });
});

describe('“no AI”', () => {
  const SIGNALS = [
    'no-ai',
    'NoAI',
    ' no ai',
    'NO_AI',
    'noai, noimageai',
    'cc-cr',
    'no',
    'CC0',
    'not no-ai',
    '',
  ];
  it.each(SIGNALS)('%j means the same to Postgres as to everybody else', async (cc_signal) => {
    const saved = await (await author('Ada')).save({ cc_signal });
    expect(saved).toMatchObject({ cc_signal, no_ai: saysNoAi(cc_signal) });
    expect(await api.services.strudels.useWithAi([saved.id], null)).toEqual({ isForbidden: saved.no_ai });
  });

  it('is said by five of these', () => {
    expect(SIGNALS.filter(saysNoAi)).toHaveLength(5);
    expect([saysNoAi(null), saysNoAi(undefined)]).toEqual([false, false]);
  });

  it('goes on to what is made from it, whatever becomes of that', async () => {
    const ada = await author('Ada');
    const ben = await author('Ben');
    const noAi = async (id: string) => (await open(`/${id}`)).no_ai;
    const parent = await ada.save({ cc_signal: 'no-ai' });
    const child = await ben.save({ forked_from: parent.id, cc_signal: 'cc-op' });
    const grandchild = await ada.save({ forked_from: child.id });
    expect([await noAi(child.id), await noAi(grandchild.id)]).toEqual([true, true]);
    // Its author may think better of it.
    await ada.change(parent.id, { cc_signal: 'cc-cr' });
    expect(await noAi(child.id)).toBe(false);
    await ada.change(parent.id, { cc_signal: 'no-ai' });
    expect(await noAi(child.id)).toBe(true);
    // But who forked it can't get rid of it.
    expect((await ben.change(child.id, { forked_from: null })).json.no_ai).toBe(true);
    await ada.remove(parent.id);
    expect(await noAi(child.id)).toBe(true);
    expect(await api.services.strudels.useWithAi([randomUUID(), child.id], null)).toEqual({
      isForbidden: true,
    });
    expect(await api.services.strudels.useWithAi([randomUUID()], null)).toBeNull();
  });
});

describe('uses', () => {
  const statsOf = async (id: string) => (await open(`/${id}/stats`)).stats;
  const userId = async () =>
    (await api.services.people.upsertUser({ subject: randomUUID(), name: 'Cat', avatarUrl: null })).id;
  /** As if the last uses had been a while ago. */
  const later = () =>
    api.db.execute(sql`update strudel_uses set last_used_at = last_used_at - interval '1 hour'`);

  it('are counted once in ten minutes of each user, and once of all without an account', async () => {
    const ada = await author('Ada');
    const { id, user_id } = await ada.save();
    const none = { total_uses: 0, unique_users: 0, fork_count: 0 };
    expect(await statsOf(id)).toEqual(none);
    const { strudels } = api.services;
    const [cat, dan] = [await userId(), await userId()];
    expect((await strudels.use(id, user_id))?.strudel.id).toBe(id);
    expect(await statsOf(id)).toEqual(none);
    for (const who of [cat, cat, dan, null, null]) expect((await strudels.use(id, who))?.strudel.id).toBe(id);
    const once = { ...none, total_uses: 3, unique_users: 2 };
    expect(await statsOf(id)).toEqual({ ...once, last_used_at: expect.any(String) });
    await later();
    for (const who of [cat, null, null]) await strudels.useWithAi([id], who);
    expect(await statsOf(id)).toMatchObject({ total_uses: 5, unique_users: 2 });
    await Promise.all(Array.from({ length: 5 }, () => strudels.use(id, null)));
    expect((await statsOf(id)).total_uses).toBe(5);
  });

  it('are none of a strudel that isn’t public, or must not be given to the AI', async () => {
    const ada = await author('Ada');
    const hidden = await ada.save({ is_public: false });
    const cat = await userId();
    expect(await api.services.strudels.use(hidden.id, cat)).toBeNull();
    await api.services.strudels.useWithAi([hidden.id], cat);
    const refused = await ada.save({ cc_signal: 'no-ai' });
    const other = await ada.save();
    await api.services.strudels.useWithAi([refused.id, other.id], cat);
    await ada.change(hidden.id, { is_public: true });
    for (const { id } of [hidden, refused, other]) expect((await statsOf(id)).total_uses).toBe(0);
  });
});
