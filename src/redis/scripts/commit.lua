-- One group commit of a room: the newest code and all new messages, at once or not at all. Doing it twice is doing it once.
--
-- KEYS[1] session hash, KEYS[2] messages hash, KEYS[3] dirty set, KEYS[4] sweeper's lease, KEYS[5] counters,
-- KEYS[6] sessions by their last activity (ms)
-- ARGV[1] session id, ARGV[2] the room's fencing token
-- ARGV[3] revision of the code, or '' for a batch without code; then ARGV[4] code, ARGV[5] time of the edit (ms),
-- ARGV[6] editor's user id or '', ARGV[7] number of edits it stands for
-- ARGV[8] revision that the room knows to be in Postgres (taken only where the buffer knows of none)
-- ARGV[9] '' when ARGV[4] is the whole code; else ARGV[4] is a piece of it, and this says what it replaces in which code of the
-- same room: its revision, first byte (from 0), bytes replaced, size of that code in bytes, with blanks between them
-- ARGV[10] time of the session's last message (ms), as the room knows it; 0 when it knows of none
-- ARGV[11] the commit's number, greater than that of any before it; ARGV[12] number of the last one that has to be here, 0 for
-- none: where the last one here is an earlier one, the buffer has lost some
-- ARGV[13] number of messages n, followed by n pairs (id, JSON), followed by pairs (connection id, receipts or '' to forget)
-- Returns { 1, stored revision, flushed revision, 1 if dirty, number of the last commit, lease left (ms), dirty sessions }, or { 0 } when a
--           newer token has been given out, or { 2 } when the whole code is needed: it isn't the one that the piece belongs to
--           that is here, or { 3 } when commits are lost. Then nothing has changed.
local epoch = tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'epoch', 'rev', 'code_epoch', 'flushed', 'settled', 'last_message', 'last_commit')
local owner = tonumber(held[1] or '')
-- The fence: without it a room that was replaced while it hung would overwrite its successor.
if owner and owner > epoch then return { 0 } end
-- Nothing is taken before the room knows: were the answer lost that says so, the next one would find all in order.
local last_commit = tonumber(held[7] or '') or 0
if last_commit < tonumber(ARGV[12]) then return { 3 } end

local rev = tonumber(held[2] or '')
local code_epoch = tonumber(held[3] or '') or 0
local flushed = tonumber(held[4] or '') or tonumber(ARGV[8])
local settled = tonumber(held[5] or '') or 0
local code = ARGV[4]
if ARGV[9] ~= '' then
  local base_rev, start, deleted, size = string.match(ARGV[9], '^(%d+) (%d+) (%d+) (%d+)$')
  -- A room commits one code under a revision.
  local base = code_epoch == epoch and rev == tonumber(base_rev) and redis.call('HGET', KEYS[1], 'code')
  if not base or #base ~= tonumber(size) then return { 2 } end
  code = string.sub(base, 1, tonumber(start)) .. code .. string.sub(base, start + deleted + 1)
end
-- One that was given up, and arrives late, doesn't count as the last.
last_commit = math.max(last_commit, tonumber(ARGV[11]))
-- What is set in the session's hash: at once, as each command of a script may be billed.
local fields = { 'epoch', ARGV[2], 'last_commit', string.format('%.0f', last_commit) }
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if not held[4] then set('flushed', ARGV[8]) end
-- The next room gives its messages later times than this, whatever its clock says.
if tonumber(ARGV[10]) > (tonumber(held[6] or '') or 0) then set('last_message', ARGV[10]) end

local changed, refused = false, false
local new_rev = tonumber(ARGV[3])
if new_rev then
  -- Never backwards, whoever wrote what is there: Postgres may be ahead of the buffered copy too.
  local highest = math.max(rev or 0, flushed, settled)
  if new_rev > highest then
    set('code', code)
    set('rev', ARGV[3])
    set('code_epoch', ARGV[2])
    set('edited_at', ARGV[5])
    set('editor', ARGV[6])
    redis.call('HINCRBY', KEYS[5], 'edits', ARGV[7])
    rev = new_rev
    changed = true
  elseif new_rev ~= rev or code_epoch ~= epoch then
    -- Not a repetition of what is stored, which may be another room's under the same revision: tell the room where it has to
    -- continue from, which is never the revision it came with.
    rev = math.max(highest, new_rev + 1)
    refused = true
  end
end

local messages = tonumber(ARGV[13])
local added = 0
for i = 14, 13 + 2 * messages, 2 do
  -- One that is there already may be an earlier room's, under another time: this room's counts, as it is the newest.
  added = added + redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
-- A receipt says that the stored code contains an edit. The next room would acknowledge one that it doesn't.
if not refused then
  for i = 14 + 2 * messages, #ARGV, 2 do
    if ARGV[i + 1] == '' then
      redis.call('HDEL', KEYS[1], 'receipt:' .. ARGV[i])
    else
      set('receipt:' .. ARGV[i], ARGV[i + 1])
    end
  end
end
redis.call('HSET', KEYS[1], unpack(fields))

redis.call('HINCRBY', KEYS[5], 'commits', 1)
if added > 0 then redis.call('HINCRBY', KEYS[5], 'messages', added) end
if changed or added > 0 then
  local now = redis.call('TIME')
  local ms = string.format('%.0f', math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000))
  -- Dirty data never expires; only a clean session's hash is given a time, and its messages never are.
  if redis.call('ZADD', KEYS[3], 'NX', ms, ARGV[1]) == 1 then redis.call('PERSIST', KEYS[1]) end
  redis.call('ZADD', KEYS[6], ms, ARGV[1])
end
local is_dirty = changed or added > 0 or redis.call('ZSCORE', KEYS[3], ARGV[1])
local lease = redis.call('PTTL', KEYS[4])
return {
  1, rev or 0, flushed,
  is_dirty and 1 or 0,
  string.format('%.0f', last_commit),
  lease > 0 and lease or 0,
  redis.call('ZCARD', KEYS[3]),
}
