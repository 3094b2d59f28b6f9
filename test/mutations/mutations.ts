/**
 * For each promise, and for each known way in which a write-behind buffer loses data: a code line
 * that keeps it, how to break that line, and the test that has to fail then. `docs/reliability.md`
 * shows them as a table.
 */

export interface Mutation {
  /** A promise by its number, or a known loss by its letter, as `docs/reliability.md` names them. */
  keeps: string;
  /** What is broken, in words. */
  breaks: string;
  /** From the project's folder. */
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
  /** The smallest test that has to fail. */
  caughtBy: { file: string; title: string };
}

const unit = (path: string) => `${path}.test.ts`;
const integration = (name: string) => `test/integration/${name}.test.ts`;

export const MUTATIONS: readonly Mutation[] = [
  {
    keeps: '1',
    breaks: 'the room acknowledges before it has asked the store to commit',
    file: 'src/room/document/commit-queue.ts',
    find: '      const result = await repository.commit(commit);\n',
    replace: '      this.#acknowledge(batch);\n      const result = await repository.commit(commit);\n',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'acknowledges only after the commit is confirmed',
    },
  },
  {
    keeps: '1',
    breaks: 'a batch whose commit failed is dropped',
    file: 'src/room/document/commit-queue.ts',
    find: '      this.#pending = joinBatches(batch, this.#pending);\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'keeps a failed batch, says so, and commits it with what came since',
    },
  },
  {
    keeps: '1',
    breaks: 'a room takes a resent edit for a new one',
    file: 'src/room/document/document.ts',
    find: "    if (this.receipts.has(key, edit)) return { outcome: 'duplicate' };\n",
    replace: '',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'of a committed edit is acknowledged under its old revision and changes nothing',
    },
  },
  {
    keeps: '1',
    breaks: 'a participant’s edit counts as a resend of another’s, whose client has the same id',
    file: 'src/room/document/document.ts',
    find: 'const key = receiptKey(edit.participantId, edit.connectionId);',
    replace: "const key = receiptKey('', edit.connectionId);",
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'by another participant under the same client id is an edit of their own',
    },
  },
  {
    keeps: '1',
    breaks: 'receipts are not committed with their edits',
    file: 'src/room/document/durability.ts',
    find: 'receipts: isWhole ? document.receipts.all() : document.receipts.changed(),',
    replace: 'receipts: {}, transport: null,',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'contains what the batch has, and what changed of the receipts',
    },
  },
  {
    keeps: '1',
    breaks: 'receipts count as stored before a store has confirmed them',
    file: 'src/room/document/receipts.ts',
    find: '    return Object.fromEntries([...this.#changed].map((key) => [key, this.#byKey.get(key) ?? null]));\n',
    replace:
      '    const changed = [...this.#changed].map((key) => [key, this.#byKey.get(key) ?? null]);\n    this.#changed.clear();\n    return Object.fromEntries(changed);\n',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'has the receipts of an earlier one that was not confirmed',
    },
  },
  {
    keeps: '1',
    breaks: 'a room takes the receipts for its own that the buffer has with the code of another instance',
    file: 'src/room/document/durability.ts',
    find: 'isBehind || this.#inBuffer === null || termOf(this.#inBuffer.rev) !== this.#term;',
    replace: 'isBehind;',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'brings all receipts in the stead of the buffer’s until the buffer has taken code of this term',
    },
  },
  {
    keeps: '1',
    breaks: 'a room adds its receipts to those of code that its own isn’t made from',
    file: 'src/room/document/durability.ts',
    find: 'replacesReceipts: isWhole,',
    replace: 'replacesReceipts: false,',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'brings all receipts in the stead of the buffer’s until the buffer has taken code of this term',
    },
  },
  {
    keeps: '1',
    breaks: 'a buffer that is behind is given only the receipts that changed',
    file: 'src/room/document/durability.ts',
    find: 'isWhole ? document.receipts.all() : document',
    replace: 'document',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'carries the whole code and all receipts, whatever else it is for',
    },
  },
  {
    keeps: '1',
    breaks: 'a buffer that is behind counts as current once its messages are flushed, and lacks receipts',
    file: 'src/room/document/durability.ts',
    find: "reached.isBehind ? { kind: 'on_postgres', isStandIn: false } : { kind: 'buffered' }",
    replace: "{ kind: 'buffered' }",
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'is still behind once all is flushed, where the buffer has been given nothing',
    },
  },
  {
    keeps: '1',
    breaks: 'edits that a dead room had taken go to the next as one, under the number of the last',
    file: 'src/client/sdk/shared-document.ts',
    find: '      if (clientSeq === null || clientSeq <= has) continue;\n',
    replace: '      if (clientSeq !== this.#clientSeq || clientSeq <= has) continue;\n',
    caughtBy: {
      file: unit('src/client/sdk/shared-document'),
      title: 'what a room between had not, and the next has after all, is there once',
    },
  },
  {
    keeps: '1',
    breaks: 'the client takes what it has sent for received when the connection is lost',
    file: 'src/client/sdk/shared-document.ts',
    find: '    for (const edit of this.#pending) edit.isInFlight = false;\n',
    replace: '',
    caughtBy: {
      file: unit('src/client/sdk/shared-document'),
      title: 'what the room has is not sent again; what it lacks is, once, each under its number',
    },
  },
  {
    keeps: '1',
    breaks: 'receipts stay in the buffer with code that is not taken',
    file: 'src/redis/scripts/commit.lua',
    find: 'local forgotten = {}\nif is_newer then\n',
    replace: 'local forgotten = {}\nif true then\n',
    caughtBy: {
      file: integration('buffer'),
      title: 'keeps no receipt of an edit that it does not take',
    },
  },
  {
    keeps: '1',
    breaks: 'the buffer keeps the receipts of code that was replaced by code which isn’t made from it',
    file: 'src/redis/scripts/commit.lua',
    find: "  if ARGV[16] == '1' then\n",
    replace: '  if false then\n',
    caughtBy: {
      file: integration('buffer'),
      title: 'of code that is not made from the buffer’s forgets the receipts of that',
    },
  },
  {
    keeps: '2',
    breaks: 'what plays is forgotten when a session opens from Postgres',
    file: 'src/postgres/sessions.ts',
    find: 'transport: decodeTransport(row), newest };',
    replace: 'transport: null, newest };',
    caughtBy: {
      file: integration('transport'),
      title: 'with the buffer gone too, it is read from Postgres, its code by itself',
    },
  },
  {
    keeps: '2',
    breaks: 'what plays is not written to Postgres where it stands in',
    file: 'src/postgres/write-sessions.ts',
    find: 'played_code = case when j.is_newer then j.played else s.played_code end',
    replace: 'played_code = s.played_code',
    caughtBy: { file: integration('transport'), title: 'without the buffer, Postgres takes it' },
  },
  {
    keeps: '2',
    breaks: 'the buffer is not told that nothing plays any more',
    file: 'src/redis/session-buffer.ts',
    find: 'if (!code || (isOnBase && hasSameTransport(code))) return',
    replace: 'if (!code?.transport || (isOnBase && hasSameTransport(code))) return',
    caughtBy: {
      file: integration('transport'),
      title: 'a stop is told to the buffer, too',
    },
  },
  {
    keeps: '1',
    breaks: 'receipts are stored in Postgres with code that is refused as older',
    file: 'src/postgres/write-sessions.ts',
    find: 'case when j.is_newer then j.receipts::jsonb else s.receipts end',
    replace: 'coalesce(j.receipts::jsonb, s.receipts)',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'refuses code of an earlier term, however many edits that room made',
    },
  },
  {
    keeps: '1',
    breaks: 'receipts are lost when a session opens from Postgres',
    file: 'src/postgres/sessions.ts',
    find: 'receipts: decodeReceipts(row.receipts),',
    replace: 'receipts: decodeReceipts({}),',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'opens in a term that is greater than that of its code, with the code and its receipts',
    },
  },
  {
    keeps: '2',
    breaks: 'what the buffer has forgotten is not committed again',
    file: 'src/room/document/durability.ts',
    find: "if (error instanceof CommitsLostError) this.#standing = { kind: 'lost' };",
    replace: "if (error instanceof CommitsLostError) this.#standing = { kind: 'buffered' };",
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'commits again what may not be in Postgres',
    },
  },
  {
    keeps: '2',
    breaks: 'a commit after a loss carries the batch alone',
    file: 'src/room/document/durability.ts',
    find: "messages: kind === 'lost' ? unflushed : batch.messages,",
    replace: 'messages: batch.messages,',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'carries everything that Postgres may lack into the buffer again, the tail included',
    },
  },
  {
    keeps: '2',
    breaks: 'what is committed again counts as there before that is confirmed',
    file: 'src/room/document/durability.ts',
    find: "{ kind: 'unavailable', before: this.#reached };",
    replace: "{ kind: 'unavailable', before: { kind: 'buffered' } };",
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'commits all of it again until that is confirmed: an answer may be lost too',
    },
  },
  {
    keeps: '2',
    breaks: 'what a buffer that lost something calls flushed is believed',
    file: 'src/room/document/durability.ts',
    find: "if (reached.kind === 'lost' || state.lastCommit < asOf.expectedLast) {",
    replace: "if (reached.kind === 'lost') {",
    caughtBy: {
      file: unit('src/room/document/flush-control'),
      title:
        'a flush that finds the buffer as it was before the last commit makes the room commit again what Postgres may lack',
    },
  },
  {
    keeps: '2',
    breaks: 'what was committed during a flush counts as flushed',
    file: 'src/room/document/durability.ts',
    find: 'state.isDirty || this.#commits > asOf.commits;',
    replace: 'state.isDirty;',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'is that Postgres has all of it, if nothing was committed since',
    },
  },
  {
    keeps: '2',
    breaks: 'older code is left in the buffer by a room that started from newer',
    file: 'src/room/document/durability.ts',
    find: '    if (isBehind) batch.code ??= document.version(0);\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'commits the code along, where the buffer holds older one',
    },
  },
  {
    keeps: '2',
    breaks: 'when the buffer fails, Postgres is given the batch alone',
    file: 'src/room/document/durability.ts',
    find: 'null, messages: unflushed },',
    replace: 'null, messages: batch.messages },',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'carries all that Postgres may lack as its tail, also what an earlier room left',
    },
  },
  {
    keeps: '2',
    breaks: 'when the buffer fails, messages go to Postgres without the code that only the buffer has',
    file: 'src/room/document/durability.ts',
    find: 'const isUnflushed = document.rev > this.#flushedRev;',
    replace: 'const isUnflushed = batch.code !== null;',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'messages alone take the code along that only the buffer had',
    },
  },
  {
    keeps: '2',
    breaks: 'a room that doesn’t hold all that Postgres may lack falls back all the same',
    file: 'src/room/document/durability.ts',
    find: "tail: kind === 'partial' ? null : {",
    replace: 'tail: {',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'has no tail: not all that Postgres may lack is known',
    },
  },
  {
    keeps: '2',
    breaks: 'a commit without its whole tail goes to Postgres',
    file: 'src/write-behind/buffered-repository.ts',
    find: 'if (commit.tail === null) {',
    replace: 'if (commit.sessionId === null) {',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'never goes to Postgres without its whole tail',
    },
  },
  {
    keeps: '2',
    breaks: 'a room accepts edits before it has flushed what it can’t hold',
    file: 'src/room/document/hosted-session.ts',
    find: '    if (opened.isPartial) await live.flush();\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/hosted-session'),
      title: 'beyond what a room may hold is flushed before it accepts anything',
    },
  },
  {
    keeps: '2',
    breaks: 'what is marked after a restored backup counts as flushed',
    file: 'src/redis/scripts/peek.lua',
    find: ' and not held[5]',
    replace: '',
    caughtBy: {
      file: integration('bounds'),
      title: 'what the buffer still holds is written again, clean sessions too',
    },
  },
  {
    keeps: '2',
    breaks: 'a flush counts as complete though another transaction held the row',
    file: 'src/write-behind/flusher.ts',
    find: ' && summary.busy === 0',
    replace: '',
    caughtBy: {
      file: unit('src/write-behind/flusher'),
      title: 'isn’t complete when another transaction holds the row',
    },
  },
  {
    keeps: '2',
    breaks: 'what a room finds in the buffer is not recorded to be there',
    file: 'src/write-behind/buffered-repository.ts',
    find: "source: isDirty ? 'buffer' : source }",
    replace: 'source }',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'says that the buffer has what Postgres lacks, though the record said that all was flushed',
    },
  },
  {
    keeps: '2',
    breaks: 'a room believes a buffer that has gone back to something older',
    file: 'src/write-behind/buffered-repository.ts',
    find: 'const hasLost = buffered.lastCommit < (record?.lastCommit ?? 0);',
    replace: 'const hasLost = false;',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'takes the newer code where the buffer has gone back to something older',
    },
  },
  {
    keeps: '2',
    breaks: 'a room goes on from the buffer though the newest is in Postgres',
    file: 'src/write-behind/buffered-repository.ts',
    find: "if (isCurrent && (source === 'buffer' || source === 'clean')) {",
    replace: 'if (isCurrent) {',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'takes the newer code where Postgres stood in last',
    },
  },
  {
    keeps: '2',
    breaks: 'a room acknowledges before it has recorded where the session can be found',
    file: 'src/room/document/commit-queue.ts',
    find: 'const steps = [this.#ports.armAlarm(), this.#durability.confirmed(commit, result)];',
    replace:
      'const steps = [this.#ports.armAlarm()];\n      void this.#durability.confirmed(commit, result);',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'acknowledges only once it is recorded where the next instance finds the session',
    },
  },
  {
    keeps: '2',
    breaks: 'a room acknowledges though no alarm is set that flushes it',
    file: 'src/room/document/commit-queue.ts',
    find: 'const steps = [this.#ports.armAlarm(), ',
    replace: 'void this.#ports.armAlarm().catch(() => {});\n      const steps = [',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'acknowledges only once an alarm flushes it, whatever becomes of this instance',
    },
  },
  {
    keeps: '2',
    breaks: 'a commit is followed by the next before it is recorded, when its alarm has failed',
    file: 'src/room/document/commit-queue.ts',
    find: "for (const step of await Promise.allSettled(steps)) if (step.status === 'rejected') throw step.reason;",
    replace: 'await Promise.all(steps);',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'commits nothing more before a slow record is through, though the alarm has failed already',
    },
  },
  {
    keeps: '2',
    breaks: 'without the buffer a room starts from Postgres, whatever may be in the buffer',
    file: 'src/write-behind/buffered-repository.ts',
    find: "const isInPostgres = source === 'postgres' || source === 'clean';",
    replace: 'const isInPostgres = true;',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'starts from Postgres only what Postgres is known to hold',
    },
  },
  {
    keeps: '2',
    breaks: 'nobody is asked when the buffer fails',
    file: 'src/write-behind/buffered-repository.ts',
    find: '        if (!(error instanceof StorageUnavailableError)) throw error;\n        failure = error;\n',
    replace: '        throw error;\n',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'goes to Postgres whole when the buffer fails',
    },
  },
  {
    keeps: '2',
    breaks: 'a room that finds its session dirty leaves it at that',
    file: 'src/room/document/hosted-session.ts',
    find: '    if (opened.isDirty && !byAlarm) await live.armAlarm();\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/hosted-session'),
      title: 'has an alarm set, as the one of an earlier instance may be lost with it',
    },
  },
  {
    keeps: '2',
    breaks: 'the last flush makes the buffer’s copy the newest, though Postgres stood in since',
    file: 'src/room/document/durability.ts',
    find: "this.#reached.kind === 'buffered' ? 'clean' : 'postgres'",
    replace: "'clean'",
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'a flush of what the buffer had besides doesn’t make its copy the newest',
    },
  },
  {
    keeps: '2',
    breaks: 'a slow record that all is flushed hides a commit that came meanwhile',
    file: 'src/room/document/durability.ts',
    find: '    this.#source = source;\n    try {\n      await this.#ports.record({ source, lastCommit: this.#lastCommit });\n',
    replace:
      '    try {\n      await this.#ports.record({ source, lastCommit: this.#lastCommit });\n      this.#source = source;\n',
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'is the later of two, though the earlier is slow to be recorded',
    },
  },
  {
    keeps: '2',
    breaks: 'what a replaced room wrote late to Postgres goes over what the next one shows',
    file: 'src/room/document/live-session.ts',
    find: '    if (rev <= this.#document.rev) return;\n',
    replace: '    if (rev > 0) return;\n',
    caughtBy: {
      file: unit('src/room/document/live-session'),
      title: 'goes on after what Postgres has, with its own code',
    },
  },
  {
    keeps: '2',
    breaks: 'code that waits for a commit keeps a revision that Postgres has passed',
    file: 'src/room/document/commit-queue.ts',
    find: 'this.#pending.code = this.#document.version(this.#pending.code?.edits ?? 0);',
    replace: 'this.#pending.code ??= this.#document.version(0);',
    caughtBy: {
      file: unit('src/room/document/live-session'),
      title:
        'commits the code under its new revision, though it was to be committed already under the old one',
    },
  },
  {
    keeps: '2',
    breaks: 'the buffer takes a commit though it has lost earlier ones',
    file: 'src/redis/scripts/commit.lua',
    find: 'if last_commit < tonumber(ARGV[4]) then return { 3 } end\n',
    replace: '',
    caughtBy: {
      file: integration('buffer'),
      title: 'is not taken when the buffer has lost earlier ones, be it all of them or only the last',
    },
  },
  {
    keeps: '2',
    breaks: 'an attempt that arrives late counts as the last commit',
    file: 'src/redis/scripts/commit.lua',
    find: 'last_commit = math.max(last_commit, tonumber(ARGV[3]))',
    replace: 'last_commit = tonumber(ARGV[3])',
    caughtBy: {
      file: integration('buffer'),
      title: 'repeated has no second effect, and an older revision changes nothing',
    },
  },
  {
    keeps: '2',
    breaks: 'a dirty session may expire',
    file: 'src/redis/scripts/commit.lua',
    find: "redis.call('PERSIST', KEYS[1])",
    replace: 'KEYS[1] = KEYS[1]',
    caughtBy: {
      file: integration('buffer'),
      title: 'writes what is dirty, then takes it out, and leaves the code readable for a while',
    },
  },
  {
    keeps: '2',
    breaks: 'a dirty session may expire once a room has opened it',
    file: 'src/redis/scripts/open.lua',
    find: "if not is_dirty then redis.call('EXPIRE', KEYS[1], ARGV[3]) end",
    replace: "redis.call('EXPIRE', KEYS[1], ARGV[3])",
    caughtBy: {
      file: integration('buffer'),
      title: 'of a clean session gives its hash a time to live; of a dirty one it gives none',
    },
  },
  {
    keeps: '2',
    breaks: 'a piece is put into another code than that it belongs to',
    file: 'src/redis/scripts/commit.lua',
    find: 'local base = rev == tonumber(base_rev) and redis.call',
    replace: 'local base = redis.call',
    caughtBy: {
      file: integration('buffer'),
      title: 'brings the whole code where something else is there than what it changes',
    },
  },
  {
    keeps: '2',
    breaks: 'great numbers lose digits on their way out of a script',
    file: 'src/redis/scripts/commit.lua',
    find: "type(value) == 'number' and string.format('%.0f', value) or value",
    replace: "'' .. value",
    caughtBy: {
      file: integration('buffer'),
      title: 'keeps great numbers exactly, through all its scripts',
    },
  },
  {
    keeps: '2',
    breaks: 'a settled revision loses digits',
    file: 'src/redis/scripts/settle.lua',
    find: "local function text(value) return string.format('%.0f', value) end",
    replace: "local function text(value) return value .. '' end",
    caughtBy: {
      file: integration('buffer'),
      title: 'keeps great numbers exactly, through all its scripts',
    },
  },
  {
    keeps: '2',
    breaks: 'a room that finds more than it may hold believes that it holds all',
    file: 'src/redis/scripts/open.lua',
    find: 'is_partial and 1 or 0 }',
    replace: '0 }',
    caughtBy: {
      file: integration('buffer'),
      title: 'leaves out the messages where there are more than the room may hold',
    },
  },
  {
    keeps: '2',
    breaks: 'a full Redis refuses the sweeper its lease',
    file: 'src/redis/scripts/lease.lua',
    find: "redis.pcall('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])",
    replace: "redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])",
    caughtBy: {
      file: integration('bounds'),
      title: 'drains by itself, without the lease if need be, and says what is wrong',
    },
  },
  {
    keeps: '2',
    breaks: 'settling deletes a message that has been placed anew since it was read',
    file: 'src/redis/scripts/settle.lua',
    find: '  return not is_message or text(message.position) == position\n',
    replace: '  return true\n',
    caughtBy: {
      file: integration('buffer'),
      title: 'leaves a message that a later room has placed anew since it was read, until that is written',
    },
  },
  {
    keeps: '2',
    breaks: 'a full Redis refuses to be settled',
    file: 'src/redis/scripts/settle.lua',
    find: '  written = written + left\n',
    replace: "  redis.call('HSET', one.key, 'commits', '0')\n  written = written + left\n",
    caughtBy: {
      file: integration('buffer'),
      title: 'drains a Redis that has no memory left',
    },
  },
  {
    keeps: '2',
    breaks: 'a room writes a part of what was acknowledged to Postgres, which then counts as all',
    file: 'src/postgres/sessions.ts',
    find: "    if (tail === null) throw new TypeError('only a commit with its whole tail can go to Postgres');\n    const [outcome] = await this.#write([{ sessionId, code: tail.code, messages: [...tail.messages] }]);",
    replace:
      '    const [outcome] = await this.#write([\n      { sessionId, code: tail?.code ?? null, messages: [...(tail?.messages ?? [])] },\n    ]);',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'takes nothing of a room that doesn’t know all that Postgres may lack',
    },
  },
  {
    keeps: '2',
    breaks: 'a flush forgets the versions that are still being compressed',
    file: 'src/room/document/live-session.ts',
    find: '    if (this.#packing) await this.#packing;\n    return this.#flushes.flush();\n',
    replace: '    return this.#flushes.flush();\n',
    caughtBy: {
      file: unit('src/room/document/live-session'),
      title: 'are waited for by a flush and by what waits for a commit',
    },
  },
  {
    keeps: '2',
    breaks: 'the next instance takes a version for made that was never committed',
    file: 'src/room/document/live-session.ts',
    find: '      await this.#queue.committed();\n    } catch {\n',
    replace: '    } catch {\n',
    caughtBy: {
      file: unit('src/room/document/live-session'),
      title: 'are committed like messages, told once that has happened, and noted for the next instance',
    },
  },
  {
    keeps: '2',
    breaks: 'the flush takes versions out of the buffer without writing them',
    file: 'src/postgres/versions.ts',
    find: '      left join known_users u on u.id = v.user_id\n      on conflict',
    replace: '      left join known_users u on u.id = v.user_id\n      where false\n      on conflict',
    caughtBy: {
      file: integration('models'),
      title: 'when rooms die, are replaced while they live, and clocks disagree',
    },
  },
  {
    keeps: '3',
    breaks: 'Postgres takes an older revision for newer',
    file: 'src/postgres/write-sessions.ts',
    find: 'coalesce(v.rev > l.code_rev, false)',
    replace: 'v.rev is not null',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'never goes back to an older revision, whatever the order of arrival',
    },
  },
  {
    keeps: '3',
    breaks: 'Postgres takes another code under the same revision',
    file: 'src/postgres/write-sessions.ts',
    find: 'coalesce(v.rev > l.code_rev, false)',
    replace: 'coalesce(v.rev >= l.code_rev, false)',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'takes one code under a revision, and no other under the same',
    },
  },
  {
    keeps: '3',
    breaks: 'a message that is there already is no longer passed over',
    file: 'src/postgres/write-sessions.ts',
    find: '      on conflict (session_id, id) do update\n      set created_at = excluded.created_at, position = excluded.position\n      where session_messages.position < excluded.position\n',
    replace: '',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'changes no row when it is repeated',
    },
  },
  {
    keeps: '3',
    breaks: 'a message that a replaced room wrote late takes back the place that it had there',
    file: 'src/postgres/write-sessions.ts',
    find: '      where session_messages.position < excluded.position\n',
    replace: '',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'keeps the greater position of a message, with its time, whichever comes first',
    },
  },
  {
    keeps: '3',
    breaks: 'the buffer takes an older revision over a newer one',
    file: 'src/redis/scripts/commit.lua',
    find: 'local is_newer = new_rev and new_rev > rev',
    replace: 'local is_newer = new_rev ~= nil',
    caughtBy: {
      file: integration('buffer'),
      title: 'never goes back to an older revision, whatever the order of arrival',
    },
  },
  {
    keeps: '3',
    breaks: 'a flush that ends late brings the flushed revision back',
    file: 'src/redis/scripts/settle.lua',
    find: 'if one.stored_rev and one.stored_rev > flushed then',
    replace: 'if one.stored_rev then',
    caughtBy: {
      file: integration('buffer'),
      title: 'of an older revision than the buffer’s settles that one, and leaves the newer dirty',
    },
  },
  {
    keeps: '4',
    breaks: 'a session’s versions are never thinned',
    file: 'src/postgres/versions.ts',
    find: 'and s.number = c.number and c.freed_before < c.excess',
    replace: 'and s.number = c.number and c.freed_before < -1',
    caughtBy: {
      file: integration('versions-postgres'),
      title: 'never take more than their bound, and what is left is spread over all of the time',
    },
  },
  {
    keeps: '4',
    breaks: 'versions take all that may wait for Postgres, and messages are refused',
    file: 'src/room/document/live-session.ts',
    find: 'const VERSIONS_SHARE = 1 / 2;',
    replace: 'const VERSIONS_SHARE = 2;',
    caughtBy: {
      file: unit('src/room/document/live-session'),
      title: 'leave half of what may wait for Postgres to messages',
    },
  },
  {
    keeps: '4',
    breaks: 'code that is damaged in the buffer fails the whole flush',
    file: 'src/write-behind/flusher.ts',
    find: '    if (!(error instanceof DamagedDataError)) throw error;\n',
    replace: '    throw error;\n',
    caughtBy: {
      file: unit('src/write-behind/flusher'),
      title: 'becomes a dead letter, and the others are flushed: it has no time',
    },
  },
  {
    keeps: '4',
    breaks: 'a large batch is halved again each turn, and no turn gets to its end',
    file: 'src/write-behind/split-writes.ts',
    find: 'triesToNarrowDown(first) > maxTries',
    replace: 'triesToNarrowDown(first) < 0',
    caughtBy: {
      file: unit('src/write-behind/split-writes'),
      title: 'is cut so that its first part can be narrowed down within the tries there are',
    },
  },
  {
    keeps: '4',
    breaks: 'a refused batch is not split',
    file: 'src/write-behind/flusher.ts',
    find: 'const halves = splitWrites(writes, triesIn(scope));',
    replace: 'const halves = null as ReturnType<typeof splitWrites>;',
    caughtBy: {
      file: integration('buffer'),
      title: 'puts exactly the culprits among the dead letters, and flushes everything else',
    },
  },
  {
    keeps: '4',
    breaks: 'dead letters are dropped',
    file: 'src/redis/scripts/settle.lua',
    find: "  if is_error(redis.pcall('HSET', KEYS[2], letter.id, letter.json)) then return false end\n",
    replace: '',
    caughtBy: {
      file: integration('buffer'),
      title: 'puts exactly the culprits among the dead letters, and flushes everything else',
    },
  },
  {
    keeps: '4',
    breaks: 'code that is among the dead letters keeps its session dirty',
    file: 'src/redis/scripts/settle.lua',
    find: 'rev > math.max(flushed, put_aside)',
    replace: 'rev > flushed',
    caughtBy: {
      file: integration('buffer'),
      title: 'puts exactly the culprits among the dead letters, and flushes everything else',
    },
  },
  {
    keeps: '4',
    breaks: 'code that is among the dead letters is tried again with each message',
    file: 'src/redis/scripts/peek.lua',
    find: 'not is_beyond and rev <= dealt_with',
    replace: 'not is_beyond and rev <= (number(held[2]) or 0)',
    caughtBy: {
      file: integration('buffer'),
      title: 'puts exactly the culprits among the dead letters, and flushes everything else',
    },
  },
  {
    keeps: '4',
    breaks: 'code whose revision is damaged is passed over, and goes with its session',
    file: 'src/redis/scripts/peek.lua',
    find: "local is_clean = rev and number(held[4] or '0') and not held[5] and not is_beyond and rev <= dealt_with",
    replace:
      "local is_clean = number(held[4] or '0') and not held[5] and not is_beyond and (rev or 0) <= dealt_with",
    caughtBy: {
      file: integration('buffer'),
      title: 'isn’t held up by damaged sessions, and puts what it can’t read among the dead letters',
    },
  },
  {
    keeps: '4',
    breaks: 'a revision that no room can follow reaches Postgres',
    file: 'src/write-behind/flusher.ts',
    find: 'term > MAX_TERM || termOf(code.rev) > term',
    replace: 'term > MAX_TERM',
    caughtBy: {
      file: unit('src/write-behind/flusher'),
      title:
        'by a revision of a later term than any that was registered isn’t written: no room could follow it',
    },
  },
  {
    keeps: '4',
    breaks: 'dead letters grow beyond what a record may have',
    file: 'src/redis/scripts/settle.lua',
    find: '  if number(sizes[1]) + more > tonumber(ARGV[2]) then return false end\n',
    replace: '',
    caughtBy: {
      file: integration('bounds'),
      title: 'keep the data dirty when all of them take too much, and nobody waits',
    },
  },
  {
    keeps: '4',
    breaks: 'a settlement is sent at once, however large its letters are',
    file: 'src/redis/session-buffer.ts',
    find: 'cutBySize(settlements.flatMap(splitSettlement), sizeOf, MAX_REQUEST_BYTES)',
    replace: '[settlements]',
    caughtBy: { file: integration('bounds'), title: 'to set aside one session’s many messages' },
  },
  {
    keeps: '4',
    breaks: 'a session whose hash is none fails every sweep',
    file: 'src/redis/scripts/peek.lua',
    find: "redis.pcall('HMGET', key, 'rev', 'flushed', 'put_aside', 'term', 'rewrite')",
    replace: "redis.call('HMGET', key, 'rev', 'flushed', 'put_aside', 'term', 'rewrite')",
    caughtBy: {
      file: integration('bounds'),
      title: 'keeps what is to be put aside until there is room, and flushes the others',
    },
  },
  {
    keeps: '4',
    breaks: 'a session whose code is missing stays dirty for ever',
    file: 'src/write-behind/flusher.ts',
    find: "  if (!code) throw new DamagedDataError('the buffer holds a revision of a session, but no code');\n",
    replace: '  if (!code) return null;\n',
    caughtBy: {
      file: integration('buffer'),
      title: 'of a session with a revision and no code makes a dead letter, and leaves it clean',
    },
  },
  {
    keeps: '4',
    breaks: 'a damaged number fails the whole settlement',
    file: 'src/redis/scripts/settle.lua',
    find: 'text(number(held[4])), without_room }',
    replace: "held[4] or '0', without_room }",
    caughtBy: {
      file: integration('buffer'),
      title: 'isn’t held up by damaged sessions, and puts what it can’t read among the dead letters',
    },
  },
  {
    keeps: '4',
    breaks: 'a flush waits for a row that somebody else holds',
    file: 'src/postgres/write-sessions.ts',
    find: 'for no key update skip locked\n',
    replace: 'for no key update\n',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'skips a row that is locked, writes the others, and a retry gets it',
    },
  },
  {
    keeps: '4',
    breaks: 'a dead letter is removed though Postgres refuses it still',
    file: 'src/write-behind/flusher.ts',
    find: '      if (error instanceof WriteRefusedError) return { refused:',
    replace:
      '      await this.#buffer.removeDead(id);\n      if (error instanceof WriteRefusedError) return { refused:',
    caughtBy: {
      file: integration('buffer'),
      title: 'puts exactly the culprits among the dead letters, and flushes everything else',
    },
  },
  {
    keeps: '5',
    breaks: 'a room opens its session in a term that it has not recorded',
    file: 'src/room/document/hosted-session.ts',
    find: '      await this.#put({ source: null, lastCommit: 0, ...record, term });\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/hosted-session'),
      title:
        'records the term before it opens the session in it, and what it found before anything happens with it',
    },
  },
  {
    keeps: '5',
    breaks: 'a room goes on though its storage, which only the current instance may write, refuses it',
    file: 'src/room/document/hosted-session.ts',
    find: 'await this.#options.storage.put(RECORD, record);',
    replace: 'await this.#options.storage.put(RECORD, record).catch(() => {});',
    caughtBy: {
      file: unit('src/room/document/hosted-session'),
      title: 'is refused when the term can’t be recorded, and asks no store',
    },
  },
  {
    keeps: '5',
    breaks: 'a room opens its session in a term that a store knows',
    file: 'src/room/document/hosted-session.ts',
    find: '      term = opened.term + 1;\n',
    replace: '      term = opened.term;\n',
    caughtBy: {
      file: unit('src/room/document/hosted-session'),
      title: 'takes a term that no store knows, and records each before it is tried',
    },
  },
  {
    keeps: '5',
    breaks: 'a room writes in a term that Postgres knows, where Redis has forgotten it',
    file: 'src/write-behind/buffered-repository.ts',
    find: "    if (termOf(newest) >= term) return { outcome: 'term_taken', term: termOf(newest) };\n",
    replace: '',
    caughtBy: {
      file: unit('src/write-behind/buffered-repository'),
      title: 'is known from Postgres’ code, where the buffer has forgotten it',
    },
  },
  {
    keeps: '5',
    breaks: 'a session that was given up records its term over that of the next',
    file: 'src/room/document/hosted-session.ts',
    find: 'if (this.#live !== live)',
    replace: 'if (this.#live === undefined)',
    caughtBy: {
      file: unit('src/room/document/hosted-session'),
      title: 'records nothing over the record of the one that was opened since',
    },
  },
  {
    keeps: '5',
    breaks: 'a room that stands on Postgres comes to its own storage only once',
    file: 'src/room/document/durability.ts',
    find: "if (this.#source === source && source !== 'postgres') return;",
    replace: 'if (this.#source === source) return;',
    caughtBy: {
      file: unit('src/room/document/live-session'),
      title: 'acknowledges nothing once another instance has its storage, though Postgres took the commit',
    },
  },
  {
    keeps: '5',
    breaks: 'a room that was replaced calls what it wrote safe before its storage has refused it',
    file: 'src/room/document/durability.ts',
    find: "      await this.#record('postgres');\n",
    replace: "      this.#setFlushed(tail?.code?.rev ?? 0);\n      await this.#record('postgres');\n",
    caughtBy: {
      file: unit('src/room/document/durability'),
      title: 'nothing is called flushed before it is recorded: a room that was replaced can’t',
    },
  },
  {
    keeps: '5',
    breaks: 'a commit of a session that was given up sends the clients of the next one away',
    file: 'src/room/document/commit-queue.ts',
    find: '    if (this.#isClosed) return;\n    if (error',
    replace: '    if (error',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'that is refused after the session was closed is no word on the one that was opened since',
    },
  },
  {
    keeps: '5',
    breaks: 'a room that was refused goes on',
    file: 'src/room/document/commit-queue.ts',
    find: '      this.close();\n      this.#ports.onSuperseded();\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'stops when another room has taken over, and acknowledges nothing more',
    },
  },
  {
    keeps: '5',
    breaks: 'the buffer takes commits whatever their term',
    file: 'src/redis/scripts/commit.lua',
    find: 'if number(held[1]) > tonumber(ARGV[2]) then return { 0 } end\n',
    replace: '',
    caughtBy: {
      file: integration('buffer'),
      title: 'is refused to a room that has been succeeded',
    },
  },
  {
    keeps: '5',
    breaks: 'a commit doesn’t register its term',
    file: 'src/redis/scripts/commit.lua',
    find: "set('term', ARGV[2])\n",
    replace: '',
    caughtBy: {
      file: integration('buffer'),
      title: 'is refused to an earlier room by its term alone, though the buffer has lost everything since',
    },
  },
  {
    keeps: '5',
    breaks: 'a room opens a session in a term that another has',
    file: 'src/redis/scripts/open.lua',
    find: 'if not known or known >= tonumber(ARGV[2]) then return',
    replace: 'if not known then return',
    caughtBy: {
      file: integration('buffer'),
      title: 'answers an equal or a smaller term with the registered one, and changes nothing',
    },
  },
  {
    keeps: '5',
    breaks: 'terms are compared as texts',
    file: 'src/redis/scripts/open.lua',
    find: 'known >= tonumber(ARGV[2])',
    replace: "(registered or '') >= ARGV[2]",
    caughtBy: {
      file: integration('buffer'),
      title: 'answers an equal or a smaller term with the registered one, and changes nothing',
    },
  },
  {
    keeps: '5',
    breaks: 'a room goes over a damaged term',
    file: 'src/redis/scripts/open.lua',
    find: 'if not known or known >= tonumber(ARGV[2]) then return',
    replace: 'if known and known >= tonumber(ARGV[2]) then return',
    caughtBy: {
      file: integration('takeover'),
      title:
        'is damaged when it is no number, or so great that no room can have taken it, and nothing of it changes',
    },
  },
  {
    keeps: '5',
    breaks: 'Postgres tells of a session’s term by its code alone',
    file: 'src/postgres/sessions.ts',
    find: 'const { code, rev, newest } = row;\n',
    replace: 'const { code, rev } = row;\n    const newest = rev;\n',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'knows the term of a room that wrote messages alone',
    },
  },
  {
    keeps: '5',
    breaks: 'Postgres opens a session in a term that its code has already',
    file: 'src/postgres/sessions.ts',
    find: "    if (termOf(newest) >= term) return { outcome: 'term_taken', term: termOf(newest) };\n",
    replace: '',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'opens in a term that is greater than that of its code, with the code and its receipts',
    },
  },
  {
    keeps: '5',
    breaks: 'Postgres, standing in, doesn’t tell a room that it was superseded',
    file: 'src/postgres/sessions.ts',
    find: '        if (termOf(outcome.rev) > term) throw new SupersededError(sessionId);\n',
    replace: '',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'takes no code of a room that was superseded, and tells it so',
    },
  },
  {
    keeps: '6',
    breaks: 'a room asks again and again for what a buffer has lost, though Postgres has everything',
    file: 'src/room/document/durability.ts',
    find: "this.#reached.kind === 'lost' ? this.hasTail : this.#isDirty;",
    replace: 'this.#isDirty;',
    caughtBy: {
      file: unit('src/room/document/flush-control'),
      title: 'has the room ask no more once Postgres has everything',
    },
  },
  {
    keeps: '6',
    breaks: 'a room that was knocked at keeps its timer, and never sleeps again',
    file: 'src/room/connections/knocks.ts',
    find: '      this.#isLooking = this.#knocks.size > 0;\n',
    replace: '      this.#isLooking = true;\n',
    caughtBy: {
      file: unit('src/room/connections/knocks'),
      title: 'leaves no timer behind, so the room can sleep',
    },
  },
  {
    keeps: '6',
    breaks: 'the sweeper takes its lease and sweeps with nothing dirty',
    file: 'src/redis/scripts/lease.lua',
    find: 'local is_many = dirty > 0 and dirty >= tonumber(ARGV[3])',
    replace: 'local is_many = dirty == 0 or dirty >= tonumber(ARGV[3])',
    caughtBy: {
      file: integration('sweeper'),
      title: 'costs one command',
    },
  },
  {
    keeps: '6',
    breaks: 'each commit asks for the system’s load',
    file: 'src/redis/scripts/commit.lua',
    find: "if ARGV[14] == '1' then",
    replace: 'if true then',
    caughtBy: {
      file: integration('buffer'),
      title: 'takes at most four commands inside its script, once the session is dirty',
    },
  },
  {
    keeps: '6',
    breaks: 'what Postgres has stays in Redis for ever',
    file: 'src/redis/scripts/commit.lua',
    find: "if not is_dirty then redis.call('EXPIRE', KEYS[1], ARGV[15]) end\n",
    replace: '',
    caughtBy: {
      file: integration('buffer'),
      title: 'of code that Postgres has leaves the session clean, and its hash with a time to live',
    },
  },
  {
    keeps: '6',
    breaks: 'a sweep asks once more when all has been read',
    file: 'src/write-behind/flusher.ts',
    find: "      if (!peek.isCut) return 'done';\n",
    replace: '',
    caughtBy: {
      file: integration('sweeper'),
      title: 'takes only what its room should have flushed, for four requests, without the lease',
    },
  },
  {
    keeps: '6',
    breaks: 'the sweeper takes what rooms would flush by themselves',
    file: 'src/write-behind/flusher.ts',
    find: 'this.#sweep(scope, { untilMs: staleUntilMs })',
    replace: 'this.#sweep(scope, {})',
    caughtBy: {
      file: integration('sweeper'),
      title: 'takes only what its room should have flushed, for four requests, without the lease',
    },
  },
  {
    keeps: '6',
    breaks: 'a turn goes on when its requests are used up',
    file: 'src/write-behind/flusher.ts',
    find: '    while (requestsFor(scope) >= BATCH_REQUESTS) {\n      const lease',
    replace: '    for (;;) {\n      const lease',
    caughtBy: {
      file: integration('sweeper'),
      title: 'ends between two batches, gives its lease up, and the next turns do the rest',
    },
  },
  {
    keeps: '2',
    breaks: 'sessions count as flushed that a turn had no requests for',
    file: 'src/write-behind/flusher.ts',
    find: '      if (peek.isCut) continue;\n',
    replace: '',
    caughtBy: {
      file: integration('sweeper'),
      title: 'flushes them as far as the requests go, and says which are clean',
    },
  },
  {
    keeps: '7',
    breaks: 'a handler knows the buffer',
    file: 'src/room/handlers/chat-message.ts',
    find: "import type { HandlerContext } from './context.ts';\n",
    replace:
      "import type { Keys } from '../../redis/keys.ts';\nimport type { HandlerContext } from './context.ts';\n\nexport type KeysOfChat = Keys;\n",
    caughtBy: {
      file: unit('test/unit/dependencies'),
      title: 'a room knows nothing of the buffer, but where it is wired',
    },
  },
  {
    keeps: '8',
    breaks: 'an edit isn’t moved behind what its author did not know',
    file: 'src/room/document/document.ts',
    find: '      change = moveBehind(sent, unseen);\n',
    replace: '      change = sent;\n',
    caughtBy: {
      file: unit('src/room/document/document'),
      title: 'are moved behind those that their author did not know, and not behind their own',
    },
  },
  {
    keeps: '8',
    breaks: 'the client puts others’ changes where they were made, whatever was typed here since',
    file: 'src/client/sdk/shared-document.ts',
    find: '    const local = moveOver(change, this.#pending);\n',
    replace: '    const local = change;\n',
    caughtBy: {
      file: unit('src/client/sdk/shared-document'),
      title: 'go before own edits that the room doesn’t have, and what is sent next knows them',
    },
  },
  {
    keeps: '8',
    breaks: 'a watcher who comes in between two frames of an audience starts from the room’s text',
    file: 'src/room/document/audience-feed.ts',
    find: '    if (behind) return { code: behind.text.toString(), rev: behind.rev, selections: behind.selections };\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/audience-feed'),
      title: 'grows by a watcher who comes in between two frames, and by one who knows whole texts only',
    },
  },
  {
    keeps: '8',
    breaks: 'an audience isn’t sent what waits before one of it may edit',
    file: 'src/room/handlers/handle-command.ts',
    find: '  if (hasChanged.length > 0) edits.showAudience(session.live);\n',
    replace: '',
    caughtBy: {
      file: unit('src/room/document/audience-feed'),
      title: 'is sent a frame a few at a time; who starts anew meanwhile, or may edit, isn’t sent it twice',
    },
  },
  {
    keeps: '9',
    breaks: 'what all strangers together may do in a day isn’t bounded',
    file: 'src/access/stranger-limits.ts',
    find: '      if (!counted.isAllowed) return { isAllowed: false, quota, resetMs: counted.quota.resetMs };\n',
    replace: '',
    caughtBy: { file: integration('strangers'), title: 'holds for all together on a day' },
  },
  {
    keeps: '10',
    breaks: 'the player, opened directly, has the origin of the page',
    file: 'src/client/static/_headers',
    find: "  Content-Security-Policy: sandbox allow-scripts; default-src 'none'; script-src 'self' 'unsafe-eval' data: blob:; worker-src data: blob:; connect-src https: data: blob:; media-src https: data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'\n",
    replace:
      "  Content-Security-Policy: default-src 'none'; script-src 'self' 'unsafe-eval' data: blob:; worker-src data: blob:; connect-src https: data: blob:; media-src https: data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'\n",
    caughtBy: {
      file: integration('page-served'),
      title:
        'sends the player with a policy in place of the page’s, for any origin, each navigation sandboxed',
    },
  },
  {
    keeps: 'a',
    breaks: 'reading for a flush takes the dirty mark away',
    file: 'src/redis/scripts/peek.lua',
    find: '  if since then\n',
    replace: "  if since then\n    redis.call('ZREM', KEYS[1], id)\n",
    caughtBy: {
      file: integration('buffer'),
      title: 'takes nothing out before Postgres has it',
    },
  },
  {
    keeps: 'b',
    breaks: 'after a failed commit the older code is put over the newer',
    file: 'src/room/document/pending.ts',
    find: '{ ...later.code, edits:',
    replace: '{ ...earlier.code, edits:',
    caughtBy: {
      file: unit('src/room/document/commit-queue'),
      title: 'that fails puts nothing older over what came in meanwhile',
    },
  },
  {
    keeps: 'b',
    breaks: 'settling removes the dirty mark whatever has changed since',
    file: 'src/redis/scripts/settle.lua',
    find: "  if not left then\n    redis.call('ZREM'",
    replace: "  if true then\n    redis.call('ZREM'",
    caughtBy: {
      file: integration('buffer'),
      title: 'keeps what came in between reading and settling, and keeps it dirty',
    },
  },
  {
    keeps: 'c',
    breaks: 'settling deletes all messages, not those that were written',
    file: 'src/redis/scripts/settle.lua',
    find: "    if #gone > 0 then redis.pcall('HDEL', one.messages_key, unpack(gone)) end\n",
    replace: "    redis.pcall('DEL', one.messages_key)\n",
    caughtBy: {
      file: integration('buffer'),
      title: 'keeps what came in between reading and settling, and keeps it dirty',
    },
  },
  {
    keeps: 'd',
    breaks: 'messages leave Redis as they are read, before they are inserted',
    file: 'src/redis/scripts/peek.lua',
    find: "  until cursor == '0' or is_partial\n",
    replace: "  until cursor == '0' or is_partial\n  redis.call('DEL', key)\n",
    caughtBy: {
      file: integration('buffer'),
      title: 'takes nothing out before Postgres has it',
    },
  },
  {
    keeps: 'e',
    breaks: 'a room gives its messages places without regard to those of the room before',
    file: 'src/room/document/message-history.ts',
    find: 'position: numberIn(this.#term, this.#count),',
    replace: 'position: this.#count,',
    caughtBy: {
      file: unit('src/room/document/message-history'),
      title: 'come after those of earlier rooms, though its history can’t be read and its clock was ahead',
    },
  },
  {
    keeps: 'e',
    breaks: 'of a message that is in both stores the earlier room’s place counts',
    file: 'src/domain/merge-messages.ts',
    find: 'if (!other || other.position < message.position)',
    replace: 'if (!other)',
    caughtBy: {
      file: unit('src/domain/merge-messages'),
      title: 'have a message where the later room put it',
    },
  },
  {
    keeps: 'e',
    breaks: 'a message gets its id when it is written to Postgres',
    file: 'src/postgres/write-sessions.ts',
    find: 'm.session_id, m.id, m.message_type,',
    replace: 'm.session_id, gen_random_uuid(), m.message_type,',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'changes no row when it is repeated',
    },
  },
  {
    keeps: 'e',
    breaks: 'a message gets its time when it is written to Postgres',
    file: 'src/postgres/write-sessions.ts',
    find: 't.id, to_timestamp(m.created_ms / 1000.0), m.position\n',
    replace: 't.id, now(), m.position\n',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'writes code and messages of many sessions at once, byte for byte',
    },
  },
  {
    keeps: 'e',
    breaks:
      'messages are read in the order of their times, which two rooms’ clocks may give the other way round',
    file: 'src/postgres/sessions.ts',
    find: '.orderBy(order(position), order(id))',
    replace: '.orderBy(order(sessionMessages.createdAt), order(id))',
    caughtBy: {
      file: integration('postgres-repository'),
      title: 'gives the newest that fit, oldest first, by type and before a position',
    },
  },
  {
    keeps: 'e',
    breaks: 'a room gives a message an id of its own, not its client’s',
    file: 'src/room/handlers/chat-message.ts',
    find: 'const id = payload.id ?? crypto.randomUUID();',
    replace: 'const id: string = crypto.randomUUID();',
    caughtBy: { file: integration('rooms'), title: 'of a message is stored and shown once' },
  },
  {
    keeps: 'e',
    breaks: 'a client sends its messages again by the times that rooms gave them',
    file: 'src/client/sdk/chat-log.ts',
    find: 'return [...this.#unacknowledged].filter((entry) => !entry.inFlight)',
    replace: 'return this.#entries.filter((entry) => this.#unacknowledged.has(entry) && !entry.inFlight)',
    caughtBy: {
      file: unit('src/client/sdk/session-client'),
      title:
        'is sent again in the order in which it was made, though a room with another clock has shown only some of it',
    },
  },
  {
    keeps: 'f',
    breaks: 'what two flushes have settled counts twice',
    file: 'src/redis/scripts/settle.lua',
    find: "local done = { 'commits', 'edits', 'messages' }",
    replace: "local done = { 'none' }",
    caughtBy: {
      file: integration('buffer'),
      title: 'counts what was committed once it is settled, and only once',
    },
  },
  {
    keeps: 'f',
    breaks: 'a sweeper goes on though its lease has gone to another',
    file: 'src/redis/scripts/peek.lua',
    find: "  if type(holder) == 'string' and holder ~= 'open' and holder ~= ARGV[2] then return { now, 'lost', 0, {} } end\n",
    replace: '',
    caughtBy: {
      file: integration('sweeper'),
      title: 'stops when its lease has gone to another',
    },
  },
  {
    keeps: 'f',
    breaks: 'a sweep goes session by session',
    file: 'src/write-behind/flusher.ts',
    find: "      isCut = (await this.#write(writes, pieces, summary, scope)) === 'cut';\n    } catch",
    replace:
      '      for (const write of writes) await this.#write([write], pieces, summary, scope);\n    } catch',
    caughtBy: {
      file: integration('worker-api'),
      title: 'writes many in one transaction, and metrics tell of it',
    },
  },
  {
    keeps: 'g',
    breaks: 'a commit first reads the session from Postgres',
    file: 'src/write-behind/buffered-repository.ts',
    find: '    if (this.#breaker.tryEnter()) {\n',
    replace: '    await this.#postgres.getSession(commit.sessionId);\n    if (this.#breaker.tryEnter()) {\n',
    caughtBy: { file: unit('src/write-behind/buffered-repository'), title: 'goes to the buffer alone' },
  },
  {
    keeps: 'g',
    breaks: 'rooms with too much to do take Redis for dead though it answers others',
    file: 'src/redis/upstash-rest.ts',
    find: ' && this.#answers() === answersBefore',
    replace: '',
    caughtBy: {
      file: unit('src/redis/upstash-rest'),
      title: 'is not charged for time in which Redis answers others, within bounds',
    },
  },
  {
    keeps: 'g',
    breaks: 'a room that is late itself takes Redis for dead',
    file: 'src/redis/upstash-rest.ts',
    find: 'nowMs - dueMs <= LATE_MS && ',
    replace: '',
    caughtBy: {
      file: unit('src/redis/upstash-rest'),
      title: 'is not charged for time that this side did not have, within bounds',
    },
  },
  {
    keeps: 'h',
    breaks: 'a host’s second answer to a knock counts while the first is carried out',
    file: 'src/room/connections/knocks.ts',
    find: '    if (knock.isAnswered || knock.overMs !== null) {\n',
    replace: '    if (knock.overMs !== null) {\n',
    caughtBy: {
      file: unit('src/room/connections/knocks'),
      title: 'counts once, and the first one does, also while it is carried out',
    },
  },
  {
    keeps: 'h',
    breaks: 'an invite’s uses are not looked at in the statement that counts them',
    file: 'src/postgres/membership.ts',
    find: '  and (i.max_uses is null or i.uses_count < i.max_uses)\n',
    replace: '',
    caughtBy: {
      file: integration('people'),
      title: 'lets exactly ten of a hundred in who come at once on an invite of ten uses',
    },
  },
];
