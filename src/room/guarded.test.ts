/** What a room answers when something fails unexpectedly. */
import { afterEach, expect, it, vi } from 'vitest';
import { guarded } from './guarded.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('an unexpected error says nothing to the caller, and its message is not logged', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'warn').mockImplementation((line: string) => void lines.push(line));
  const response = await guarded('id', () =>
    Promise.reject(new TypeError('connect ECONNREFUSED db.internal:5432 with password')),
  );
  expect(response.status).toBe(500);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await response.json()).toEqual({ error: 'server_error', message: expect.any(String) });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('TypeError at ');
  expect(lines[0]).not.toContain('internal:5432');
});
