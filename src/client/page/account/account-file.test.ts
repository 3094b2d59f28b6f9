/** The account's download and its deletion, as far as they need no page. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deleteAll } from './deletion.ts';
import { fetchExport, isWhole, sizeOf } from './download.ts';

const WHOLE = '{"format":"backbeat-account-1","strudels":[],"is_complete":true}\n';

describe('a download', () => {
  afterEach(() => vi.unstubAllGlobals());
  const serve = (body: BodyInit, status = 200) =>
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status })));

  it('is whole by how it ends', async () => {
    expect(await isWhole(new Blob([WHOLE]))).toBe(true);
    for (let length = 0; length < WHOLE.length - 1; length++) {
      expect(await isWhole(new Blob([WHOLE.slice(0, length)])), String(length)).toBe(false);
    }
  });

  it('that broke off inside of a text which says that it is whole, isn’t', async () => {
    const code = JSON.stringify({ code: ',"is_complete":true}' });
    for (let length = 0; length <= code.length; length++) {
      expect(await isWhole(new Blob([code.slice(0, length)])), code.slice(0, length)).toBe(false);
    }
  });

  it('says how much has come, and is a file in the end', async () => {
    serve(WHOLE);
    const told: number[] = [];
    const file = await fetchExport('token', (bytes) => told.push(bytes));
    expect(await file.text()).toBe(WHOLE);
    expect(told.at(-1)).toBe(WHOLE.length);
  });

  it('that breaks off, early or in the middle, is none', async () => {
    serve(WHOLE.slice(0, -5));
    await expect(fetchExport('token', () => {})).rejects.toThrow('broke off');
    let pulls = 0;
    serve(
      new ReadableStream({
        pull(controller) {
          pulls += 1;
          if (pulls === 1) controller.enqueue(new TextEncoder().encode(WHOLE.slice(0, 10)));
          else controller.error(new Error('connection reset'));
        },
      }),
    );
    await expect(fetchExport('token', () => {})).rejects.toThrow('broke off');
  });

  it('that the server refuses says why', async () => {
    serve(JSON.stringify({ error: 'unauthorized', message: 'the token is not valid' }), 401);
    await expect(fetchExport('token', () => {})).rejects.toMatchObject({ status: 401 });
  });

  it('has a size for people', () => {
    expect([1, 1_001, 999_999, 3_420_000].map(sizeOf)).toEqual(['1 kB', '2 kB', '1000 kB', '3.4 MB']);
  });
});

describe('a deletion', () => {
  const server = (replies: number[]) => () => Promise.resolve(replies.shift() ?? 0);

  it('asks until nothing remains, and tells what does', async () => {
    const told: number[] = [];
    await deleteAll(server([12, 4, 0, 99]), (remaining) => told.push(remaining));
    expect(told).toEqual([12, 4]);
  });

  it('gives up when it gets nowhere', async () => {
    let asked = 0;
    const stuck = () => {
      asked += 1;
      return Promise.resolve(3);
    };
    await expect(deleteAll(stuck, () => {})).rejects.toThrow('3 sessions could not be deleted yet');
    expect(asked).toBe(6);
  });

  it('stops at an error, and can be gone on with', async () => {
    let isDown = true;
    const ask = () => (isDown ? Promise.reject(new Error('out of reach')) : Promise.resolve(0));
    await expect(deleteAll(ask, () => {})).rejects.toThrow('out of reach');
    isDown = false;
    await deleteAll(ask, () => {});
  });
});
