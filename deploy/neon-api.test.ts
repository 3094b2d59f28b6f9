/** The client of Neon's API against a server that answers as Neon documents. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { API_KEY, NeonApiStandIn, PASSWORD, PROJECT_ID } from '../test/support/neon-api.ts';
import { NeonApi, NeonApiError } from './neon-api.ts';

let server: NeonApiStandIn;
let api: NeonApi;
let pauses: number[];

beforeEach(async () => {
  server = await NeonApiStandIn.start();
  pauses = [];
  let nowMs = 0;
  api = new NeonApi({
    apiKey: API_KEY,
    projectId: PROJECT_ID,
    url: server.url,
    now: () => nowMs,
    sleep: async (ms) => {
      pauses.push(ms);
      nowMs += ms;
    },
  });
});
afterEach(() => server.stop());

describe('a branch', () => {
  it('is made from the default one with a compute, waited for, and found the next time', async () => {
    server.initFor = 3;
    const made = await api.ensureBranch('p/one', null);
    expect(made).toMatchObject({ name: 'p/one', current_state: 'ready' });
    expect(await api.ensureBranch('p/one', null)).toMatchObject({ id: made.id });
    expect(server.requests.filter((line) => line === 'POST /branches')).toHaveLength(1);
    expect(server.branches.get(made.id)?.endpoints).toEqual([{ id: expect.any(String), type: 'read_write' }]);
    expect(pauses).toEqual([500, 1_000, 2_000]);
  });

  it('is copied from the branch that is named, by name or by id', async () => {
    const staging = server.addBranch('staging');
    const byName = await api.ensureBranch('p/one', 'staging');
    const byId = await api.ensureBranch('p/two', staging.id);
    expect([byName.parent_id, byId.parent_id]).toEqual([staging.id, staging.id]);
    await expect(api.ensureBranch('p/three', 'nowhere')).rejects.toThrow('no branch nowhere');
    expect(server.names()).toEqual(['p/one', 'p/two', 'production', 'staging']);
  });

  it('that was left without a compute gets one', async () => {
    const branch = server.addBranch('p/one');
    await api.ensureBranch('p/one', null);
    expect(branch.endpoints).toEqual([{ id: expect.any(String), type: 'read_write' }]);
    expect(await api.connectionUri(branch.id)).toBe(
      `postgresql://neondb_owner:${PASSWORD}@ep-${branch.id}.eu-central-1.aws.neon.invalid/neondb?sslmode=require&channel_binding=require`,
    );
  });

  it('is made once when the answer to its making is lost', async () => {
    for (const status of [0, 500, 503]) {
      const name = `p/${status}`;
      server.faults.push({ on: 'POST /branches', when: 'after', status, times: 1 });
      await api.ensureBranch(name, null);
      expect(server.names().filter((one) => one === name)).toHaveLength(1);
    }
  });

  it('is told from others whose names only hold its own', async () => {
    server.addBranch('p/one-more');
    server.addBranch('also-p/one');
    expect(await api.findBranch('p/one')).toBeNull();
    expect((await api.listBranches('p/')).map(({ name }) => name)).toEqual(['p/one-more']);
  });

  it('is found among more than a page', async () => {
    for (let i = 0; i < 250; i++) server.addBranch(`p/${i}`);
    expect(await api.listBranches('p/')).toHaveLength(250);
    expect(await api.findBranch('p/249')).not.toBeNull();
  });

  it('is not waited for without end', async () => {
    server.initFor = Number.POSITIVE_INFINITY;
    await expect(api.ensureBranch('p/one', null)).rejects.toThrow('still init');
  });
});

describe('deleting', () => {
  it('removes the branch, and nothing when it is gone', async () => {
    server.addBranch('p/one');
    await api.deleteBranch('p/one');
    await api.deleteBranch('p/one');
    expect(server.names()).toEqual(['production']);
  });

  it('counts as done when the answer was lost', async () => {
    server.addBranch('p/one');
    server.faults.push({ on: 'DELETE', when: 'after', status: 500, times: 1 });
    await api.deleteBranch('p/one');
    expect(server.names()).toEqual(['production']);
  });

  it('refuses the default branch and a protected one', async () => {
    server.addBranch('p/kept', { protected: true });
    await expect(api.deleteBranch('production')).rejects.toThrow('no preview');
    await expect(api.deleteBranch('p/kept')).rejects.toThrow('no preview');
    expect(server.requests.some((line) => line.startsWith('DELETE'))).toBe(false);
  });
});

describe('a project that is busy or in trouble', () => {
  it('is asked again, with growing pauses', async () => {
    server.lockedFor = 4;
    await api.ensureBranch('p/one', null);
    await api.ensureBranch('p/two', null);
    expect(pauses).toEqual([500, 500, 1_000, 2_000, 4_000, 500]);
    server.lockedFor = 0;
    server.faults.push({ on: 'GET /branches', when: 'before', status: 429, times: 1 });
    expect(await api.findBranch('p/one')).not.toBeNull();
  });

  it('is given up in the end, with what it says', async () => {
    server.faults.push({ on: 'GET /branches', when: 'before', status: 503, times: 1_000 });
    await expect(api.findBranch('p/one')).rejects.toThrow('GET /branches: 503 a fault before');
  });

  it('is not asked again after an error that stays', async () => {
    const stranger = new NeonApi({ apiKey: 'wrong', projectId: PROJECT_ID, url: server.url });
    await expect(stranger.findBranch('x')).rejects.toThrow(NeonApiError);
    await expect(stranger.findBranch('x')).rejects.toThrow('401 The credentials');
    expect(server.requests).toHaveLength(2);
  });

  it('says when it has no database, or can’t be reached', async () => {
    server.databases = [];
    const { id } = server.addBranch('p/one');
    await expect(api.connectionUri(id)).rejects.toThrow('no database');
    const nowhere = new NeonApi({ apiKey: API_KEY, projectId: PROJECT_ID, url: 'http://127.0.0.1:1' });
    await expect(nowhere.findBranch('x')).rejects.toThrow('out of reach');
  });
});
